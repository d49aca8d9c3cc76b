"""What a .csv file's cells betray: that it is written in another way than it was read, and which options read it."""

from __future__ import annotations

import io
from dataclasses import replace

import pandas as pd

from forecast.datasets.errors import Problem
from forecast.datasets.tables.columns import IDS, TARGETS, TIMES, Columns, find, id_names
from forecast.datasets.time.texts import read_text

SEPARATORS = {";": ";", "\t": "tab", "|": "|"}
COMMA_NUMBER = r"\s*[-+]?(?:\d+|\d{1,3}(?:\.\d{3})+),\d+\s*"
ROWS_LOOKED_AT = 1000
MIN_SHARE = 0.9  # of the cells of a column that look like numbers


def suspicions(frame: pd.DataFrame, columns: Columns) -> list[Problem]:
    """List what the first rows of a file say against the way that it was read, all at once.

    Args:
        frame: the file as it was read.
        columns: the roles of its columns, and how it was read.

    Returns:
        A problem for a separator, a decimal comma, a column for each series, and dates that can be read in two ways;
        none where the first three are as they should be, for then the last is found with everything else.
    """
    some, problems = frame.head(ROWS_LOOKED_AT), _no_header(frame)
    separator = _separator(some) if columns.separator is None else None
    if separator is not None:
        remedy = f"Pass --separator '{SEPARATORS[separator]}'."
        what = f"the cells seem to be separated by {SEPARATORS[separator]!r}"
        problems.append(Problem(what=what, expected="a comma", remedy=remedy))
        some = _split(some, separator)
    commas = _with_decimal_commas(some, columns) if columns.decimal == "." else []
    if commas:
        example = some[commas[0]].dropna().iloc[0]
        what = f"numbers such as {str(example).strip()!r} seem to have a decimal comma"
        problems.append(Problem(what=what, column=commas[0], expected="a point", remedy="Pass --decimal ','."))
    wide = not columns.wide and _seems_wide(some, columns, commas)
    if wide:
        what = f"there is no target, and {len(some.columns) - 1} columns of numbers: each seems to be a series"
        problems.append(Problem(what=what, expected="a row for each series and time", remedy="Pass --wide true."))
    return [*problems, *_dates(some, replace(columns, wide=columns.wide or wide))] if problems else []


def _no_header(frame: pd.DataFrame) -> list[Problem]:
    """Say that the first line seems to be a row, if it holds a time and a number."""
    names = pd.Series([str(name) for name in frame.columns], dtype="str")
    numbers = pd.to_numeric(names, errors="coerce").notna()
    times = pd.to_datetime(names.str[:10], format="%Y-%m-%d", errors="coerce").notna()
    if not (numbers.any() and times.any()):
        return []
    what = f"the first line, {', '.join(names[:4])}, seems to be a row"
    return [Problem(what=what, expected="the names of the columns", remedy="Write a header, such as unique_id,ds,y.")]


def _separator(frame: pd.DataFrame) -> str | None:
    """Return the sign that the names of the columns hold where they should be separated."""
    names = ",".join(map(str, frame.columns))
    found = [sign for sign in SEPARATORS if names.count(sign) >= max(1, len(frame.columns) - 1)]
    return max(found, key=names.count) if found else None


def _split(frame: pd.DataFrame, separator: str) -> pd.DataFrame:
    """Read rows that were split at commas again, split at another sign."""
    lines = [",".join(map(str, frame.columns))]
    cells = frame if isinstance(frame.index, pd.RangeIndex) else frame.reset_index()  # cells before the first comma
    lines += [",".join("" if pd.isna(cell) else str(cell) for cell in row) for row in cells.itertuples(index=False)]
    text = io.StringIO("\n".join(lines))
    return pd.read_csv(text, sep=separator, dtype="str", engine="python", on_bad_lines="skip")


def _with_decimal_commas(frame: pd.DataFrame, columns: Columns) -> list[str]:
    """Return the columns whose text is numbers with a comma."""
    found = []
    ids = id_names(columns.id, [str(name) for name in frame.columns])
    for name in frame.columns:
        cells = frame[name].dropna()
        if name in ids or not len(cells) or pd.api.types.is_numeric_dtype(cells.dtype):
            continue
        text = cells.astype(str)
        commas, points = text.str.fullmatch(COMMA_NUMBER), pd.to_numeric(text, errors="coerce").notna()
        if commas.any() and (commas | points).mean() >= MIN_SHARE:
            found.append(str(name))
    return found


def _seems_wide(frame: pd.DataFrame, columns: Columns, numbers: list[str]) -> bool:
    """Return whether there are neither ids nor a target, and all columns but one, at least two, hold numbers."""
    names = [str(name) for name in frame.columns]
    if columns.id or columns.target or len(names) < 3 or any(name.lower() in (*IDS, *TARGETS) for name in names):
        return False
    numeric = [
        name for name in names if name in numbers or pd.to_numeric(frame[name], errors="coerce").notna().mean() > 0.5
    ]
    return len(numeric) >= len(names) - 1


def _dates(frame: pd.DataFrame, columns: Columns) -> list[Problem]:
    """List that dates can be read in two ways, if they can."""
    names = [str(name) for name in frame.columns]
    time, _ = find(columns.time, TIMES, names, "time", needed=False)
    time = time or (names[0] if columns.wide else None)
    if time is None or columns.date_format is not None or pd.api.types.is_numeric_dtype(frame[time].dtype):
        return []
    cells = frame[time].dropna()
    return read_text(cells, time, None)[1][:1] if len(cells) else []
