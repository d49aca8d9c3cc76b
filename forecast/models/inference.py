"""Forecasts from a trained network, without Lightning: gather, forward, back to the target's units."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from forecast.datasets.panel import Panel
from forecast.datasets.windows.origins import Origins, gather
from forecast.networks.distributions import Family
from forecast.networks.heads import DistributionHead
from forecast.networks.network import ForecastNetwork
from forecast.protocol import Prediction

Floats = NDArray[np.float64]
BLOCK = 16
BATCH = 128  # origins in one forward pass: a layer's states stay in the cache, which is worth a third of the time


def predict(network: ForecastNetwork, panel: Panel, origins: Origins, *, mean: bool = False) -> Prediction:
    """Forecast at each origin from exactly `lookback` rows before it.

    Args:
        network: in evaluation mode.
        panel: the rows.
        origins: where.
        mean: the point of a distribution is its mean, not its median.

    Returns:
        Point and quantiles (or a distribution) in units of the target.
    """
    outputs = _outputs(network, panel, origins)
    offset = panel.offset[origins.series, 0, None, None]
    if isinstance(network.head, DistributionHead):
        return _distribution(network.head.family, outputs, offset[:, :, 0], mean=mean)
    # float64 from here, so that a level of 1e9 keeps its digits
    forecast = outputs.normalised.astype(np.float64) * outputs.scale[..., None] + outputs.level[..., None] + offset
    point = forecast[:, :, network.head.median]
    return Prediction(point, network.head.levels, forecast) if network.head.levels else Prediction(point)


class Outputs(NamedTuple):
    """What the network says at the newest origin of each crop.

    Args:
        normalised: (n, horizon, width) in units of the origin.
        level, scale: (n, 1) of the origin.
    """

    normalised: NDArray[np.float32]
    level: Floats
    scale: Floats


def _outputs(network: ForecastNetwork, panel: Panel, origins: Origins) -> Outputs:
    window, width = network.settings.window, network.head.width
    device = next(network.parameters()).device
    ahead = window.horizon if network.settings.known else 0
    parts: list[Outputs] = []
    with torch.inference_mode():
        for start in range(0, len(origins), BATCH):
            part = origins[start : start + BATCH]
            whole = _whole_blocks(part)
            read = gather(panel, whole, before=window.lookback, after=ahead)
            static = panel.static_values[whole.series]
            out = network(*(torch.from_numpy(a).to(device) for a in (read.values, read.observed, static)))
            newest = (t[: len(part), -1].cpu().numpy() for t in out)
            parts.append(Outputs(*newest))
    if not parts:
        return Outputs(np.empty((0, window.horizon, width), np.float32), np.empty((0, 1)), np.empty((0, 1)))
    normalised, level, scale = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    return Outputs(normalised, level.astype(np.float64), scale.astype(np.float64))


def _distribution(family: Family, out: Outputs, offset: Floats, *, mean: bool) -> Prediction:
    """A flat history has no spread: its distribution is its level."""
    scale = np.where(out.scale > 0, out.scale, 1e-9)
    zero = (-offset - out.level) / scale
    shape = out.normalised.shape[:2]
    own = family.parameters(*(torch.from_numpy(a) for a in (out.normalised.astype(np.float64), zero, scale)))
    parameters = [np.broadcast_to(p.numpy(), shape) for p in own]
    unit = (np.zeros((1, 1)), np.ones((1, 1))) if family.own_units else (out.level + offset, scale)

    def inverse(levels: Floats) -> Floats:
        values = family.frozen([p[:, :, None] for p in parameters]).ppf(levels)
        return np.asarray(unit[0][:, :, None] + unit[1][:, :, None] * values)

    if not mean:
        return Prediction(inverse(np.full((1, 1, 1), 0.5))[:, :, 0], inverse=inverse)
    return Prediction(unit[0] + unit[1] * np.asarray(family.frozen(parameters).mean()), inverse=inverse)


def _whole_blocks(origins: Origins) -> Origins:
    """The last origin repeated up to a whole block: matrix products sum the rest of one in another order, and so the
    last bit of a forecast would depend on how many others are made beside it."""
    missing = -len(origins) % BLOCK
    if not missing:
        return origins
    series, end = (np.append(a, np.repeat(a[-1:], missing)) for a in (origins.series, origins.end))
    return Origins(series, end)


@contextmanager
def threads(count: int) -> Iterator[None]:
    """Compute with `count` CPU threads, and leave torch as it was."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
