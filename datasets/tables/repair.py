"""Repairs of a table that the user asks for by name; nothing is repaired in silence."""

from __future__ import annotations

from typing import Literal

import pandas as pd

from forecast.datasets.errors import ConfigError

Keep = Literal["first", "last", "mean", "sum"]


def merge_duplicates(table: pd.DataFrame, *, id: str | None, time: str, target: str, keep: Keep) -> pd.DataFrame:
    """Merge rows of the same series and time.

    Args:
        table: a long frame.
        id: name of the id column; None for a table of one series.
        time: name of the time column.
        target: name of the column that is merged; of the other columns the first value is kept.
        keep: the target of the merged row, which is the "first", "last", "mean" or "sum" of theirs.

    Returns:
        A frame with the same columns and one row for each series and time.

    Raises:
        ConfigError: if `keep` is none of these.
    """
    if keep not in ("first", "last", "mean", "sum"):
        raise ConfigError(f"keep={keep!r} is not known", hint="Use first, last, mean or sum.")
    key = [time] if id is None else [id, time]
    rules = {name: keep if name == target else "first" for name in table.columns if name not in key}
    return table.groupby(key, sort=False, observed=True).agg(rules).reset_index()[list(table.columns)]
