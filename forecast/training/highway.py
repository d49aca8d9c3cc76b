"""The linear highway: where training starts, found in closed form before the first optimiser step."""

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

SAMPLES = 20_000  # origins the weights are fitted on, at most
CHUNK = 256  # crops in memory at a time
PENALTIES = (1.0, 0.1, 0.01, 0.001)
ROUNDS = 2  # of reweighting: errors count absolutely, not squared
CALM = 0.1  # of the median error; below it all errors weigh the same
CLAMP = 5.0  # in units of scale
HELD = 8  # the last 1 / HELD of each series' rows, at least a horizon, choose the penalty
SHORTEST = 4  # horizons in a series that can spare rows for that


def fit_highway(network: ForecastNetwork, panel: Panel, seed: int) -> float | None:
    """Set the highway to the ridge regression of the base forecast's errors on the recent rows.

    The penalty is the one with the least absolute error on the last rows of the panel, of `PENALTIES` and of none at
    all (the highway stays zero); the weights are then fitted on all rows, with errors counted absolutely by
    iteratively reweighted least squares, one weight an origin.

    Args:
        network: fresh; changed in place.
        panel: the training rows.
        seed: of the crops that are read.

    Returns:
        The penalty as a share of the inputs' variance, None where the base forecast alone is better.

    References:
        Hoerl & Kennard (1970), Ridge Regression; Zeng et al. (2023), Are Transformers Effective for Time Series
        Forecasting? (linear maps from the lookback to the horizon).
    """
    window = network.settings.window
    length = int(np.median(panel.lengths))
    if length < SHORTEST * window.horizon:
        return None
    held = max(window.horizon, length // HELD)
    early = panel.truncate(ends_without_newest(panel, held))
    inputs, errors = _samples(network, early, _training(network, early, seed))
    test_inputs, test_errors = _samples(network, panel, validation_origins(panel, window, held))
    if len(inputs) < 2 * network.settings.memory or not len(test_inputs):
        return None
    losses: dict[float | None, float] = {None: float(test_errors.abs().mean())}
    sums = _absolute_sums(inputs, errors, PENALTIES[1])
    for penalty in PENALTIES:
        losses[penalty] = float((test_errors - test_inputs @ _ridge(*sums, penalty)).abs().mean())
    best = min(losses, key=lambda penalty: losses[penalty])
    if best is not None:
        inputs, errors = _samples(network, panel, _training(network, panel, seed))
        with torch.no_grad():
            network.highway.weight.copy_(_ridge(*_absolute_sums(inputs, errors, best), best).T)
    return best


def _training(network: ForecastNetwork, panel: Panel, seed: int) -> Origins:
    plan = CropPlan(panel, network.settings.window, seed)
    return plan.draw(0, min(-(-SAMPLES // network.settings.window.origins), 4 * len(plan)))


def _samples(network: ForecastNetwork, panel: Panel, origins: Origins) -> tuple[Tensor, Tensor]:
    """Recent rows (n, memory) and the base forecast's errors (n, horizon), where the whole horizon was observed."""
    window = network.settings.window
    inputs, errors = [], []
    with torch.inference_mode():
        for start in range(0, min(len(origins), -(-SAMPLES // window.origins)), CHUNK):
            batch: Batch = make_batch(panel, origins[start : start + CHUNK], window)
            view = network.view(batch.values, batch.observed)
            target, known = network.targets(batch)
            scale = torch.where(view.scale > 0, view.scale, 1)
            error = (target - view.level) / scale - view.recent @ network.base
            whole = known.all(-1) & (view.scale[..., 0] > 0)
            inputs.append(view.recent[whole].clamp(-CLAMP, CLAMP))
            errors.append(error[whole].clamp(-CLAMP, CLAMP))
    return torch.cat(inputs).clone(), torch.cat(errors).clone()


def _absolute_sums(inputs: Tensor, errors: Tensor, penalty: float) -> tuple[Tensor, Tensor]:
    """The sums of `_sums` with each origin weighted so that squared errors count as absolute ones."""
    sums = _sums(inputs, errors)
    for _ in range(ROUNDS):
        size = (errors - inputs @ _ridge(*sums, penalty)).abs().mean(1, keepdim=True)
        importance = 1 / size.clamp_min(CALM * float(size.median()) + 1e-9)
        sums = _sums(inputs * (importance / importance.mean()), errors, inputs)
    return sums


def _sums(weighted: Tensor, errors: Tensor, inputs: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Moments of the inputs, and their products with the errors, in float64."""
    inputs = weighted if inputs is None else inputs
    return (weighted.T @ inputs).double(), (weighted.T @ errors).double()


def _ridge(moments: Tensor, products: Tensor, penalty: float) -> Tensor:
    """(memory, horizon) weights with the least penalised squared error."""
    ridge = penalty * moments.diagonal().mean() * torch.eye(len(moments), dtype=moments.dtype)
    return torch.linalg.solve(moments + ridge, products).float()
