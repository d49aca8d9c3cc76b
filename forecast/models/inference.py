"""Forecasts from a trained network, without Lightning: gather, forward, back to the target's units."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from numpy.typing import NDArray

from forecast.datasets.panel import Panel
from forecast.datasets.windows.origins import Origins, gather
from forecast.networks.heads import Head, Outputs
from forecast.networks.network import ForecastNetwork
from forecast.protocol import Prediction

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
    head: Head = network.head
    return head.prediction(_outputs(network, panel, origins), mean=mean)


def _outputs(network: ForecastNetwork, panel: Panel, origins: Origins) -> Outputs:
    """The newest origin of each crop."""
    window, width = network.settings.window, network.head.width
    device = next(network.parameters()).device
    ahead = window.horizon if network.settings.known else 0
    parts: list[list[NDArray[np.float32]]] = []
    with torch.inference_mode():
        for start in range(0, len(origins), BATCH):
            part = origins[start : start + BATCH]
            whole = _whole_blocks(part)
            read = gather(panel, whole, before=window.lookback, after=ahead)
            static = panel.static_values[whole.series]
            out = network(*(torch.from_numpy(a).to(device) for a in (read.values, read.observed, static)))
            parts.append([t[: len(part), -1].cpu().numpy() for t in out])
    offset = panel.offset[origins.series, 0, None]
    if not parts:
        nothing = np.empty((0, 1))
        return Outputs(np.empty((0, window.horizon, width), np.float32), nothing, nothing, offset)
    normalised, level, scale = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    return Outputs(normalised, level.astype(np.float64), scale.astype(np.float64), offset)


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
