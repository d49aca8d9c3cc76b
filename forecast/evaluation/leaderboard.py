"""Models side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd


def leaderboard_frame(models: dict[str, dict[str, float]]) -> pd.DataFrame:
    """A row a model, best MASE first (sMAPE where MASE is not defined)."""
    import pandas as pd

    frame = pd.DataFrame([{"model": name, **metrics} for name, metrics in models.items()])
    key = "mase" if frame["mase"].notna().any() else "smape"
    return frame.sort_values(key, kind="stable", na_position="last", ignore_index=True)
