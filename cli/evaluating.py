"""`forecast evaluate` reads its request, evaluates, and prints the result with these functions."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from forecast.cli.gates import Gate, check_gates, missed_gates
from forecast.cli.options import Job
from forecast.cli.output import say, show_frame, show_json
from forecast.cli.session import progress, read, remarks, session
from forecast.progress import doing

if TYPE_CHECKING:
    from forecast.evaluation.result import Evaluation
    from forecast.evaluator import Model

COLUMNS_SHOWN = ("model", "mase", "smape", "owa", "mae", "rmse", "wql", "reads")


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
    """Evaluate, print the result, and hold the best model to what is required.

    Args:
        request: the evaluation.
        require: conditions such as "mase<=0.9" or "mase<seasonal_naive".

    Raises:
        ConfigError: if a condition cannot be read, or names a metric or a model that there will not be; no table is
            read before.
        GateError: if a condition is not met; the result has been printed by then.
        TrackingError: if the runs must be recorded and are not; the same holds, and the model has been saved.
    """
    gates = [Gate.of(text) for text in require]
    with session(quiet=request.job.quiet, track=not request.job.no_track):
        doing(f"reading {request.data}")  # before what it takes is imported
        _check_places(request)
        from forecast.tracking.delivery.job import job as tracked_job

        models = _models(request.settings)
        if gates:
            _check_gates(gates, request, models)
        with tracked_job(raises=False) as tracked:
            result = _evaluate(request, models)
            _keep(request, result)
    remarks(result.panel.notes)
    _remark_skipped(result)
    missed = missed_gates(gates, result)
    if request.job.json:
        show_json({**report(result, request.save, met=missed is None), **tracked.report(result.run_id)})
    else:
        _show(result, everything=request.backtest["metrics"] is not None)
    if missed is not None:
        raise missed
    tracked.check()


def report(result: Evaluation, save: Path | None, *, met: bool = True) -> dict[str, Any]:
    """Return the JSON object of --json.

    Args:
        result: the evaluation.
        save: directory of the best model; None where it is not kept.
        met: whether the best model meets what is required; True by default.
    """
    several = {"models": result.models} if len(result.models) > 1 else {}
    return {
        "schema": "forecast/evaluate/v1",
        "status": "ok" if met else "failed",
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
        "settings": result.settings,
    }


def _models(values: dict[str, Any]) -> list[Model]:
    """Return the models; those of directories and of MLflow are read, once."""
    from forecast.evaluator import loaded

    return [loaded(name, values) for name in _names(values.get("model", "auto"))]


def _check_gates(gates: list[Gate], request: Request, models: list[Model]) -> None:
    """Refuse conditions on what the evaluation will not have; no table is read."""
    from forecast.evaluation.backtest import REFERENCES
    from forecast.evaluator import named_candidates

    metrics, scale = request.backtest["metrics"], request.backtest["scale"]
    candidates = named_candidates(models, request.settings, request.settings["horizon"] + request.backtest["gap"])
    check_gates(
        gates,
        candidates,
        REFERENCES,
        None if metrics is None else _names(metrics),
        [candidate.settings.quantiles for candidate in candidates.values()],
        standardised=scale == "train",
    )


def _evaluate(request: Request, models: list[Model]) -> Evaluation:
    """Evaluate the models on the table."""
    from forecast.evaluator import evaluate, named_candidates, shared_columns
    from forecast.tracking import refusals_recorded

    values, backtest = dict(request.settings), dict(request.backtest)
    values.pop("model", None)
    # model directories know columns that no option names
    candidates = named_candidates(models, values, values["horizon"] + backtest["gap"])
    columns, _ = shared_columns(candidates)
    refit, metrics = backtest.pop("refit"), backtest.pop("metrics")
    lead = next(iter(candidates.values())).settings
    with refusals_recorded("evaluate", lead, ", ".join(candidates), request.data):
        table = read(request.data, asdict(columns))
    return evaluate(
        table,
        values.pop("horizon"),
        models=models,
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
