"""Model `zero`: a recurrent network that learned once, on made-up series, how to combine cheap forecasts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from forecast.baselines.base import Baseline, Floats
from forecast.baselines.observed import rows_since_observed
from forecast.baselines.smoothing.aligned import Aligned, aligned
from forecast.baselines.smoothing.bank import DAYS_IN_A_WEEK, rows_read, week
from forecast.baselines.smoothing.choice import Pooled, ladder, steps_compared
from forecast.baselines.smoothing.grid import Grid
from forecast.combining.experience import learn, unknown
from forecast.combining.pool import NAMES
from forecast.combining.reader import LEVELS, MIDDLE, Combination, combine, expected_weights, step_facts
from forecast.combining.tokens import record
from forecast.combining.view import Experience, View, look
from forecast.combining.weights import Weights, load_weights
from forecast.datasets.panel import Panel
from forecast.datasets.saved_arrays import Expected, check_arrays
from forecast.datasets.windows.origins import Origins, evenly_spread
from forecast.progress import Progress
from forecast.protocol import Prediction
from forecast.settings import Settings

MOST_SERIES_LEARNT = 150  # from which `fit` learns what suits the panel
NUMBERS_AT_ONCE = 8_000_000  # forecasts of a block; bounds memory
MOST_HISTORIES_AT_ONCE = 256
WEIGHTS = "weights."  # of the names of their arrays in a state


class Zero(Baseline):
    """A small recurrent network weighs cheap forecasts by how they did at earlier origins; it takes no training.

    `fit` takes no gradient step: it learns how the forecasts of the pool did on the panel. The network's weights ship
    with the package (or come from a file, `weights`), and are saved with the model. It was trained on made-up series.

    References:
        Montero-Manso et al. (2020), FFORMA: Feature-based forecast model averaging (weights learnt from many series);
        Dooley et al. (2023), ForecastPFN (a network trained on made-up series alone).
    """

    name = "zero"
    what = "a pretrained recurrent network that combines cheap forecasts; no training"
    source = "this toolkit"

    def __init__(
        self,
        horizon: int,
        *,
        season_length: int = 1,
        levels: tuple[float, ...] = (),
        seed: int = 0,
        weights: str | None = None,
    ) -> None:
        super().__init__(horizon, season_length=season_length, levels=levels, seed=seed)
        self.trained_horizon = horizon  # `extended` moves the horizon, and not what is compared
        self.weights_file = weights
        self.weights: Weights = {}
        self._set_week(0)
        self.experience = unknown(self.grid, len(self.offsets))

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
        """Build an unfitted model; horizon, quantiles, seed and weights of the settings are read."""
        return cls(
            settings.horizon,
            season_length=season_length,
            levels=settings.quantiles,
            seed=settings.seed,
            weights=settings.weights,
        )

    @property
    def context(self) -> int | None:
        return rows_read(self.season_length, DAYS_IN_A_WEEK * self.season_length)

    def fit(self, panel: Panel) -> Self:
        self.weights = load_weights(self.weights_file)
        self._set_week(week(panel, self.season_length))
        chosen = evenly_spread(panel.n_series, MOST_SERIES_LEARNT)
        origins = Origins(chosen, panel.indptr[chosen + 1])
        steps = steps_compared(self.trained_horizon)
        self.experience = learn(
            lambda: self._blocks(panel, origins, 1), self.grid, self.offsets, steps, self.season_length
        )
        return self

    def predict(self, panel: Panel, origins: Origins) -> Prediction:
        quantiles = np.empty((len(origins), self.horizon, len(LEVELS)))
        for block in self._blocks(panel, origins, self.horizon):
            view = self._look(block)
            level, unit = (values[-1][:, None, None] for values in (view.tokens.level, view.tokens.unit))
            found = self._combine(view).quantiles * unit + level
            flat, value = _flat(block)
            quantiles[block.index] = np.where(flat[:, None, None], value[:, None, None], found)
        gap = rows_since_observed(panel, origins)
        if gap.any():  # the pool goes through missing newest rows; errors grow with them
            growth = np.sqrt((gap[:, None] + self.steps) / self.steps)[:, :, None]
            middle = quantiles[:, :, MIDDLE, None]
            quantiles = middle + (quantiles - middle) * growth
        prediction = Prediction(quantiles[:, :, MIDDLE], LEVELS, quantiles)
        return prediction.at(self.levels)

    def state(self) -> dict[str, NDArray[Any]]:
        return {
            "week": np.array([self.week]),
            "horizon_errors": np.stack([pooled.horizon for pooled in self.experience.smoothings]),
            "next_row_errors": np.stack([pooled.next_row for pooled in self.experience.smoothings]),
            "slot_errors": np.where(np.isfinite(self.experience.slots), self.experience.slots, 0.0),
            **{f"{WEIGHTS}{name}": array for name, array in self.weights.items()},
        }

    def restore(self, state: dict[str, NDArray[Any]]) -> None:
        longest = DAYS_IN_A_WEEK * self.season_length
        first = Expected(np.int64, (1,), least=0, most=longest)
        check_arrays({"week": state.get("week", np.array(0))}, {"week": first})
        self._set_week(longest if state["week"][0] else 0)
        errors = Expected(np.float64, (len(self.offsets), len(self.grid)), least=0)
        expected = {
            "week": Expected(np.int64, (1,), least=self.week, most=self.week),
            "horizon_errors": errors,
            "next_row_errors": errors,
            "slot_errors": Expected(np.float64, (len(self.offsets), len(NAMES)), least=0),
        }
        weights = {name.removeprefix(WEIGHTS): state[name] for name in state if name.startswith(WEIGHTS)}
        shapes = {f"{WEIGHTS}{name}": Expected(np.float32, shape) for name, shape in expected_weights(weights).items()}
        check_arrays(state, {**expected, **shapes})
        self.weights = weights
        pairs = zip(state["horizon_errors"], state["next_row_errors"], strict=True)
        slots = state["slot_errors"]
        self.experience = Experience([Pooled(*pair) for pair in pairs], np.where(slots > 0, slots, np.nan))

    def _set_week(self, rows: int) -> None:
        """Set the rows of the second season, 0 for none, and the grid and origins that follow."""
        self.week = rows
        self.grid = Grid.of(self.season_length, rows or None, coarse=True)
        self.offsets = ladder(self.trained_horizon, rows or self.season_length)

    def _blocks(self, panel: Panel, origins: Origins, horizon: int) -> Iterator[Aligned]:
        numbers = len(self.grid) * (len(self.offsets) * len(steps_compared(self.trained_horizon)) + horizon)
        at_once = int(np.clip(NUMBERS_AT_ONCE // numbers, 1, MOST_HISTORIES_AT_ONCE))
        return aligned(panel, origins, rows_read(self.season_length, self.week), at_once)

    def _look(self, block: Aligned) -> View:
        steps = steps_compared(self.trained_horizon)
        return look(block, self.grid, self.offsets, steps, self.horizon, self.season_length, self.experience)

    def _combine(self, view: View) -> Combination:
        tokens, available = view.tokens, view.slots.available[-1]
        facts = step_facts(self.steps, self.season_length, self.trained_horizon)
        return combine(self.weights, tokens.values, tokens.alive.T, view.final(), available, facts)

    def explained(self, panel: Panel, origins: Origins) -> tuple[Floats, Floats]:
        """Return what the forecasts are made of.

        Returns:
            How each forecast of the pool is weighed at each step, (n, horizon, slots), summing to 1 over the slots; and
            the mean error of each at earlier origins in units of the errors to expect, (n, slots), NaN where it is not
            known.
        """
        weights = np.empty((len(origins), self.horizon, len(NAMES)))
        errors = np.full((len(origins), len(NAMES)), np.nan)
        for block in self._blocks(panel, origins, self.horizon):
            view = self._look(block)
            weights[block.index] = self._combine(view).weights
            (_, overall), (_, known) = record(view.asked, view.slots)
            errors[block.index] = np.where(known[-1], overall[-1] / view.tokens.unit[-1][:, None], np.nan)
        return weights, errors


def _flat(block: Aligned) -> tuple[NDArray[np.bool_], Floats]:
    """Return which histories hold one value only, (n,), which goes on as it is, and the largest value of each, (n,)."""
    high = np.where(block.observed, block.values, -np.inf).max(axis=0)
    low = np.where(block.observed, block.values, np.inf).min(axis=0)
    return high == low, high
