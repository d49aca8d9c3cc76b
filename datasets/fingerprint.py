"""A name for the data itself: SHA-256 of what a panel holds, whatever the order of the rows it came in."""

from __future__ import annotations

import hashlib
import json

import numpy as np
import pandas as pd

from forecast.datasets.panel import Panel


def panel_sha256(panel: Panel) -> str:
    """64 hexadecimal digits over ids, grid, times, values, masks and static columns."""
    digest = hashlib.sha256()
    roles = [(channel.name, channel.role, *(channel.categories or ())) for channel in panel.channels]
    digest.update(json.dumps([panel.grid.to_json(), roles, [str(name) for name in panel.ids]]).encode())
    for array in (panel.starts, panel.indptr, panel.target, panel.values, panel.observed, panel.offset):
        digest.update(np.ascontiguousarray(array).tobytes())
    if len(panel.static.columns):
        digest.update(pd.util.hash_pandas_object(panel.static.astype("str"), index=False).to_numpy().tobytes())
    return digest.hexdigest()
