"""When today's models cannot be used, yesterday's model or seasonal naive forecasts from today's rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

from forecast.datasets.errors import ForecastError
from forecast.datasets.panel import Panel
from forecast.datasets.tables.columns import Columns
from forecast.fitted import fitted_of
from forecast.forecaster import Forecaster, load
from forecast.jobs.declared import CHAMPION, SEASONAL_NAIVE, Job
from forecast.progress import doing, tell
from forecast.settings import Settings
from forecast.storage.directory import MANIFEST

if TYPE_CHECKING:
    import pandas as pd

Reader = Callable[[Columns], "pd.DataFrame"]
KEPT = ("season_length", "quantiles", "freq", "lower", "upper", "seed", "point")
RECORDED = ("experiment", "run_name", "tracking_uri", "tracking", "journal")


@dataclass(frozen=True, kw_only=True)
class Today:
    """Today's rows, as models of any kind read them.

    Args:
        history: the rows with a target.
        whole: the rows, with those of the future where the table ends with them.
        table: reads the table with other columns than today's models need.
        future: reads the table of the future; None where there is none.
        horizon: steps to forecast.
        quantiles: quantile levels in (0, 1) to forecast beside the point.
        source: address of the table, for the record.
    """

    history: Panel
    whole: Panel
    table: Reader
    future: Reader | None
    horizon: int
    quantiles: tuple[float, ...]
    source: str | None


@dataclass(frozen=True, kw_only=True, eq=False)
class Forecast:
    """A forecast of today's rows, and who made it.

    Args:
        frame: the forecasts in the form of the table.
        model: the model.
        panel: the rows that it forecast from.
        source: what the column `source` says: a name, or "champion".
        seconds: wall seconds that forecasting took.
        address: where the model came from; None for one that was fitted today.
    """

    frame: Any
    model: Forecaster
    panel: Panel
    source: str
    seconds: float
    address: str | None = None

    @classmethod
    def by(
        cls, model: Forecaster, today: Today, rows: Panel | None, *, source: str, address: str | None = None
    ) -> Forecast:
        """Forecast today's rows.

        Args:
            model: the fitted model.
            today: the rows.
            rows: the rows as the model reads them, with those of the future where the table ends with them; None where
                it goes on from those that it was fitted on.
            source: what the column `source` says.
            address: where the model came from; None for one that was fitted today.
        """
        started, levels = perf_counter(), today.quantiles
        reads = fitted_of(model).reads_the_future(model.context if rows is None else rows)
        future = today.future(columns_of(model)) if reads and today.future is not None else None
        panel, origins = model.newest(rows, future, today.horizon)
        asked = levels if levels != model.settings.quantiles else None
        frame = model.forecasts(panel, origins, horizon=today.horizon, quantiles=asked)
        seconds = perf_counter() - started
        return cls(frame=frame, model=model, panel=panel, source=source, seconds=seconds, address=address)


def fallen_back(job: Job, lead: Settings, today: Today) -> Forecast:
    """Forecast with yesterday's model or, where there is none or it cannot, with seasonal naive.

    Args:
        job: the job, whose `on_fail` is not none.
        lead: settings of today's models.
        today: the rows.
    """
    if job.on_fail == CHAMPION:
        try:
            return _by_champion(_champion(job), lead, today)
        except ForecastError as error:
            tell(f"the champion cannot forecast, and seasonal naive does: {error.message}")
    return _by_seasonal_naive(lead, today)


def forecast(model: Forecaster, today: Today, source: str) -> Forecast:
    """Forecast with a model that was fitted to today's rows."""
    ahead = today.future is None and fitted_of(model).reads_the_future(model.context)
    return Forecast.by(model, today, today.whole if ahead else None, source=source)


def _champion(job: Job) -> str:
    """Return where yesterday's model is."""
    if job.save is not None and (job.champion is None or (Path(job.save) / MANIFEST).exists()):
        return job.save
    assert job.champion is not None, "the job has been checked"
    return job.champion


def _by_champion(address: str, lead: Settings, today: Today) -> Forecast:
    doing(f"loading {address}")
    model = load(address, tracking_uri=lead.tracking_uri)
    panel = model.panel(today.table(columns_of(model)))
    reads = fitted_of(model).reads_the_future(panel)
    if not reads and panel.n_series == today.history.n_series:  # rows of the future are none of its history
        panel = panel.truncate(panel.indptr[:-1] + today.history.lengths)
    doing("forecasting with the champion")
    return Forecast.by(model, today, panel, source=CHAMPION, address=address)


def _by_seasonal_naive(lead: Settings, today: Today) -> Forecast:
    values = {name: getattr(lead, name) for name in (*KEPT, *RECORDED)}
    model = Forecaster.of(Settings.of({**values, "horizon": today.horizon, "model": SEASONAL_NAIVE}))
    model.fit(today.history, source=today.source)
    return Forecast.by(model, today, None, source=SEASONAL_NAIVE)


def columns_of(model: Forecaster) -> Columns:
    """Return the roles of the columns of a table that a model reads."""
    return replace(model.settings.columns, id=model.settings.id or model.context.format.id)
