"""The linear highway's first weights, fitted in closed form before the first optimiser step."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from forecast.datasets.panel import Panel
from forecast.datasets.windows.crops import CropPlan
from forecast.datasets.windows.datamodule import Batch, make_batch, validation_origins
from forecast.datasets.windows.history import ends_without_newest
from forecast.datasets.windows.origins import Origins
from forecast.networks.network import ForecastNetwork

MAX_ORIGINS = 20_000
CROPS_AT_ONCE = 256  # bounds memory
PENALTIES = (1.0, 0.1, 0.01, 0.001)  # as fractions of the inputs' mean square
DEFAULT_PENALTY = PENALTIES[1]
REWEIGHTING_ROUNDS = 2
MIN_RELATIVE_ERROR = 0.1  # as a fraction of the median error; smaller errors weigh the same
MAX_SCALED_VALUE = 5.0  # in units of the origin; an outlier must not decide the regression
HELD_BACK_DIVISOR = 8  # an eighth of a series chooses the penalty
MIN_HORIZONS_IN_SERIES = 4  # a shorter series cannot spare rows for that choice


def fit_highway(network: ForecastNetwork, panel: Panel, seed: int) -> float | None:
    """Set the highway to the ridge regression of the base forecast's errors on the recent rows.

    The candidates are `PENALTIES`, and a highway of zeros. The one with the least absolute error on the last rows of
    the panel wins; the weights are then fitted with it on all rows. Errors count by their absolute value: the
    regression is an iteratively reweighted least squares with one weight for each origin.

    Args:
        network: a network with fresh weights; its highway is changed in place.
        panel: the training rows.
        seed: decides which crops are read.

    Returns:
        The penalty as a fraction of the inputs' mean square. It is None, and the highway stays zero, where no candidate
        beats the base forecast and where the series are too short to choose.

    References:
        Hoerl & Kennard (1970), Ridge Regression; Zeng et al. (2023), Are Transformers Effective for Time Series
        Forecasting? (linear maps from the lookback to the horizon).
    """
    window = network.settings.window
    length = int(np.median(panel.lengths))
    if length < MIN_HORIZONS_IN_SERIES * window.horizon:
        return None
    held_back = max(window.horizon, length // HELD_BACK_DIVISOR)
    early = panel.truncate(ends_without_newest(panel, held_back))
    inputs, errors = _samples(network, early, _training_origins(network, early, seed))
    test_inputs, test_errors = _samples(network, panel, validation_origins(panel, window, held_back))
    if len(inputs) < 2 * network.settings.memory or not len(test_inputs):
        return None
    losses: dict[float | None, float] = {None: float(test_errors.abs().mean())}
    sums = _absolute_sums(inputs, errors, DEFAULT_PENALTY)
    for penalty in PENALTIES:
        losses[penalty] = float((test_errors - test_inputs @ _ridge(*sums, penalty)).abs().mean())
    best = min(losses, key=lambda penalty: losses[penalty])
    if best is not None:
        inputs, errors = _samples(network, panel, _training_origins(network, panel, seed))
        with torch.no_grad():
            network.highway.weight.copy_(_ridge(*_absolute_sums(inputs, errors, best), best).T)
    return best


def _training_origins(network: ForecastNetwork, panel: Panel, seed: int) -> Origins:
    """Draw the ends of the crops that the regression reads: at most `MAX_ORIGINS` origins, and four epochs."""
    plan = CropPlan(panel, network.settings.window, seed)
    return plan.draw(0, min(-(-MAX_ORIGINS // network.settings.window.origins), 4 * len(plan)))


def _samples(network: ForecastNetwork, panel: Panel, origins: Origins) -> tuple[Tensor, Tensor]:
    """Compute the rows of the regression, one for each origin whose whole horizon counts.

    Args:
        network: a network with fresh weights.
        panel: the rows.
        origins: the ends of crops.

    Returns:
        recent rows (n, memory) and the base forecast's errors (n, horizon), both in units of their origins.
    """
    window = network.settings.window
    inputs, errors = [], []
    with torch.inference_mode():
        for start in range(0, min(len(origins), -(-MAX_ORIGINS // window.origins)), CROPS_AT_ONCE):
            batch: Batch = make_batch(panel, origins[start : start + CROPS_AT_ONCE], window)
            view = network.view(batch.values, batch.observed)
            target, counted = network.targets(batch)
            scale = torch.where(view.scale > 0, view.scale, 1)
            error = (target - view.level) / scale - view.recent @ network.base
            complete = counted.all(-1) & (view.scale[..., 0] > 0)  # (batch, origin)
            inputs.append(view.recent[complete].clamp(-MAX_SCALED_VALUE, MAX_SCALED_VALUE))
            errors.append(error[complete].clamp(-MAX_SCALED_VALUE, MAX_SCALED_VALUE))
    return torch.cat(inputs).clone(), torch.cat(errors).clone()


def _absolute_sums(inputs: Tensor, errors: Tensor, penalty: float) -> tuple[Tensor, Tensor]:
    """Compute `_sums` with each origin weighted by 1 / its error, so that squared errors count as absolute ones."""
    sums = _sums(inputs, errors)
    for _ in range(REWEIGHTING_ROUNDS):
        size = (errors - inputs @ _ridge(*sums, penalty)).abs().mean(1, keepdim=True)
        importance = 1 / size.clamp_min(MIN_RELATIVE_ERROR * float(size.median()) + 1e-9)
        sums = _sums(inputs * (importance / importance.mean()), errors, inputs)
    return sums


def _sums(weighted: Tensor, errors: Tensor, inputs: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Compute the moments of the inputs, and their products with the errors, in float64.

    Args:
        weighted: (n, memory), the inputs times the origins' weights.
        errors: (n, horizon).
        inputs: (n, memory), the inputs themselves; None (the default) where all weights are 1.

    Returns:
        (memory, memory) and (memory, horizon).
    """
    inputs = weighted if inputs is None else inputs
    return (weighted.T @ inputs).double(), (weighted.T @ errors).double()


def _ridge(moments: Tensor, products: Tensor, penalty: float) -> Tensor:
    """Solve for the weights with the least penalised squared error, (memory, horizon)."""
    ridge = penalty * moments.diagonal().mean() * torch.eye(len(moments), dtype=moments.dtype)
    return torch.linalg.solve(moments + ridge, products).float()
