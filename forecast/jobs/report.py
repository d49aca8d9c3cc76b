"""What a job came to, in words, as JSON, and as the record of its run."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from forecast.datasets.addresses import without_password
from forecast.datasets.fingerprint import described, panel_sha256
from forecast.jobs.choosing import Choice
from forecast.jobs.declared import KEYS, OF_MODELS, Order
from forecast.jobs.files import to_toml
from forecast.jobs.nightly import Night
from forecast.tracking.environment import FIT_RECORD
from forecast.tracking.pages import failures
from forecast.tracking.pages.descriptions import of_job
from forecast.tracking.pages.failures import CODE
from forecast.tracking.pages.tags import DESCRIPTION
from forecast.tracking.record import DATASET_SHA256, MODEL, SOURCE, TRACKING_SETTINGS, references, scores

SCHEMA = "forecast/run/v1"
JOB_FILE = "job.toml"  # among the artifacts of a job's run
NAIVE = "seasonal_naive"


def as_json(night: Night) -> dict[str, Any]:
    """Return the JSON object of --json, without what tracking came to."""
    job, choice, made = night.order.job, night.choice, night.forecast
    return {
        "schema": SCHEMA,
        "status": "ok" if night.missed is None else "failed",
        "model": None if choice is None else choice.model,
        "metric": None if choice is None else choice.metric,
        "chosen_by_cutoff": [] if choice is None else [asdict(chosen) for chosen in choice.by_cutoff],
        "metrics": {} if choice is None else choice.metrics,
        "baselines": {} if choice is None else choice.baselines,
        "models": {} if choice is None else choice.models,
        "forecasts_scored": 0 if choice is None else choice.n_forecasts,
        "missed": [] if night.missed is None else [*map(str, night.missed.problems)] or [night.missed.message],
        "cutoffs": None if night.evaluation is None else night.evaluation.cutoffs,
        "series": night.panel.n_series,
        "source": None if made is None else made.source,
        "output": job.output if made is not None else None,
        "model_dir": job.save if night.saved else None,
        "lock": job.lock,
        "replay": None if night.order.replay is None else {"steps": list(night.order.replay)},
        "settings": None if made is None else asdict(made.model.resolved_),
    }


def sentence(choice: Choice) -> str:
    """Say what was chosen, how often, and how good that was."""
    n, metric = len(choice.by_cutoff), choice.metric
    score, naive = choice.metrics.get(metric), choice.baselines.get(NAIVE, {}).get(metric)
    if len(choice.models) == 1:
        text = f"{choice.model} is the only model, scored at {n} cutoff{'s' if n > 1 else ''}"
    else:
        text = f"{choice.model} is the best of {len(choice.models)}, and was chosen at {choice.times_chosen} of {n} cutoffs"
    if score is None:
        return text
    beside = "" if naive is None else f", seasonal naive {naive:.3g}"
    whose = "" if len(choice.models) == 1 else " of what was chosen"
    return f"{text}; {metric}{whose} {score:.3g} on {choice.n_forecasts} forecasts{beside}"


def started(order: Order) -> dict[str, Any]:
    """Return what the run of a job records before there is anything to report, as arguments of `Run.record_job`."""
    return {"params": params(order), "files": {JOB_FILE: to_toml(order)}}


def record(night: Night) -> dict[str, Any]:
    """Return what the run of a job records at the end, as arguments of `Run.record_job`."""
    choice, missed, job = night.choice, night.missed, night.order.job
    data = described(night.panel)
    tags = {f"forecast.dataset.{name}": str(value) for name, value in data.items()}
    tags |= {CODE: "0", SOURCE: str(without_password(job.data)), DATASET_SHA256: panel_sha256(night.panel)}
    tags |= {"forecast.made_by": "none" if night.forecast is None else night.forecast.source}
    tags |= {"forecast.gate": "missed" if missed is not None else "met" if job.require else "none"}
    tags |= {} if missed is None else failures.tags(missed)
    if night.forecast is not None and night.forecast.model.run_id_ is not None:
        tags[FIT_RECORD] = night.forecast.model.run_id_  # by which the job's run is as good as the model, too
    metrics: dict[str, float] = {}
    if choice is not None:
        about = (sentence(choice), ", ".join(choice.models), data, job.data)
        tags |= {MODEL: choice.model, DESCRIPTION: of_job(*about, _gate(night), _made_by(night))}
        tags["forecast.chosen"] = "\n".join(f"{chosen.time}: {chosen.model}" for chosen in choice.by_cutoff)
        tags |= references(choice.baselines)
        metrics = {**scores(choice.metrics, choice.baselines), "forecasts_scored": float(choice.n_forecasts)}
    files = {JOB_FILE: to_toml(night.order)}
    return {"tags": tags, "metrics": metrics, "files": files, "failed": missed is not None}


def _gate(night: Night) -> str:
    """Say what was required, and what of it was missed."""
    if night.missed is None:
        return f"{', '.join(night.order.job.require)}: met" if night.order.job.require else ""
    return f"missed: {'; '.join(map(str, night.missed.problems)) or night.missed.message}"


def _made_by(night: Night) -> str:
    """Say who made the forecasts, and where they are."""
    if night.forecast is None:
        return ""
    return f"by {night.forecast.source}" + (f", in {night.order.job.output}" if night.order.job.output else "")


def params(order: Order) -> dict[str, str]:
    """Return the keys of the job, and the settings of its models, that somebody set."""
    keys = {name: KEYS[name].text(without_password(getattr(order.job, name))) for name in KEYS if name != "lock"}
    given = {name: text for name, text in keys.items() if text != KEYS[name].default_text}
    given["model"] = ", ".join(order.job.model)
    given |= {f"{model}.{n}": OF_MODELS[n].text(v) for model, own in order.own.items() for n, v in own.items()}
    return given | {n: OF_MODELS[n].text(v) for n, v in order.settings.items() if n not in TRACKING_SETTINGS}
