"""A job is a run, and what it does are the run's children."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from forecast.datasets.errors import TrackingError
from forecast.datasets.tables.readers import flat
from forecast.evaluation.backtest import Candidate
from forecast.fitted import fitted_of
from forecast.jobs.declared import Order
from forecast.jobs.nightly import Hands, Night, run
from forecast.jobs.report import record, started
from forecast.progress import tell
from forecast.tracking import open_job
from forecast.tracking.environment import PARENT_RECORD
from forecast.tracking.forecasts import OF_RECORD, Forecasts, new_record, record_forecasts


def run_tracked(order: Order, candidates: Mapping[str, Candidate], hands: Hands) -> tuple[Night, str | None]:
    """Run a job whose candidates have been checked, and record it.

    Args:
        order: the job.
        candidates: its models, as `candidates_of` returns them.
        hands: what it needs from outside.

    Returns:
        What the job came to, and the id of its run's record, None without tracking. The errors are those of
        `forecast.jobs.nightly.run`; the run of a job that ends with one says so.
    """
    lead = next(iter(candidates.values())).settings
    with open_job(lead, ", ".join(candidates), order.job.data) as recorded:
        recorded.record_job(**started(order))
        of_forecast = None if recorded.record is None else new_record()
        night = run(order, candidates, hands, None if of_forecast is None else {OF_RECORD: of_forecast})
        recorded.record_job(**record(night))
        if recorded.record is not None and of_forecast is not None:
            _record_forecast(night, of_forecast, recorded.record)
    return night, recorded.record


def _record_forecast(night: Night, record: str, parent: str) -> None:
    """Write the record of the forecast to the journal, from where it goes to the store with the job's own."""
    made, output = night.forecast, night.order.job.output
    if made is None:
        return
    forecasts = Forecasts(
        record=record,
        fitted=fitted_of(made.model),
        panel=made.panel,
        frame=flat(made.frame),
        source=night.order.job.data,
        output=None if output in (None, "-") else Path(str(output)),
        asked={"horizon": night.order.horizon, "future": night.order.job.future},
        seconds=made.seconds,
    )
    settings = night.order.settings
    places = {name: settings.get(name) for name in ("experiment", "tracking_uri", "journal")}
    try:
        record_forecasts(forecasts, tags={PARENT_RECORD: parent}, **places)
    except (OSError, TrackingError) as error:
        tell(f"the forecast is not recorded: {error}")
