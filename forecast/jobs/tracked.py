"""A job is a run, and what it does are the run's children."""

from __future__ import annotations

from collections.abc import Mapping

from forecast.datasets.errors import ForecastError
from forecast.evaluation.backtest import Candidate
from forecast.jobs.declared import Order
from forecast.jobs.files import to_toml
from forecast.jobs.nightly import Hands, Night, run
from forecast.jobs.report import JOB_FILE, label, params, record
from forecast.tracking import open_job

MOST_LETTERS = 4000  # of a message; stores take about 5000


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
    with open_job(next(iter(candidates.values())).settings, label(order)) as recorded:
        try:
            night = run(order, candidates, hands)
        except ForecastError as error:
            tags = {"forecast.exit_code": str(error.exit_code), "forecast.error": str(error)[:MOST_LETTERS]}
            files = {JOB_FILE: to_toml(order)}
            recorded.record_job(params=params(order), metrics={}, tags=tags, files=files, failed=True)
            raise
        recorded.record_job(**record(night))
    return night, recorded.record
