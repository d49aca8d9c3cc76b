"""The nightly job: check the table, backtest the models, choose one, hold it to what is required, refit it, forecast."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from forecast.datasets.errors import GateError, RunError
from forecast.datasets.panel import Panel
from forecast.datasets.tables.columns import Columns
from forecast.datasets.tables.readers import write_table
from forecast.datasets.temporary import beside
from forecast.evaluation.backtest import Candidate
from forecast.evaluation.result import Evaluation, found
from forecast.evaluator import run_backtest
from forecast.fitted import fitted_of
from forecast.forecaster import Forecaster
from forecast.jobs.checking import SOURCE, Checked, Reader, check
from forecast.jobs.choosing import Choice, choose
from forecast.jobs.declared import NONE, Order
from forecast.jobs.fallback import Forecast, fallen_back, forecast
from forecast.jobs.files import replaying, to_toml
from forecast.progress import Progress, doing, tell
from forecast.training.settings import taped

Judge = Callable[[Choice], GateError | None]


@dataclass(frozen=True, kw_only=True)
class Hands:
    """What a job needs from whoever runs it.

    Args:
        read: reads a table.
        judge: says what keeps a choice from being used; None where nothing does.
        progress: it is told of each training step; None for nobody.
    """

    read: Reader
    judge: Judge
    progress: Progress | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class Night:
    """What a job came to.

    Args:
        order: the job, with the steps that its times came to.
        panel: the rows that were learnt from.
        evaluation: the backtest; None where it failed.
        choice: the model that was chosen, and how good choosing was; None where the backtest failed.
        missed: what keeps today's models from being used; None where nothing does.
        forecast: the forecast, and who made it; None where there is none.
        saved: whether the model was written to its directory.
    """

    order: Order
    panel: Panel
    evaluation: Evaluation | None = None
    choice: Choice | None = None
    missed: GateError | None = None
    forecast: Forecast | None = None
    saved: bool = False


def run(order: Order, candidates: Mapping[str, Candidate], hands: Hands, facts: dict[str, str] | None = None) -> Night:
    """Run a job whose candidates have been checked.

    Nothing of yesterday's is touched before today's forecast is made and may be used.

    Args:
        order: the job.
        candidates: its models, as `candidates_of` returns them.
        hands: what it needs from outside.
        facts: texts by name that a .parquet file of forecasts carries; None for none.

    Raises:
        DataError: with every problem of the tables; it is raised before anything is fitted.
        ConfigError: if the models and the table do not fit together, or there is nothing to choose a model by.
        RunError: if the work fails, and no other model is to forecast.
    """
    with taped(order.replay) as tape:
        checked = check(order, dict(candidates), hands.read, hands.progress)
        night = Night(order=order, panel=checked.today.history)
        try:
            night = _made(night, checked, hands)
        except RunError as error:
            if order.job.on_fail == NONE:
                raise
            night = replace(night, missed=GateError(f"today's models cannot be used: {error.message}", hint=error.hint))
        if not tape.is_used_up:
            tell(f"[replay] has the steps of {len(tape.given or ())} networks, and {len(tape.steps)} were trained")
    night = replace(night, order=replaying(order, tape.steps))
    if night.missed is not None and order.job.on_fail != NONE:
        lead = next(iter(candidates.values())).settings
        night = replace(night, forecast=fallen_back(order.job, lead, checked.today))
    return _written(night, next(iter(candidates.values())).settings.columns, facts)


def _made(night: Night, checked: Checked, hands: Hands) -> Night:
    """Backtest, choose, judge and, where nothing is missed, forecast with the chosen model."""
    evaluation = run_backtest(checked.backtest)
    doing("choosing a model")
    choice = choose(evaluation, checked.backtest, checked.kept, night.order.job.metric)
    night = replace(night, evaluation=evaluation, choice=choice, missed=hands.judge(choice))
    if night.missed is not None:
        return night
    model = Forecaster.of(checked.backtest.candidates[choice.model].settings)
    model.fit(checked.today.history, progress=hands.progress, source=checked.today.source)
    model.fitted_ = replace(fitted_of(model), evaluated=_on_its_card(choice, night.order))
    doing(f"forecasting with {choice.model}")
    return replace(night, forecast=forecast(model, checked.today, choice.model))


def _on_its_card(choice: Choice, order: Order) -> dict[str, Any]:
    """Return what the backtest found, as the model's card says it: how good the choice was, and not the best score."""
    rules = {"horizon": int(order.settings["horizon"]), "cutoffs": len(choice.by_cutoff)}
    whose = "the same settings" if len(choice.models) == 1 else choice.best
    return {**found(rules, choice.metrics, choice.baselines), "of": f"{whose}, fitted on older rows"}


def _written(night: Night, columns: Columns, facts: dict[str, str] | None) -> Night:
    """Write the forecast, then the model where it may be used, then the job as it can be repeated."""
    job, made = night.order.job, night.forecast
    if made is not None and job.output is not None:
        doing("" if job.output == "-" else f"writing {job.output}")
        if job.names_its_source:
            made = replace(made, frame=_with_source(made))
        write_table(made.frame, job.output, columns, facts=facts)
    saved = made is not None and night.missed is None and job.save is not None
    if made is not None and saved:
        doing(f"writing {job.save}")
        made.model.save(str(job.save), overwrite=True)
    if job.lock is not None:
        _write_whole(Path(job.lock), to_toml(night.order))
    return replace(night, forecast=made, saved=saved)


def _with_source(made: Forecast) -> Any:
    """Return the forecasts with a column that names who made them, the same in every row."""
    frame = made.frame.copy()
    frame[SOURCE] = made.source
    return frame


def _write_whole(path: Path, text: str) -> None:
    """Write a text file, whole or not at all."""
    with beside(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
        temporary.chmod(0o644)
        os.replace(temporary, path)
