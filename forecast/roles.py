"""From settings to the roles of a table's columns."""

from __future__ import annotations

from forecast.datasets.tables.columns import Columns
from forecast.settings import Settings


def columns(settings: Settings) -> Columns:
    """The roles of the table's columns."""
    return Columns(
        id=settings.id,
        time=settings.time,
        target=settings.target,
        static=settings.static,
        known=settings.known,
        past=settings.past,
        observed=settings.observed,
    )
