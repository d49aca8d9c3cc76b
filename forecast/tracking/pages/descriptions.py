"""What a run is, said in words on its page: the model, the data, how good it is, and how to load it. It is Markdown."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from forecast.architectures import ARCHITECTURES
from forecast.datasets.addresses import masked, without_password
from forecast.settings import Settings
from forecast.tracking.pages.names import data_name
from forecast.tracking.record import skill_of

SCORES = {"mase": "MASE", "smape": "sMAPE", "wql": "WQL"}  # of which less is better


def of_fit(name: str, settings: Settings, data: Mapping[str, Any], source: str | None, seconds: float, id: str) -> str:
    """Describe the run of a fit.

    Args:
        name: name of the model.
        settings: settings of the model.
        data: description of the training rows, as `forecast.datasets.fingerprint.described` makes it.
        source: address of the table; None where it came from memory.
        seconds: wall time of the fit.
        id: id by which the run's model is loaded.
    """
    title = f"**{_code(name)} fitted{_to(source)}**, to forecast {_steps(settings.horizon)}"
    score = f"not known from a fit: `forecast evaluate DATA --horizon {settings.horizon} --model {settings.model}`"
    lines = {"Model": _model(settings), "Data": _data(data, source), "Fit": f"{seconds:.1f} s", "How good": score}
    return _page(title, {**lines, "Load": _load(id)})


def of_evaluation(
    name: str,
    settings: Settings,
    data: Mapping[str, Any],
    source: str | None,
    metrics: Mapping[str, float],
    naive: Mapping[str, float],
    rules: Mapping[str, Any],
    known_to: str,
    id: str,
) -> str:
    """Describe the run of an evaluation.

    Args:
        name: name that the evaluation gives the model.
        settings: settings of the model.
        data: description of the rows, as `forecast.datasets.fingerprint.described` makes it.
        source: address of the table; None where it came from memory.
        metrics: the model's metrics by name.
        naive: those of seasonal naive on the same points.
        rules: the protocol by name, as `EvaluationProtocol.described` makes it.
        known_to: time of the last row that the run's model has learnt from.
        id: id by which the run's model is loaded.
    """
    title = f"**{_code(name)} {_verdict(metrics, naive)}**{_to(source, ' on ')}, {_steps(rules['horizon'])} ahead"
    lines = {
        "Model": _model(settings),
        "Data": _data(data, source),
        "Scored": _protocol(rules),
        "Load": f"{_load(id)} (it knows the rows up to {known_to})",
    }
    return _page(title, lines, _scores(metrics, naive))


def of_prediction(
    settings: Settings, data: Mapping[str, Any], source: str | None, steps: int, file: str | None, made_by: str | None
) -> str:
    """Describe the run of a prediction.

    Args:
        settings: settings of the model.
        data: description of the rows that it was made from, as `forecast.datasets.fingerprint.described` makes it.
        source: address of those rows; None for the model's own.
        steps: steps that were forecast.
        file: file of the forecasts; None for none.
        made_by: id of the run, or of its record, whose model it was; None where that is not on record.
    """
    title = f"**{_steps(steps)} forecast by {_code(settings.model)}**{_to(source, ' from ')}, after {data['last']}"
    lines = {"Model": _model(settings), "Data": _data(data, source)}
    lines |= {"Fitted in": _load(made_by[:8])} if made_by is not None else {}
    if file is not None:
        whence, score = f"forecast whence {file}", f"forecast score {file} ACTUALS"
        lines["File"] = f"{_code(file)}: {_code(whence)} says where it comes from, {_code(score)} how good it was"
    return _page(title, lines)


def of_score(model: str, newest: str, scored: int, left: int, metrics: Mapping[str, float], run_id: str) -> str:
    """Describe the run of a prediction's scores.

    Args:
        model: name of the model.
        newest: time of the newest actual.
        scored: number of forecasts that have an actual.
        left: number of forecasts whose actual is still to come.
        metrics: metrics by name; `drift` and `churn` among them where they are known.
        run_id: id of the run of the prediction, or of its record.
    """
    drifted = metrics.get("drift")
    verdict = "" if drifted is None else f", {drifted:.2f} times the error of the backtest"
    title = f"**Forecasts of {_code(model)} scored**, {scored} of {scored + left}, up to {newest}{verdict}"
    said = [f"{label} {metrics[name]:.4g}" for name, label in SCORES.items() if name in metrics]
    said += [f"churn {metrics['churn']:.1f}%"] if "churn" in metrics else []
    return _page(title, {"Forecast in": f"run {_code(run_id[:8])}"}, ", ".join(said))


def of_job(said: str, models: str, data: Mapping[str, Any], source: str | None, gate: str, made_by: str) -> str:
    """Describe the run of a job.

    Args:
        said: what was chosen and how good that was, in a sentence without full stop.
        models: names of the models that there were to choose from.
        data: description of the rows, as `forecast.datasets.fingerprint.described` makes it.
        source: address of the table; None where it came from memory.
        gate: the conditions, and whether they were met; empty where there were none.
        made_by: who made the forecasts, and where they are; empty where there are none.
    """
    lines = {"Models": _code(models), "Data": _data(data, source)}
    lines |= {name: text for name, text in {"Required": gate, "Forecasts": made_by}.items() if text}
    return _page(f"**{masked(said)}**", lines)


def of_failure(kind: str, name: str, source: str | None, failure: Mapping[str, str]) -> str:
    """Describe a run that failed.

    Args:
        kind: "fit", "evaluate" or "run".
        name: name of the model, or of several.
        source: address of the table; None where it came from memory.
        failure: the tags that `forecast.tracking.pages.failures.tags` makes.
    """
    code, message, hint = (failure.get(f"forecast.{part}", "") for part in ("exit_code", "error", "hint"))
    what = {"fit": "fit", "evaluate": "evaluation", "run": "job"}.get(kind, kind)
    quoted = "\n".join(f"    {line}" for line in message.splitlines())
    return f"**The {what} of {_code(name)}{_to(source, ' on ')} failed** with exit code {code}.\n\n{quoted}\n\n{hint}"


def _page(title: str, lines: Mapping[str, str], scores: str = "") -> str:
    """Put a page together, the most important first: MLflow folds what is longer than a few lines."""
    listed = "\n".join(f"- **{name}**: {text}" for name, text in lines.items())
    return "\n\n".join(filter(None, (title, scores, listed)))


def _verdict(metrics: Mapping[str, float], naive: Mapping[str, float]) -> str:
    """Say how good a model is beside seasonal naive, by the first score that both have."""
    for metric, label in SCORES.items():
        skill = skill_of(metric, metrics.get(metric), naive.get(metric))
        if math.isfinite(skill):
            percent = round(100 * skill)
            side = f"{abs(percent)}% {'better' if percent > 0 else 'worse'} than" if percent else "as good as"
            return f"is {side} seasonal naive by {label}"
    return "evaluated"


def _scores(metrics: Mapping[str, float], naive: Mapping[str, float]) -> str:
    """Say the headline metrics, with seasonal naive's in brackets."""
    rows = [(label, metric, ".4g") for metric, label in SCORES.items()]
    coverages = sorted(metric for metric in metrics if re.fullmatch(r"coverage_[\d.]+", metric))
    rows += [(f"in the {metric.removeprefix('coverage_')}% interval", metric, ".0%") for metric in coverages]
    known = [row for row in rows if math.isfinite(metrics.get(row[1], math.nan))]
    said = [f"{label} {metrics[metric]:{form}} ({naive.get(metric, math.nan):{form}})" for label, metric, form in known]
    return f"{', '.join(said)}; in brackets seasonal naive's" if said else ""


def _model(settings: Settings) -> str:
    line = ARCHITECTURES.get(settings.model)
    if line is None:
        return _code(settings.model)
    return f"{_code(settings.model)}, {line.what}" + (f" ({line.source})" if line.source else "")


def _data(data: Mapping[str, Any], source: str | None) -> str:
    series, rows = data["series"], data["rows"]
    place = f"{_code(without_password(source).partition('?')[0])}, " if source else ""
    amount = f"{series:,} series with {rows:,} rows" if series != 1 else f"1 series of {rows:,} rows"
    return f"{place}{amount}, {data['first']} to {data['last']}, frequency {data['freq']}"


def _protocol(rules: Mapping[str, Any]) -> str:
    cutoffs = rules["cutoffs"]
    parts = [f"{cutoffs} cutoffs" if cutoffs != 1 else "1 cutoff"]
    parts[0] += f" every {rules['step']} rows" if rules.get("step") is not None else ""
    first, last = rules["first_cutoff"], rules["last_cutoff"]
    parts += [f"{first} to {last}" if first != last else f"{first}"]
    parts += [f"{rules['gap']} rows after each not scored"] if rules.get("gap") else []
    again = rules["refit"]
    parts += ["fitted once" if again == "never" else "fitted at each" if again == "each" else f"fitted every {again}"]
    return ", ".join(parts)


def _load(id: str) -> str:
    return f'`fc.load("runs:/{id}")` in Python, `forecast predict runs:/{id}` in a shell'


def _steps(number: int) -> str:
    return f"{number} steps" if number != 1 else "1 step"


def _to(source: str | None, word: str = " to ") -> str:
    return f"{word}{_code(data_name(source))}" if source else ""


def _code(text: str) -> str:
    """Return a text as it is, whatever it means in Markdown."""
    return f"`{masked(text).replace('`', '')}`"
