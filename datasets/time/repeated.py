"""Columns whose values repeat, as ids and times do, are read by their distinct values."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray


def numbered(column: pd.Series) -> tuple[NDArray[np.int64], pd.Index]:
    """Number the distinct values of a column; categories are numbered already, and need no comparing.

    Returns:
        The number of each row's value, (rows,), -1 where it is missing, and the values.
    """
    if not isinstance(column.dtype, pd.CategoricalDtype):
        numbers, distinct = pd.factorize(column)
        return numbers.astype(np.int64, copy=False), pd.Index(distinct)
    codes, categories = column.cat.codes.to_numpy().astype(np.int64), column.cat.categories
    is_there = np.zeros(len(categories) + 1, bool)  # the last stands for a missing value, whose code is -1
    is_there[codes] = True
    is_there[-1] = False
    if is_there[:-1].all():
        return codes, categories
    number = np.where(is_there, np.cumsum(is_there) - 1, -1)
    return number[codes], categories[is_there[:-1]]
