"""The fingerprint of the data: the SHA-256 of a panel, which does not depend on the order of the table's rows."""

from __future__ import annotations

import hashlib
import json

import numpy as np
import pandas as pd

from forecast.datasets.panel import Panel


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
