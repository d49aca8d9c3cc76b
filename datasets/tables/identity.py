"""The ids of series: one or several columns of a table become one text for each series, and columns again on the way out."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecast.datasets.errors import MAX_LISTED_PROBLEMS, Problem
from forecast.datasets.panel import Panel
from forecast.datasets.time.repeated import numbered

Integers = NDArray[np.int64]
BETWEEN, ESCAPE = "|", "\\"  # parts of an id, and before these two signs inside of a part
MISSING_IDS = ("", "nan", "none", "null", "<na>", "nat")
MOST_IDS_COMPARED = 100_000
MAX_IDS_NAMED = 6


@dataclass(frozen=True, eq=False)
class Ids:
    """The ids of a table.

    Args:
        text: (series,) ids, ascending part by part: whole numbers as numbers, all else as text.
        series: (rows,) number of each row's id among them; -1 for a row without an id.
        problems: rows without an id, and ids that differ only by blanks.
        notes: sentences about ids that may be mistakes.
    """

    text: NDArray[np.object_]
    series: Integers
    problems: list[Problem]
    notes: tuple[str, ...]


def read_ids(frame: pd.DataFrame, names: Sequence[str], single: str) -> Ids:
    """Read the ids of a long table.

    Args:
        frame: the table.
        names: its id columns; empty for a table of one series.
        single: id of that one series.
    """
    if not names:
        return Ids(np.array([single], object), np.zeros(len(frame), np.int64), [], ())
    parts = [_part(frame[name], name, alone=len(names) == 1) for name in names]
    problems = [problem for part in parts for problem in part.problems]
    notes = tuple(note for part in parts for note in part.notes)
    if len(parts) == 1:
        return Ids(parts[0].text, parts[0].series, problems, notes)
    series, numbers = parts[0].series, [np.arange(len(parts[0].text))]
    for part in parts[1:]:  # numbers ascend as the tuples of parts do
        pairs = np.where((series < 0) | (part.series < 0), -1, series * len(part.text) + part.series)
        codes, found = pd.factorize(pairs, sort=True)
        series, found = (codes - 1, found[1:]) if len(found) and found[0] < 0 else (codes, found)
        before, last = np.divmod(found, max(len(part.text), 1))
        numbers = [*(number[before] for number in numbers), last]
    columns = [part.text[number] for part, number in zip(parts, numbers, strict=True)]
    text = np.array([joined(row) for row in zip(*columns, strict=True)], object)
    return Ids(text, series.astype(np.int64), problems, notes)


def numbers_among(frame: pd.DataFrame, names: Sequence[str], panel: Panel) -> tuple[Integers, Ids]:
    """Return the number of each row's series in a panel, (rows,), -1 where it has none, and the ids of the rows."""
    found = read_ids(frame, names, str(panel.ids[0]))
    if not names:
        return found.series, found
    places = {str(text): number for number, text in enumerate(panel.ids)}
    # the last one is that of rows without an id, whose number among the ids is -1
    numbers = np.array([*(places.get(text, -1) for text in found.text), -1], np.int64)
    return numbers[found.series], found


def give_ids(panel: Panel, series: Integers) -> dict[str, Any]:
    """Return the id of each number of a series as columns, by name, in the dtypes that the caller's had.

    Returns:
        (n,) values for each id column; no column for a table of one series.

    Raises:
        ValueError: if the panel's ids do not have these parts, or a part has no value of its dtype.
    """
    fmt = panel.format
    columns = parts_of(panel.ids, len(fmt.ids))
    return {
        name: _typed(text, dtype, series) for name, text, dtype in zip(fmt.ids, columns, fmt.id_dtypes, strict=True)
    }


def joined(parts: Sequence[str]) -> str:
    """Join the parts of an id to one text, so that no other parts give the same."""
    escaped = (re.sub(r"[|\\]", lambda sign: ESCAPE + sign[0], part) for part in parts)
    return BETWEEN.join(escaped)


def parts_of(ids: Sequence[str] | NDArray[np.object_], n_parts: int) -> list[NDArray[np.object_]]:
    """Split ids into the parts that `joined` made them from.

    Returns:
        (ids,) texts for each part; those of one part are the ids themselves.

    Raises:
        ValueError: if an id has another number of parts.
    """
    if n_parts < 2:
        return [np.array(ids, object)] * n_parts
    rows = [_split(str(text)) for text in ids]
    if any(len(row) != n_parts for row in rows):
        raise ValueError(f"the ids do not have {n_parts} parts")
    return [np.array(column, object) for column in zip(*rows, strict=True)]


def _split(text: str) -> list[str]:
    """Undo `joined`."""
    if ESCAPE not in text:
        return text.split(BETWEEN)
    parts = [""]
    for sign in re.findall(r"\\.|[^\\]", text, re.DOTALL):
        if sign == BETWEEN:
            parts.append("")
        else:
            parts[-1] += sign[-1]  # without the escape before it
    return parts


def _typed(text: NDArray[np.object_], dtype: Any, series: Integers) -> Any:
    """Return texts, (ids,), at these numbers, (n,), in a dtype."""
    if dtype in ("bool", "boolean"):  # any text is true to pandas
        column = pd.Series(text == "True").astype(dtype)
    else:
        column = pd.Series(text).astype("str" if dtype in ("object", "category") else dtype)
    taken = column.array.take(series)
    return pd.Categorical(taken) if dtype == "category" else taken


def _part(column: pd.Series, name: str, *, alone: bool) -> Ids:
    """Read one id column; `alone` says whether it is the only one."""
    codes, names = numbered(column)
    what = "has no id" if alone else f"has no {name}, which is a part of its id"
    without = np.flatnonzero(codes < 0)
    problems = [
        Problem(column=name, what=f"row {row + 1} {what}", remedy="Give it one or remove the row.")
        for row in without[:MAX_LISTED_PROBLEMS]
    ]
    text = np.array([str(value) for value in names], object)
    problems += _differing_by_blanks(text, name)
    order = np.argsort(names if pd.api.types.is_integer_dtype(names.dtype) else text, kind="stable")
    rank = np.empty(len(text) + 1, np.int64)
    rank[order], rank[-1] = np.arange(len(text)), -1  # a code of -1, which has no id, takes the last
    return Ids(text[order], rank[codes], problems, _odd(text[order], name, alone=alone))


def _differing_by_blanks(text: NDArray[np.object_], column: str) -> list[Problem]:
    """List the ids that are the same but for blanks at their ends, or as text: one series would become two."""
    seen: dict[str, str] = {}
    problems = []
    for name in text[:MOST_IDS_COMPARED]:
        other = seen.get(name.strip())
        if other is None:
            seen[name.strip()] = name
            continue
        two_kinds = f"the id {name!r} is a number in some rows and text in others"
        what = two_kinds if other == name else f"the ids {other!r} and {name!r} differ only by blanks"
        problems.append(Problem(column=column, what=what, expected="one id a series", remedy="Write them alike."))
    return problems


def _odd(text: NDArray[np.object_], name: str, *, alone: bool) -> tuple[str, ...]:
    """Name the ids that look like missing ones, and those that differ only by capitals."""
    place = "" if alone else f" in {name}"
    missing = [repr(value) for value in text if value.strip().lower() in MISSING_IDS]
    notes = [f"ids that look like missing ones{place}: {', '.join(missing)}"] if missing else []
    lower = pd.Series([value.lower() for value in text], dtype="object")
    alike = [repr(value) for value in text[lower.duplicated(keep=False).to_numpy()][:MAX_IDS_NAMED]]
    return (*notes, f"ids that differ only by capitals{place}: {', '.join(alike)}") if alike else tuple(notes)
