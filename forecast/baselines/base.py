"""The baselines share their contract, a history in float64, and normal intervals from in-sample errors."""

from __future__ import annotations

from copy import copy
from statistics import NormalDist
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from forecast.baselines.observed import rows_before
from forecast.datasets.panel import Panel
from forecast.datasets.saved_arrays import Expected, check_arrays
from forecast.datasets.windows.origins import Origins
from forecast.progress import Progress
from forecast.protocol import Prediction
from forecast.settings import Settings

Floats = NDArray[np.float64]
ERROR_ROWS = 500  # newest in-sample errors that the width of an interval is computed from


class Baseline:
    """A model without a network, whose forecasts follow from the rows before each origin.

    Attributes:
        name: name of the model at every door.
        what: description for `forecast models list`, without a full stop.
        source: author and year of its paper, or the package that it is from; empty for common knowledge.
        cpu_seconds_elsewhere: CPU seconds that other processes spent on the last fit.

    Args:
        horizon: steps to forecast.
        season_length: steps in a season; 1 by default, which means none.
        levels: quantile levels in (0, 1), ascending; none by default.
        seed: seed of whatever is random; 0 by default.
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
        """Build an unfitted baseline; it reads only the settings and the season length.

        Args:
            settings: the settings; horizon, quantiles and seed are read.
            season_length: steps in a season; 1 means none.
            cell: name of a network's cell, which a baseline does not have.
            progress: it would be told of training steps, of which there are none.
            logger: it would get the learning curve, which a baseline does not have.
        """
        return cls(settings.horizon, season_length=season_length, levels=settings.quantiles, seed=settings.seed)

    @property
    def context(self) -> int | None:
        """Return the rows of history that a forecast reads; None for all."""
        return None

    @property
    def uncertain(self) -> bool:
        """Return whether forecasts have quantiles."""
        return bool(self.levels)

    def plan(self, panel: Panel) -> tuple[Settings, dict[str, str]]:
        """Return the settings that a fit uses, and the reasons of those that it chose: a baseline chooses none."""
        settings = Settings(horizon=self.horizon, model=self.name, quantiles=self.levels, seed=self.seed)
        return settings, {}

    def fit(self, panel: Panel) -> Self:
        """Learn from the training rows, and return self; most baselines learn nothing."""
        return self

    def predict(self, panel: Panel, origins: Origins) -> Prediction:
        """Forecast the `horizon` rows after each origin, reading only rows before it.

        Args:
            panel: the rows.
            origins: n origins.

        Returns:
            The point forecasts, (n, horizon), and with levels the quantiles, (n, horizon, levels), in units of the target.
        """
        raise NotImplementedError

    def extended(self, horizon: int) -> Self:
        """Return the fitted baseline with another horizon."""
        longer = copy(self)
        longer.horizon = horizon
        return longer

    def state(self) -> dict[str, NDArray[Any]]:
        """Return what was learnt, as arrays by name."""
        return {"horizon": np.array([self.horizon])}

    def restore(self, state: dict[str, NDArray[Any]]) -> None:
        """Take back the arrays that `state` returned.

        Raises:
            ModelError: if they are not those of a baseline with this horizon.
        """
        check_arrays(state, {"horizon": Expected(np.int64, (1,), least=self.horizon, most=self.horizon)})

    def check_context(self, panel: Panel) -> None:
        """Refuse rows that the restored baseline cannot read; most read any."""

    @property
    def steps(self) -> NDArray[np.int64]:
        """Return the numbers of the steps, (horizon,), counted from 1."""
        return np.arange(1, self.horizon + 1)


def spread(panel: Panel, origins: Origins, lag: int, centre: Floats | float = 0.0) -> Floats:
    """Compute the root mean square of y(t) - y(t - lag) - centre over the newest observed pairs before each origin.

    Args:
        panel: the rows.
        origins: n origins.
        lag: rows between the two values.
        centre: (n,) expected difference, or one number for all; 0 by default.

    Returns:
        (n,) in units of the target; 0 where there is no such pair.
    """
    values, observed = rows_before(panel, origins, ERROR_ROWS + lag)
    error = values[:, lag:] - values[:, :-lag] - np.reshape(centre, (-1, 1))
    valid = observed[:, lag:] & observed[:, :-lag]
    return np.sqrt((error**2 * valid).sum(axis=1) / np.maximum(valid.sum(axis=1), 1))


def with_intervals(point: Floats, deviation: Floats, levels: tuple[float, ...]) -> Prediction:
    """Put quantiles of a normal distribution around the point forecasts.

    Args:
        point: (n, horizon) point forecasts, in units of the target.
        deviation: (n, horizon) standard deviation of the error at each step, in units of the target.
        levels: quantile levels in (0, 1), ascending; none gives the point forecasts alone.

    References:
        Hyndman & Athanasopoulos (2021), Forecasting: Principles and Practice, section 5.5.
    """
    if not levels:
        return Prediction(point)
    normal = np.array([NormalDist().inv_cdf(level) for level in levels])
    return Prediction(point, levels, point[:, :, None] + deviation[:, :, None] * normal)
