"""Before a job fits anything, its models, its places and its tables are checked, and its backtest is laid out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from forecast.architectures import architecture
from forecast.datasets.errors import ConfigError, DataError, Problem
from forecast.datasets.panel import Panel
from forecast.datasets.tables.columns import Columns
from forecast.datasets.tables.future import with_future
from forecast.datasets.tables.readers import check_writable, read_table
from forecast.datasets.tables.schema import panel_from_table
from forecast.evaluation.backtest import Backtest, Candidate
from forecast.evaluation.metrics import RELATIVE, chosen_metrics
from forecast.evaluator import Model, Rules, backtest_of, named_candidates, shared_columns
from forecast.forecaster import Forecaster
from forecast.jobs.choosing import check_enough
from forecast.jobs.declared import Job, Order
from forecast.jobs.fallback import Today
from forecast.jobs.kept import Kept
from forecast.progress import Progress, doing, tell
from forecast.storage.directory import check_free

if TYPE_CHECKING:
    import pandas as pd

SOURCE = "source"  # the column that names who made a forecast
STDIN = "-"
Reader = Callable[[str, Columns], "pd.DataFrame"]  # reads the table of an address, with the columns of these roles


@dataclass(frozen=True, kw_only=True, eq=False)
class Checked:
    """A job whose tables are as they should be.

    Args:
        today: the rows.
        backtest: the backtest of the models on them.
        kept: what the backtest will have forecast.
    """

    today: Today
    backtest: Backtest
    kept: Kept


def candidates_of(order: Order) -> dict[str, Candidate]:
    """Return the models of a job by name, and refuse what no table could change.

    Raises:
        ConfigError: if a model, a setting, a metric or a file name cannot be used.
        ModelError: if a model directory cannot be read, or the one to be written is none.
    """
    job = order.job
    candidates = named_candidates([_as_asked(name, order) for name in job.model], order.settings, order.horizon)
    cold = [name for name, candidate in candidates.items() if architecture(candidate.settings.model).cold]
    if cold:
        hint = "Fit and predict with it; the series of a job have a history."
        raise ConfigError(f"{', '.join(cold)} forecasts series without a history", hint=hint)
    _check_metric(job, candidates)
    if job.start is None:
        check_enough(len(candidates), job.cutoffs)
    if job.save is not None:
        check_free(Path(job.save), overwrite=True)
    if job.output not in (None, STDIN):
        check_writable(Path(str(job.output)))
    return candidates


def _as_asked(name: str, order: Order) -> Model:
    """Return a model as evaluations take it: by name or address, or with settings of its own."""
    if name not in order.own:
        return name
    return Forecaster(**{**order.settings, **order.own[name], "model": name, "horizon": order.horizon})


def check(order: Order, candidates: dict[str, Candidate], read: Reader, progress: Progress | None) -> Checked:
    """Read the tables, and lay the backtest out; whatever is wrong with them is said here.

    Args:
        order: the job.
        candidates: its models by name.
        read: reads the table.
        progress: it is told of each training step; None for nobody.

    Raises:
        DataError: with every problem of the table, or of the table of the future.
        ConfigError: if the cutoffs do not fit.
    """
    job, kept = order.job, Kept()
    columns, freq = shared_columns(candidates)
    source = str(job.data)
    table = read(source, columns)
    doing("checking the table")
    panel = panel_from_table(table, columns, freq=freq)
    _check_source(job, panel)
    future = _future(job, replace(columns, id=columns.id or panel.format.id), candidates)
    history = panel
    for candidate in filter(_reads_ahead, candidates.values()):
        own = panel.with_roles(candidate.settings.columns)
        _, origins = with_future(own, None if future is None else future(columns), order.horizon)
        history = panel.truncate(origins.end) if future is None else panel
    today = Today(
        history=history,
        whole=panel,
        table=lambda roles: table if source == STDIN else read(source, roles),
        future=future,
        horizon=order.horizon,
        quantiles=next(iter(candidates.values())).settings.quantiles,
        source=source,
    )
    backtest = backtest_of(history, candidates, _rules(order), progress=progress, source=source, watch=kept)
    check_enough(len(candidates), len(backtest.protocol.cutoffs))
    return Checked(today=today, backtest=backtest, kept=kept)


def _rules(order: Order) -> Rules:
    """Return the rules of the backtest."""
    job = order.job
    names = ("cutoffs", "start", "end", "step", "gap", "scale", "mase_season")
    values: dict[str, Any] = {name: getattr(job, name) for name in names}
    return Rules(horizon=order.settings["horizon"], refit=job.refit_every, metrics=job.metrics or None, **values)


def _reads_ahead(candidate: Candidate) -> bool:
    """Return whether a model reads covariates of the rows that it forecasts."""
    return bool(candidate.settings.known) and architecture(candidate.settings.model).kind == "network"


def _future(
    job: Job, columns: Columns, candidates: Mapping[str, Candidate]
) -> Callable[[Columns], pd.DataFrame] | None:
    """Return a reader of the table of the future, with the columns of some roles; None where there is none."""
    if job.future is None:
        return None
    if not any(map(_reads_ahead, candidates.values())):
        tell(f"{', '.join(candidates)} read no covariates of the future: {job.future} is not read")
        return None
    path, first = job.future, read_table(job.future, columns)
    return lambda roles: first if path == STDIN or roles == columns else read_table(path, roles)


def _check_source(job: Job, panel: Panel) -> None:
    """Refuse a table in which the column that names who made a forecast has another meaning."""
    if job.names_its_source and SOURCE in (*panel.format.ids, panel.format.time, *panel.format.order):
        problem = Problem(column=SOURCE, what="the forecasts have a column of this name", remedy="Rename it.")
        raise DataError("the table's columns cannot stand beside those of the forecasts", problems=[problem])


def _check_metric(job: Job, candidates: Mapping[str, Candidate]) -> None:
    """Refuse metrics that cannot be computed, and one to choose by that is not.

    Raises:
        ConfigError: with what is wrong.
    """
    levels, standardised = next(iter(candidates.values())).settings.quantiles, job.scale == "train"
    computed = chosen_metrics(job.metrics or None, levels, standardised=standardised)
    if job.metric is None:
        return
    meant = chosen_metrics([job.metric], levels, standardised=standardised)
    problem = None
    if job.metric not in (*meant, *RELATIVE):
        problem = Problem(what=f"{job.metric!r} is a metric of each interval", expected=" or ".join(map(repr, meant)))
    elif not meant.keys() <= computed.keys():
        remedy = f"Add {job.metric} to metrics."
        problem = Problem(what=f"metric {job.metric!r} is not among the metrics", remedy=remedy)
    if problem is not None:
        raise ConfigError(f"no model can be chosen by {job.metric}", problems=[problem])
