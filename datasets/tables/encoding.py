"""Columns of text become numbers: categories are read from a table, vocabularies are learnt from training rows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecast.datasets.tables.columns import ENCODED

UNKNOWN = 0  # code of a category that training did not see, and of a missing one


def is_categorical(column: pd.Series) -> bool:
    """Return whether a column holds names: text or categories none of which is a number."""
    if pd.api.types.is_bool_dtype(column.dtype) or pd.api.types.is_numeric_dtype(column.dtype):
        return False
    filled = column[~blank(column)]
    return bool(len(filled)) and bool(pd.to_numeric(filled.astype(str), errors="coerce").isna().all())


def categories_of(column: pd.Series) -> tuple[NDArray[np.float64], tuple[str, ...]]:
    """Encode a column of names.

    Returns:
        (rows,) codes from 0, NaN where the name is missing, and the names in the order of the codes, ascending.
    """
    missing = blank(column)
    text = column.astype(str).to_numpy(object)
    names = sorted(set(text[~missing]))
    number = {name: float(code) for code, name in enumerate(names)}
    codes = np.array([np.nan if is_missing else number[name] for name, is_missing in zip(text, missing, strict=True)])
    return codes, tuple(names)


def dtype_of(frame: pd.DataFrame, name: str) -> str:
    """Return the dtype of a column as text; of one that is text in its file, and was read as categories, that of text."""
    dtype = frame[name].dtype
    is_encoded = isinstance(dtype, pd.CategoricalDtype)
    return frame.attrs.get(ENCODED, {}).get(name, str(dtype)) if is_encoded else str(dtype)


def blank(column: pd.Series) -> NDArray[np.bool_]:
    """Return which cells, (rows,), have no value: they are missing or hold only spaces."""
    is_blank = column.isna()
    if not pd.api.types.is_numeric_dtype(column.dtype):
        is_blank = is_blank | (column.astype(str).str.strip() == "")
    return is_blank.to_numpy(bool)


def vocabulary_codes(categories: Sequence[str], vocabulary: Sequence[str]) -> NDArray[np.float32]:
    """Return each category's place in the vocabulary, counted from 1; `UNKNOWN` where it is not in it."""
    places = {name: place for place, name in enumerate(vocabulary, start=1)}
    return np.array([places.get(name, UNKNOWN) for name in categories], np.float32)
