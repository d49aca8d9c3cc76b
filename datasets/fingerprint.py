"""What the data are, in a few numbers and as fingerprints; these depend on the order of neither rows nor columns."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import numpy as np
import pandas as pd

from forecast.datasets.panel import Panel
from forecast.datasets.time.times import as_text


def described(panel: Panel) -> dict[str, Any]:
    """Describe the data: number of series and rows, first and last time as text, and frequency."""
    integer, zone = panel.grid.kind == "integer", panel.format.zone
    ends = panel.grid.shift(panel.starts, panel.lengths - 1)
    return {
        "series": panel.n_series,
        "rows": panel.n_rows,
        "first": as_text(int(panel.starts.min()), integer, zone),
        "last": as_text(int(ends.max()), integer, zone),
        "freq": panel.grid.freq,
    }


def panel_sha256(panel: Panel) -> str:
    """Hash ids, grid, times, values, masks and static columns to 64 hexadecimal digits."""
    digest = hashlib.sha256()
    roles = [(channel.name, channel.role, *(channel.categories or ())) for channel in panel.channels]
    digest.update(json.dumps([panel.grid.to_json(), roles, [str(name) for name in panel.ids]]).encode())
    for array in (panel.starts, panel.indptr, panel.target, panel.values, panel.observed, panel.offset):
        digest.update(np.ascontiguousarray(array).tobytes())
    if len(panel.static.columns):
        digest.update(pd.util.hash_pandas_object(panel.static.astype("str"), index=False).to_numpy().tobytes())
    return digest.hexdigest()


def target_sha256(panel: Panel) -> str:
    """Hash what is forecast, and nothing that it is forecast from: ids, times, target and mask.

    Panels with other covariates have the same hash, so that models with and without them can be ranked together.

    Returns:
        64 hexadecimal digits.
    """
    digest = hashlib.sha256()
    digest.update(json.dumps([panel.grid.to_json(), [str(name) for name in panel.ids]]).encode())
    is_known = np.isfinite(panel.target)
    target = np.where(is_known, panel.target, 0.0) + 0.0  # + 0.0: -0.0 and 0.0 are one value with two patterns of bits
    for array in (panel.starts, panel.indptr, target, is_known):
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()
