"""Forecasts from a trained network, without Lightning: rows are gathered, forecast, and scaled back to the target."""

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

ORIGINS_PER_BLOCK = 16
ORIGINS_PER_PASS = 128  # few enough that a layer's states stay in the cache, which saves a third of the time


def predict(network: ForecastNetwork, panel: Panel, origins: Origins, *, mean: bool = False) -> Prediction:
    """Forecast at each origin from exactly `lookback` rows before it.

    Args:
        network: a trained network in evaluation mode.
        panel: the rows as the network reads them.
        origins: n origins.
        mean: whether the point of a distribution is its mean; else (the default) it is its median.

    Returns:
        Point and quantiles (or a distribution) at the n origins, in units of the target.
    """
    head: Head = network.head
    return head.prediction(_outputs(network, panel, origins), mean=mean)


def _outputs(network: ForecastNetwork, panel: Panel, origins: Origins) -> Outputs:
    """Compute the head's outputs at n origins, each from a crop that ends there."""
    window, width = network.settings.window, network.head.width
    device = next(network.parameters()).device
    ahead = window.horizon if network.settings.known else 0
    parts: list[list[NDArray[np.float32]]] = []
    with torch.inference_mode():
        for start in range(0, len(origins), ORIGINS_PER_PASS):
            part = origins[start : start + ORIGINS_PER_PASS]
            padded = _whole_blocks(part)
            rows = gather(panel, padded, before=window.lookback, after=ahead)
            static = panel.static_values[padded.series]
            out = network(*(torch.from_numpy(a).to(device) for a in (rows.values, rows.observed, static)))
            parts.append([t[: len(part), -1].cpu().numpy() for t in out])  # the crop's last origin, without padding
    offset = panel.offset[origins.series, 0, None]
    if not parts:
        empty = np.empty((0, 1))
        return Outputs(np.empty((0, window.horizon, width), np.float32), empty, empty, offset)
    normalised, level, scale = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    return Outputs(normalised, level.astype(np.float64), scale.astype(np.float64), offset)


def _whole_blocks(origins: Origins) -> Origins:
    """Repeat the last origin until the origins fill whole blocks.

    Matrix products sum an incomplete block in another order, and so the last bit of a forecast would depend on how many
    others are made beside it.
    """
    missing = -len(origins) % ORIGINS_PER_BLOCK
    if not missing:
        return origins
    series, end = (np.append(a, np.repeat(a[-1:], missing)) for a in (origins.series, origins.end))
    return Origins(series, end)


@contextmanager
def threads(count: int) -> Iterator[None]:
    """Let torch compute with `count` CPU threads inside the block, and restore its number of threads afterwards."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
