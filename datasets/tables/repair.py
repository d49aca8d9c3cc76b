"""Repairs of a table that the user asks for by name; nothing is repaired in silence."""

from __future__ import annotations

import pandas as pd

from forecast.datasets.tables.columns import Columns


def merge_duplicates(table: pd.DataFrame, roles: Columns) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Make one row of those of the same series and time, where `roles.on_duplicate` says how.

    Args:
        table: a long frame.
        roles: the roles of its columns. The target of the merged row is the first, last, mean or sum of theirs; of the
            other columns the first value is kept.

    Returns:
        A frame with the same columns, and a sentence that says how many rows were merged. It is this one where there is
        nothing to merge, or nothing that can be: what is wrong with it is said later.
    """
    keep, target = roles.on_duplicate, str(roles.target)
    key = [*roles.ids, str(roles.time)]
    if keep == "refuse" or (keep in ("mean", "sum") and not pd.api.types.is_numeric_dtype(table[target].dtype)):
        return table, ()
    repeated = table.duplicated(key, keep=False)
    if not repeated.any():
        return table, ()
    rules: dict[str, str] = {
        str(name): keep if name == target else "first" for name in table.columns if name not in key
    }
    grouped = table[repeated].groupby(key, sort=False, observed=True, dropna=False)
    # pandas sums nothing to 0: a missing value would become one
    parts = {
        name: grouped[name].sum(min_count=1) if rule == "sum" else getattr(grouped[name], rule)()
        for name, rule in rules.items()
    }
    merged = pd.DataFrame(parts).reset_index()[list(table.columns)]
    note = (
        f"{int(repeated.sum())} rows of the same series and time are merged to {len(merged)}: the {keep} of {target!r}"
    )
    rows = pd.concat([table[~repeated], merged], ignore_index=True)
    rows.attrs = table.attrs  # they say of the file's columns what the rows do not
    return rows, (note,)
