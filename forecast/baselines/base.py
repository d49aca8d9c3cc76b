"""What the baselines share: float64 history, and normal intervals from in-sample errors."""

from __future__ import annotations

from statistics import NormalDist
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from forecast.datasets.panel import Panel
from forecast.datasets.windows.origins import Origins
from forecast.progress import Progress
from forecast.protocol import Prediction
from forecast.settings import Settings

Floats = NDArray[np.float64]
ERROR_ROWS = 500  # newest in-sample errors that the width of an interval is taken from


class Baseline:
    """A model without weights: what it forecasts follows from the rows before each origin.

    Attributes:
        name: what it is called, everywhere.
        what: one sentence for `forecast models list`.
        source: where it comes from.

    Args:
        horizon: steps to forecast.
        season_length: steps in a season; 1 means none.
        levels: quantile levels in (0, 1).
        seed: of whatever is random.
    """

    name = ""
    what = ""
    source = ""
    cpu_seconds_elsewhere = 0.0  # a baseline is fitted in this process

    def __init__(self, horizon: int, *, season_length: int = 1, levels: tuple[float, ...] = (), seed: int = 0) -> None:
        self.horizon, self.season_length, self.levels, self.seed = horizon, season_length, levels, seed

    @classmethod
    def make(
        cls,
        settings: Settings,
        season_length: int,
        *,
        cell: str = "",
        progress: Progress | None = None,
        logger: object = None,
    ) -> Self:
        """The baseline with these settings; it has no cell, and neither steps nor a learning curve to tell of."""
        return cls(settings.horizon, season_length=season_length, levels=settings.quantiles, seed=settings.seed)

    @property
    def context(self) -> int | None:
        """Rows of history a forecast reads; None reads all."""
        return None

    @property
    def uncertain(self) -> bool:
        """Whether forecasts have quantiles."""
        return bool(self.levels)

    def plan(self, panel: Panel) -> tuple[Settings, dict[str, str]]:
        """Nothing is left open but what the caller fills in."""
        asked = Settings(horizon=self.horizon, model=self.name, quantiles=self.levels, seed=self.seed)
        return asked, {}

    def fit(self, panel: Panel) -> Self:
        """Nothing to learn."""
        return self

    def predict(self, panel: Panel, origins: Origins) -> Prediction:
        """Forecast the `horizon` rows after each origin, reading only rows before it."""
        raise NotImplementedError

    def state(self) -> dict[str, NDArray[Any]]:
        """What was learnt, as arrays."""
        return {"horizon": np.array([self.horizon])}

    def restore(self, state: dict[str, NDArray[Any]]) -> None:
        """Take back what `state` gave."""

    @property
    def steps(self) -> NDArray[np.int64]:
        """1 to horizon."""
        return np.arange(1, self.horizon + 1)


def filled(panel: Panel) -> Floats:
    """The target in float64, a missing value replaced by the last observed one, (rows,)."""
    known = np.isfinite(panel.target)
    if known.all():
        return panel.target
    # series begin with an observed value, so nothing is carried over from the series before
    return panel.target[np.maximum.accumulate(np.where(known, np.arange(panel.n_rows), 0))]


def rows_before(panel: Panel, origins: Origins, count: int) -> tuple[Floats, NDArray[np.bool_]]:
    """The newest `count` values at each origin, (n, count), and which of them the series has."""
    rows = origins.end[:, None] + np.arange(-count, 0)
    first = panel.indptr[origins.series][:, None]
    return filled(panel)[np.maximum(rows, first)], rows >= first


def spread(panel: Panel, origins: Origins, lag: int, centre: Floats | float = 0.0) -> Floats:
    """Root mean square of y(t) - y(t - lag) - centre over the newest rows of each origin, (n,)."""
    values, inside = rows_before(panel, origins, ERROR_ROWS + lag)
    error = values[:, lag:] - values[:, :-lag] - np.reshape(centre, (-1, 1))
    valid = inside[:, lag:] & inside[:, :-lag]
    return np.sqrt((error**2 * valid).sum(axis=1) / np.maximum(valid.sum(axis=1), 1))


def with_intervals(point: Floats, deviation: Floats, levels: tuple[float, ...]) -> Prediction:
    """Normal quantiles around the point.

    Args:
        point: (n, horizon).
        deviation: (n, horizon), of the error at each step.
        levels: of the quantiles.

    Source: Hyndman & Athanasopoulos (2021), Forecasting: Principles and Practice, section 5.5.
    """
    if not levels:
        return Prediction(point)
    normal = np.array([NormalDist().inv_cdf(level) for level in levels])
    return Prediction(point, levels, point[:, :, None] + deviation[:, :, None] * normal)
