"""The work behind `forecast evaluate`."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from forecast.cli.config import settings
from forecast.cli.output import say, show_frame, show_json
from forecast.cli.session import progress, read, refuse_mixed_output, remarks, session
from forecast.datasets.errors import ConfigError, GateError, Problem

if TYPE_CHECKING:
    from forecast.evaluation.result import Evaluation

PROTOCOL = ("cutoffs", "start", "end", "step", "gap", "scale", "mase_season", "seeds")
COMPARE: dict[str, Callable[[float, float], bool]] = {
    "<=": operator.le,
    ">=": operator.ge,
    "<": operator.lt,
    ">": operator.gt,
}
SHOWN = ("model", "mase", "smape", "owa", "mae", "rmse", "wql")


def run(given: dict[str, Any]) -> None:
    """Evaluate, print, and hold the result against what was required."""
    refuse_mixed_output(given["json"], given["out"])
    conditions = [_condition(text) for text in given["require"] or []]
    asked = given.pop("model")
    values = settings({**given, "model": None}, given["config"], given["set_"])
    models = [name.strip() for name in (asked or values.pop("model", "auto")).split(",") if name.strip()]
    values.pop("model", None)
    _check_places(given)
    with session(quiet=given["quiet"], track=not given["no_track"]), ExitStack() as stack:
        result = _evaluate(given, values, [_fetched(name, values, stack) for name in models])
        _keep(given, result)
    remarks(result.panel.notes)
    _remark_skipped(result)
    if given["json"]:
        show_json(report(result, given["save"]))
    else:
        _show(result)
    _require(conditions, result)


def report(result: Evaluation, save: Path | None) -> dict[str, Any]:
    """The JSON object of --json."""
    several = {"models": result.models} if len(result.models) > 1 else {}
    return {
        "schema": "forecast/evaluate/v1",
        "status": "ok",
        "model": result.best,
        "metrics": result.metrics,
        "baselines": result.baselines,
        **several,
        **({"seeds": {name: asdict(spread) for name, spread in result.seeds.items()}} if result.seeds else {}),
        "series": int(result.by_series["series"].nunique()),
        "cutoffs": result.cutoffs,
        "skipped": result.skipped,
        "without_scale": result.unscaled,
        "fit_seconds": result.fit_seconds,
        "fit_cpu_seconds": result.fit_cpu_seconds,
        "predict_seconds": result.predict_seconds,
        "model_dir": str(save) if save is not None else None,
        "run_id": result.run_id,
        "settings": result.settings,
    }


def _evaluate(given: dict[str, Any], values: dict[str, Any], models: list[str]) -> Evaluation:
    from forecast.evaluator import evaluate

    protocol = {name: given[name] for name in PROTOCOL}
    refit: Any = int(given["refit"]) if str(given["refit"]).isdigit() else given["refit"]
    horizon = values.pop("horizon")
    return evaluate(
        read(given["data"], values),
        horizon,
        models=models,
        refit=refit,
        output=given["out"],
        progress=progress(given["quiet"]),
        source=given["data"],
        **protocol,
        **values,
    )


def _fetched(name: str, values: dict[str, Any], stack: ExitStack) -> str:
    """A model from the registry as a directory; other names as they are."""
    if not name.startswith(("models:/", "runs:/")):
        return name
    from forecast.tracking.registry import fetched

    return str(stack.enter_context(fetched(name, values.get("tracking_uri"))))


def _check_places(given: dict[str, Any]) -> None:
    """Refuse places that cannot be written to, before any work is done."""
    from forecast.insight.plotting import check_picture
    from forecast.storage.directory import check_free

    if given["save"] is not None:
        check_free(given["save"], overwrite=given["overwrite"])
    if given["plot"] is not None:
        check_picture(given["plot"])


def _keep(given: dict[str, Any], result: Evaluation) -> None:
    from forecast.insight.plotting import save_figure
    from forecast.storage.saving import save

    if given["save"] is not None:
        save(result.fitted, given["save"], overwrite=given["overwrite"])
    if given["plot"] is not None:
        save_figure(result.plot(), given["plot"])
        say(f"drew {given['plot']}")


def _show(result: Evaluation) -> None:
    frame = result.leaderboard
    show_frame(frame[[name for name in SHOWN if name in frame]])
    for name, spread in result.seeds.items():
        scores = ", ".join(f"{m} {spread.mean[m]:.4g} ± {spread.deviation[m]:.2g}" for m in SHOWN if m in spread.mean)
        share = "" if spread.difference is None else f"; two forecasts differ by {spread.difference:.0%} of the error"
        say(f"{name}, {spread.n} seeds: {scores}{share}")
    say(f"{result.summary}; fit {result.fit_seconds:.1f} s, forecasts {result.predict_seconds:.2f} s")


def _remark_skipped(result: Evaluation) -> None:
    if result.skipped:
        names = ", ".join(list(result.skipped)[:5]) + ("..." if len(result.skipped) > 5 else "")
        say(f"note: {len(result.skipped)} series have no rows around some cutoffs and are skipped there: {names}")
    if result.unscaled:
        say(f"note: {result.unscaled} series are constant or too short for a MASE scale; MASE leaves them out")


Condition = tuple[str, str, float]


def _condition(text: str) -> Condition:
    match = re.fullmatch(r"\s*(\w+)\s*(<=|>=|<|>)\s*([-+.\deE]+)\s*", text)
    if match is None:
        raise ConfigError(f"--require {text!r} is not understood", hint="Write it as 'mase<=0.9'.")
    return match[1], match[2], float(match[3])


def _require(conditions: list[Condition], result: Evaluation) -> None:
    unknown = [name for name, _, _ in conditions if name not in result.metrics]
    if unknown:
        raise ConfigError(f"--require: no metric {', '.join(unknown)}", hint=f"Known: {', '.join(result.metrics)}.")
    missed = [
        Problem(what=f"{name} is {result.metrics[name]:.6g}", expected=f"{sign} {limit:g}")
        for name, sign, limit in conditions
        if not COMPARE[sign](result.metrics[name], limit)
    ]
    if missed:
        raise GateError(f"{result.best} does not meet what is required", problems=missed)
