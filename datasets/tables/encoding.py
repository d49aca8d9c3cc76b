"""Columns of text as numbers: categories read from a table, vocabularies learnt from training rows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

UNKNOWN = 0  # code of a category that training did not see, and of a missing one


def is_categorical(column: pd.Series) -> bool:
    """Whether a column holds names: text or categories of which not one is a number."""
    if pd.api.types.is_bool_dtype(column.dtype) or pd.api.types.is_numeric_dtype(column.dtype):
        return False
    filled = column[~blank(column)]
    return bool(len(filled)) and bool(pd.to_numeric(filled.astype(str), errors="coerce").isna().all())


def categories_of(column: pd.Series) -> tuple[NDArray[np.float64], tuple[str, ...]]:
    """A column of names as codes from 0 (NaN where missing), and the names in ascending order."""
    missing = blank(column)
    text = column.astype(str).to_numpy(object)
    names = sorted(set(text[~missing]))
    number = {name: float(code) for code, name in enumerate(names)}
    codes = np.array([np.nan if gone else number[name] for name, gone in zip(text, missing, strict=True)])
    return codes, tuple(names)


def blank(column: pd.Series) -> NDArray[np.bool_]:
    """Cells without a value: missing, or text of spaces."""
    found = column.isna()
    if not pd.api.types.is_numeric_dtype(column.dtype):
        found = found | (column.astype(str).str.strip() == "")
    return found.to_numpy(bool)


def vocabulary_codes(categories: Sequence[str], vocabulary: Sequence[str]) -> NDArray[np.float32]:
    """For each category its place in the vocabulary, from 1; `UNKNOWN` where it is not in it."""
    known = {name: place for place, name in enumerate(vocabulary, start=1)}
    return np.array([known.get(name, UNKNOWN) for name in categories], np.float32)
