"""The tables that a run of an evaluation holds: its forecasts, and its metrics by series, step and cutoff."""

from __future__ import annotations

import os
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from forecast.evaluation.forecast_file import ForecastFile

if TYPE_CHECKING:
    import pandas as pd

    from forecast.datasets.panel import Panel
    from forecast.evaluation.result import Outcome

FORECASTS = "forecasts.parquet"
PREVIEW, ROWS_SHOWN = "forecasts_preview.csv", 200  # MLflow shows a table of CSV, and none of Parquet
BY_SERIES, BY_HORIZON, BY_CUTOFF = (f"metrics_by_{key}.parquet" for key in ("series", "horizon", "cutoff"))


class Results:
    """The tables of one run, as they are written.

    Args:
        folder: folder of the run's entry. Forecasts grow there, and become an artifact when they are whole, so that what
            a killed process leaves of them is sent to nobody.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._stack = ExitStack()
        self._file: ForecastFile | None = None
        self._first: pd.DataFrame | None = None

    def add(self, frame: pd.DataFrame) -> None:
        """Append a block of forecasts to the file."""
        if self._file is None:
            self._file = self._stack.enter_context(ForecastFile(self.folder / FORECASTS))
        self._file.writer(None)(plain(frame))
        if self._first is None:
            self._first = plain(frame).head(ROWS_SHOWN)

    def keep(self, outcome: Outcome, panel: Panel, artifacts: Path) -> None:
        """Put the forecasts that were added and the metrics into the folder of the artifacts."""
        scores = outcome.scores
        tables = {BY_SERIES: _with_groups(scores.by_series(panel), panel)}
        tables |= {BY_HORIZON: scores.by_horizon(), BY_CUTOFF: scores.by_cutoff()}
        for name, table in tables.items():
            plain(table).to_parquet(artifacts / name, index=False)
        if self._file is not None:
            self._file.frame()
            os.replace(self.folder / FORECASTS, artifacts / FORECASTS)
        if self._first is not None:
            self._first.to_csv(artifacts / PREVIEW, index=False)

    def close(self) -> None:
        """Remove forecasts that did not become whole."""
        self._stack.close()


def _with_groups(by_series: pd.DataFrame, panel: Panel) -> pd.DataFrame:
    """Add the static columns, by which series can be grouped later; those named as another column are left out."""
    numbers = panel.numbers_of(by_series["series"].to_numpy())
    names = [name for name in panel.static.columns if name not in by_series]
    return by_series.assign(**{str(name): panel.static[name].to_numpy()[numbers] for name in names})


def plain(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the frame with text in the place of Python objects, since a column of Parquet is of one kind."""
    objects = [name for name in frame.columns if frame[name].dtype == object]
    return frame.assign(**{name: frame[name].astype(str) for name in objects}) if objects else frame
