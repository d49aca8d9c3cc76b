"""`forecast evaluate` reads its request, evaluates, and prints the result with these functions."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from forecast.cli.options import Job
from forecast.cli.output import say, show_frame, show_json
from forecast.cli.session import progress, read, remarks, session
from forecast.datasets.errors import ConfigError, GateError, Problem

if TYPE_CHECKING:
    from forecast.evaluation.result import Evaluation

COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "<=": operator.le,
    ">=": operator.ge,
    "<": operator.lt,
    ">": operator.gt,
}
COLUMNS_SHOWN = ("model", "mase", "smape", "owa", "mae", "rmse", "wql")


@dataclass(frozen=True, kw_only=True)
class Request:
    """An evaluation as a user wrote it.

    Args:
        data: table file, data set by name, or - for stdin.
        settings: values of `Settings`; `model` may name several, by comma.
        backtest: keywords of `forecast.evaluate` that choose the cutoffs.
        job: options that fitting commands share.
        out: file that the forecasts are written to; None for no file.
        save: directory that the best model is written to; None for no directory.
    """

    data: str
    settings: dict[str, Any]
    backtest: dict[str, Any]
    job: Job
    out: str | None
    save: Path | None


def run(request: Request, require: list[str]) -> None:
    """Evaluate, print the result, and compare it with what is required.

    Args:
        request: the evaluation.
        require: conditions such as "mase<=0.9".

    Raises:
        ConfigError: if a condition cannot be read or names no metric of the result.
        GateError: if a condition is not met.
    """
    conditions = [_condition(text) for text in require]
    _check_places(request)
    with session(quiet=request.job.quiet, track=not request.job.no_track), ExitStack() as stack:
        result = _evaluate(request, stack)
        _keep(request, result)
    remarks(result.panel.notes)
    _remark_skipped(result)
    if request.job.json:
        show_json(report(result, request.save))
    else:
        _show(result, everything=request.backtest["metrics"] is not None)
    _require(conditions, result)


def report(result: Evaluation, save: Path | None) -> dict[str, Any]:
    """Return the JSON object of --json; `save` is the directory of the best model."""
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


def _evaluate(request: Request, stack: ExitStack) -> Evaluation:
    """Evaluate; models that are fetched from MLflow are kept until the stack closes."""
    from forecast.evaluator import evaluate

    values, backtest = dict(request.settings), dict(request.backtest)
    names = _names(values.pop("model", "auto"))
    refit, metrics = backtest.pop("refit"), backtest.pop("metrics")
    return evaluate(
        read(request.data, values),
        values.pop("horizon"),
        models=[_fetched(name, values, stack) for name in names],
        refit=int(refit) if refit.isdigit() else refit,
        metrics=None if metrics is None else _names(metrics),
        output=request.out,
        progress=progress(request.job.quiet),
        source=request.data,
        **backtest,
        **values,
    )


def _names(text: str) -> list[str]:
    """Split a list by its commas."""
    return [name.strip() for name in text.split(",") if name.strip()]


def _fetched(name: str, values: dict[str, Any], stack: ExitStack) -> str:
    """Return the directory of a model that is fetched from MLflow; other names stay as they are."""
    if not name.startswith(("models:/", "runs:/")):
        return name
    from forecast.tracking.registry import fetched

    return str(stack.enter_context(fetched(name, values.get("tracking_uri"))))


def _check_places(request: Request) -> None:
    """Refuse places that cannot be written to, before any work is done."""
    from forecast.insight.plotting import check_picture
    from forecast.storage.directory import check_free

    if request.save is not None:
        check_free(request.save, overwrite=request.job.overwrite)
    if request.job.plot is not None:
        check_picture(request.job.plot)


def _keep(request: Request, result: Evaluation) -> None:
    """Write the best model and the picture where the user wants them."""
    from forecast.insight.plotting import save_figure
    from forecast.storage.saving import save

    if request.save is not None:
        save(result.fitted, request.save, overwrite=request.job.overwrite)
    if request.job.plot is not None:
        save_figure(result.plot(), request.job.plot)
        say(f"drew {request.job.plot}")


def _show(result: Evaluation, *, everything: bool) -> None:
    """Print the leaderboard, with all metrics or the usual ones, and the summary."""
    frame = result.leaderboard
    show_frame(frame if everything else frame[[name for name in COLUMNS_SHOWN if name in frame]])
    for name, spread in result.seeds.items():
        scores = ", ".join(
            f"{m} {spread.mean[m]:.4g} ± {spread.deviation[m]:.2g}" for m in COLUMNS_SHOWN if m in spread.mean
        )
        share = "" if spread.difference is None else f"; two forecasts differ by {spread.difference:.0%} of the error"
        say(f"{name}, {spread.n} seeds: {scores}{share}")
    say(f"{result.summary}; fit {result.fit_seconds:.1f} s, forecasts {result.predict_seconds:.2f} s")


def _remark_skipped(result: Evaluation) -> None:
    """Say which series the metrics do not count, and why."""
    if result.skipped:
        names = ", ".join(list(result.skipped)[:5]) + ("..." if len(result.skipped) > 5 else "")
        say(f"note: {len(result.skipped)} series have no rows around some cutoffs and are skipped there: {names}")
    if result.unscaled:
        say(f"note: {result.unscaled} series are constant or too short for a MASE scale; MASE leaves them out")


Condition = tuple[str, str, float]


def _condition(text: str) -> Condition:
    """Read a condition of --require: a metric, a comparison and a number."""
    match = re.fullmatch(r"\s*(\w+)\s*(<=|>=|<|>)\s*([-+.\deE]+)\s*", text)
    if match is None:
        raise ConfigError(f"--require {text!r} is not understood", hint="Write it as 'mase<=0.9'.")
    return match[1], match[2], float(match[3])


def _require(conditions: list[Condition], result: Evaluation) -> None:
    """Raise an error unless the best model meets every condition."""
    unknown = [name for name, _, _ in conditions if name not in result.metrics]
    if unknown:
        raise ConfigError(f"--require: no metric {', '.join(unknown)}", hint=f"Known: {', '.join(result.metrics)}.")
    missed = [
        Problem(what=f"{name} is {result.metrics[name]:.6g}", expected=f"{sign} {limit:g}")
        for name, sign, limit in conditions
        if not COMPARISONS[sign](result.metrics[name], limit)
    ]
    if missed:
        raise GateError(f"{result.best} does not meet what is required", problems=missed)
