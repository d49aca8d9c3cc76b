"""A run is named by its model, its data and its horizon."""

from __future__ import annotations

from pathlib import Path

from forecast.datasets.addresses import without_password

BETWEEN = " · "


def run_name(model: str, source: str | None, horizon: int | None, what: str = "") -> str:
    """Return the name of a run, such as "gru · sales · h28"; what is None or empty is left out.

    Args:
        model: name of the model.
        source: address of the table; None where it came from memory.
        horizon: steps that were forecast; None where it has none.
        what: what the run is where it is neither a fit nor an evaluation, to be told apart from those; empty by default.
    """
    return BETWEEN.join(filter(None, (model, data_name(source), None if horizon is None else f"h{horizon}", what)))


def data_name(source: str | None) -> str:
    """Return the name of a data set: its file's without folder and ending; empty where nobody named a source."""
    if not source:
        return ""
    if source == "-":
        return "stdin"
    place = without_password(source).partition("?")[0]  # what follows it may be a signature that opens a file
    return Path(place.replace("\\", "/")).stem or place
