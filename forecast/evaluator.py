"""The door of backtests: a table and models in, an `Evaluation` out, each model a tracked run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, Protocol, cast

from forecast.architectures import ARCHITECTURES, with_defaults
from forecast.datasets.errors import ConfigError, Problem
from forecast.datasets.panel import Panel
from forecast.datasets.season import season_length
from forecast.datasets.tables.schema import panel_from_table
from forecast.datasets.windows.cutoffs import Cutoff, cutoffs_between, last_cutoffs
from forecast.evaluation.backtest import Backtest, Candidate, EvaluationProtocol
from forecast.evaluation.metrics import Metric, Term, chosen_metrics
from forecast.evaluation.result import Evaluation
from forecast.progress import Progress, progress_for
from forecast.settings import Settings
from forecast.storage.saving import load
from forecast.tracking import open_evaluation


class Recipe(Protocol):
    """Whatever has settings that can be fitted: a `Forecaster`."""

    settings: Settings


Asked = str | Path | Recipe
Refit = Literal["never", "each"] | int


def evaluate(
    data: Any,
    horizon: int,
    *,
    models: Asked | Sequence[Asked] = "auto",
    cutoffs: int = 1,
    start: Any = None,
    end: Any = None,
    step: int | None = None,
    gap: int = 0,
    refit: Refit = "never",
    metrics: Sequence[str | Term | Metric] | str | None = None,
    scale: Literal["train"] | None = None,
    mase_season: int | None = None,
    seeds: int = 1,
    output: str | Path | None = None,
    progress: Progress | None = None,
    source: str | None = None,
    **settings: Any,
) -> Evaluation:
    """Forecast past cutoffs as if the future were unknown, and score the forecasts.

    Every model is fitted on the rows before the first cutoff only, and reads newer rows at later cutoffs. Seasonal
    naive stands beside every result.

    Args:
        data: a long or wide frame, a Series with a time index, or anything narwhals reads.
        horizon: steps to forecast at each cutoff.
        models: names, Forecasters (their recipe is fitted afresh) or model directories (their weights are used).
        cutoffs: number of cutoffs, counted back from each series' end; ignored when `start` is given.
        start: time of the first forecast step of the first cutoff.
        end: time of the last forecast step of the last cutoff, at most.
        step: rows between cutoffs; None takes the horizon.
        gap: rows after the cutoff that are not scored.
        refit: "never", "each" cutoff, or every N cutoffs.
        metrics: names of metrics, functions of `Points` and `Metric`s of your own; None takes all that the quantiles allow.
            Models are ranked by MASE where it is among them, else by sMAPE, else by the first.
        scale: "train" adds errors on values standardised by each series' training rows less `val_size` of them.
        mase_season: season of the MASE scale; None takes the season length.
        seeds: number of fits of each model, with seeds from `seed` on; the metrics and forecasts are the first's, and
            `seeds` of the result says how far the others are from it.
        output: file the forecasts go to as they are made; memory then does not grow with the cutoffs.
        progress: it is told of each training step; None shows a bar on a terminal.
        source: the address of the data, for the tracked runs.
        **settings: fields of `Settings`, for the models asked for by name.

    Returns:
        Forecasts, metrics and the leaderboard.

    Raises:
        DataError: with every problem of the table at once, or if no series has a row before a cutoff.
        ConfigError: where the settings do not fit the data.
        ModelError: if a model directory cannot be read, or its training ended after a cutoff.
    """
    _check_seeds(seeds)
    candidates = _candidates(models, {"horizon": horizon, **settings}, horizon + gap)
    lead = next(iter(candidates.values())).settings
    chosen_metrics(metrics, lead.quantiles, standardised=scale == "train")  # refused before any work is done
    panel = panel_from_table(data, lead.columns, freq=lead.freq)
    if start is not None:
        rolling = cutoffs_between(panel, horizon=horizon, first=start, last=end, step=step, gap=gap)
    else:
        rolling = last_cutoffs(panel, horizon=horizon, n_cutoffs=cutoffs, step=step, gap=gap)
    protocol = _protocol(panel, rolling, lead, horizon=horizon, gap=gap, refit=refit)
    protocol = replace(protocol, mase_season=mase_season or protocol.season_length, standardise=scale == "train")
    protocol = replace(protocol, metrics=metrics)
    backtest = Backtest(panel, protocol, candidates, progress=progress or progress_for(), source=source)
    return backtest.run(open_evaluation, seeds=seeds, output=output)


def _protocol(
    panel: Panel, rolling: list[Cutoff], lead: Settings, *, horizon: int, gap: int, refit: Refit
) -> EvaluationProtocol:
    season, _ = season_length(panel.truncate(rolling[0].ends(panel)), lead.season_length)
    return EvaluationProtocol(
        horizon=horizon,
        cutoffs=rolling,
        refit=_every(refit),
        gap=gap,
        season_length=season,
        mase_season=season,
        val_size=lead.val_size if isinstance(lead.val_size, int) else 0,
    )


def _check_seeds(seeds: int) -> None:
    if not isinstance(seeds, int) or seeds < 1:
        problem = Problem(what=f"seeds={seeds!r}", expected="a whole number of at least 1")
        raise ConfigError("seeds is not understood", problems=[problem])


def _candidates(models: Asked | Sequence[Asked], settings: dict[str, Any], horizon: int) -> dict[str, Candidate]:
    several = isinstance(models, Sequence) and not isinstance(models, str)
    listed: list[Asked] = list(cast(Sequence[Asked], models)) if several else [cast(Asked, models)]
    if not listed:
        raise ConfigError("no model to evaluate", hint="Name one, such as models='auto'.")
    candidates: dict[str, Candidate] = {}
    for model in listed:
        name, candidate = _candidate(model, settings, horizon)
        candidates[name if name not in candidates else f"{name}_{len(candidates)}"] = candidate
    return candidates


def _candidate(model: Asked, settings: dict[str, Any], horizon: int) -> tuple[str, Candidate]:
    if not isinstance(model, str | Path):
        return model.settings.model, Candidate(replace(model.settings, horizon=horizon))
    if isinstance(model, Path) or (model not in ARCHITECTURES and Path(model).is_dir()):
        fitted = load(model)
        if fitted.settings.horizon < horizon:
            what = f"{model} forecasts {fitted.settings.horizon} steps, {horizon} are needed"
            raise ConfigError(what, hint="Evaluate a shorter horizon or gap, or fit again.")
        return Path(model).name, Candidate(fitted.settings, fitted)
    return model, Candidate(Settings.of(with_defaults({**settings, "model": model, "horizon": horizon})))


def _every(refit: Refit) -> int:
    """Cutoffs from one fit to the next; 0 fits once."""
    if refit in ("never", "each"):
        return 0 if refit == "never" else 1
    if isinstance(refit, int) and refit >= 1:
        return refit
    problem = Problem(what=f"refit={refit!r}", expected="never, each, or a number of cutoffs of at least 1")
    raise ConfigError("refit is not understood", problems=[problem])
