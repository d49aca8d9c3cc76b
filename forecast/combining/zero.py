"""Model `zero`: a recurrent network that learned once, on made-up series, how to combine cheap forecasts."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from forecast.baselines.base import Baseline, Floats
from forecast.baselines.observed import rows_since_observed
from forecast.baselines.smoothing.aligned import Aligned
from forecast.baselines.smoothing.bank import DAYS_IN_A_WEEK, rows_read, week
from forecast.combining.joiners import SLOTS
from forecast.combining.reader import LEVELS, MIDDLE, Combination, combine, expected_weights, step_facts
from forecast.combining.trial import Trial
from forecast.combining.view import View
from forecast.combining.weights import Weights, load_weights
from forecast.datasets.panel import Panel
from forecast.datasets.saved_arrays import Expected, check_arrays
from forecast.datasets.windows.origins import Origins, evenly_spread
from forecast.progress import Progress
from forecast.protocol import Prediction
from forecast.settings import Settings

MOST_SERIES_LEARNT = 150  # from which `fit` learns what suits the panel
WEIGHTS = "weights."  # of the names of their arrays in a state


class Zero(Baseline):
    """A small recurrent network weighs cheap forecasts by how they did at earlier origins; it takes no training.

    `fit` learns how the forecasts of the pool did on the panel, and a regression that joins them. The network's weights
    ship with the package (or come from a file, `weights`), and are saved with the model; it was trained on made-up
    series. With `tunes`, `fit` adapts them to the panel in a hundred steps at most.

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
        tunes: bool = False,
    ) -> None:
        super().__init__(horizon, season_length=season_length, levels=levels, seed=seed)
        self.trained_horizon = horizon  # `extended` moves the horizon, and not what is compared
        self.weights_file, self.tunes = weights, tunes
        self.weights: Weights = {}
        self.tuned_steps = 0
        self.trial = Trial(horizon, season_length, 0)
        self.experience = self.trial.unknown()

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
        """Build an unfitted model; horizon, quantiles, seed, weights and tune of the settings are read."""
        return cls(
            settings.horizon,
            season_length=season_length,
            levels=settings.quantiles,
            seed=settings.seed,
            weights=settings.weights,
            tunes=settings.tune == "auto",
        )

    @property
    def context(self) -> int | None:
        return rows_read(self.season_length, DAYS_IN_A_WEEK * self.season_length)

    def fit(self, panel: Panel) -> Self:
        self.weights = load_weights(self.weights_file)
        self.trial = Trial(self.trained_horizon, self.season_length, week(panel, self.season_length))
        chosen = evenly_spread(panel.n_series, MOST_SERIES_LEARNT)
        self.experience = self.trial.learn(panel, Origins(chosen, panel.indptr[chosen + 1]))
        if self.tunes:
            self._tune(panel)
        return self

    def _tune(self, panel: Panel) -> None:
        """Adapt the weights to the panel; the fewer series there are, the more of their past is learnt from."""
        from forecast.combining.training.panel_examples import newest_and_older  # torch's second of start-up
        from forecast.combining.training.tuning import tune

        newest, older = newest_and_older(self.trial, panel, self.experience)
        self.weights, self.tuned_steps = tune(self.weights, newest, older, self.seed) if newest else (self.weights, 0)

    def predict(self, panel: Panel, origins: Origins) -> Prediction:
        quantiles = np.empty((len(origins), self.horizon, len(LEVELS)))
        for block in self.trial.blocks(panel, origins, self.horizon):
            view = self.trial.look(block, self.experience, self.horizon)
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
            "week": np.array([self.trial.longer]),
            **self.experience.arrays(),
            **{f"{WEIGHTS}{name}": array for name, array in self.weights.items()},
        }

    def restore(self, state: dict[str, NDArray[Any]]) -> None:
        longest = DAYS_IN_A_WEEK * self.season_length
        first = Expected(np.int64, (1,), least=0, most=longest)
        check_arrays({"week": state.get("week", np.array(0))}, {"week": first})
        trial = Trial(self.trained_horizon, self.season_length, longest if state["week"][0] else 0)
        blank = trial.unknown()
        weights = {name.removeprefix(WEIGHTS): state[name] for name in state if name.startswith(WEIGHTS)}
        shapes = {f"{WEIGHTS}{name}": Expected(np.float32, shape) for name, shape in expected_weights(weights).items()}
        again = {"week": Expected(np.int64, (1,), least=trial.longer, most=trial.longer)}
        check_arrays(state, {**again, **blank.expected(), **shapes})
        self.weights, self.trial, self.experience = weights, trial, blank.restored(state)

    def _combine(self, view: View) -> Combination:
        tokens, available = view.tokens, view.slots.available[-1]
        facts = step_facts(self.steps, self.season_length, self.trained_horizon)
        return combine(
            self.weights, tokens.values, tokens.alive.T, view.final(), available, facts, view.joined_at_end()
        )

    def explained(self, panel: Panel, origins: Origins) -> tuple[Floats, Floats]:
        """Return what the forecasts are made of.

        Returns:
            How each forecast of the pool is weighed at each step, (n, horizon, slots), summing to 1 over the slots; and
            the mean error of each at earlier origins in units of the errors to expect, (n, slots), NaN where it is not
            known.
        """
        weights = np.empty((len(origins), self.horizon, len(SLOTS)))
        errors = np.full((len(origins), len(SLOTS)), np.nan)
        for block in self.trial.blocks(panel, origins, self.horizon):
            view = self.trial.look(block, self.experience, self.horizon)
            weights[block.index] = self._combine(view).weights
            errors[block.index] = view.past_errors()
        return weights, errors


def _flat(block: Aligned) -> tuple[NDArray[np.bool_], Floats]:
    """Return which histories hold one value only, (n,), which goes on as it is, and the largest value of each, (n,)."""
    high = np.where(block.observed, block.values, -np.inf).max(axis=0)
    low = np.where(block.observed, block.values, np.inf).min(axis=0)
    return high == low, high
