"""Forecasts from a trained network, without Lightning: gather, forward, back to the target's units."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch

from forecast.datasets.panel import Panel
from forecast.datasets.windows import Origins, gather
from forecast.network import ForecastNetwork
from forecast.protocol import Prediction

BLOCK = 16
BATCH = 128  # origins in one forward pass: a layer's states stay in the cache, which is worth a third of the time


def predict(network: ForecastNetwork, panel: Panel, origins: Origins) -> Prediction:
    """Forecast at each origin from exactly `lookback` rows before it.

    Args:
        network: in evaluation mode.
        panel: the rows.
        origins: where.

    Returns:
        Point and quantiles in units of the target.
    """
    device = next(network.parameters()).device
    levels = network.head.levels
    ahead = network.settings.window.horizon if network.settings.known else 0
    parts = []
    with torch.inference_mode():
        for start in range(0, len(origins), BATCH):
            part = origins[start : start + BATCH]
            whole = _whole_blocks(part)
            window = gather(panel, whole, before=network.settings.window.lookback, after=ahead)
            static = panel.static_values[whole.series]
            out = network(*(torch.from_numpy(a).to(device) for a in (window.values, window.observed, static)))
            # only the newest origin of the crop is a forecast; float64 from here, so that a level of 1e9 keeps its digits
            scaled = out.normalised[:, -1].double() * out.scale[:, -1].unsqueeze(-1) + out.level[:, -1].unsqueeze(-1)
            parts.append(scaled[: len(part)].cpu().numpy() + panel.offset[part.series, 0, None, None])
    forecast = np.concatenate(parts) if parts else np.empty((0, network.settings.window.horizon, network.head.width))
    point = forecast[:, :, network.head.median]
    return Prediction(point, levels, forecast) if levels else Prediction(point)


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
