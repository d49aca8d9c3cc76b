"""Times written as text: ISO 8601, or the one way of writing dates that all rows of a column agree on."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import product

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecast.datasets.errors import MAX_LISTED_PROBLEMS, Problem
from forecast.datasets.time.writing import OFFSET, QUARTERS, WEEKS, offset_of, parsed

ISO = "ISO8601"
DATES = ("%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%d-%m-%Y", "%m-%d-%Y", "%Y/%m/%d", "%d/%m/%y", "%m/%d/%y", "%d.%m.%y")
NAMED_DATES = ("%b %d, %Y", "%B %d, %Y", "%d %b %Y", "%d %B %Y", "%d-%b-%Y", "%d-%b-%y", "%b %Y", "%B %Y", "%b-%y")
OTHER_DATES = ("%Y%m%d", "%Y.%m.%d", "%m/%Y", "%m.%Y")
CLOCKS = ("", " %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p")
DATES_AND_CLOCKS = product((*DATES, *NAMED_DATES, *OTHER_DATES), CLOCKS)
FORMS = (*(date + clock for date, clock in DATES_AND_CLOCKS), *QUARTERS, *WEEKS)
ISO_CLOCKS = ("", *(sign + clock for sign in "T " for clock in ("%H:%M:%S", "%H:%M", "%H:%M:%S.%f", "%H")))
ISO_FORMS = (*(day + clock for day in ("%Y-%m-%d", "%Y/%m/%d") for clock in ISO_CLOCKS), "%Y-%m", "%Y", "%Y%m%d")
OFFSET_THERE = OFFSET.replace("(", "(?:")  # pandas warns of a group that nobody reads
ROWS_TRIED = 200  # of a long column, before a form is tried on the whole of it
MIN_SHARE_OF_A_FORM = 0.5  # of the rows; a form that fewer follow is not the column's


@dataclass(frozen=True, eq=False)
class Written:
    """A column of text, read.

    Args:
        stamps: the times; NaT where the form does not fit.
        form: the form of the text (see `parsed`); None where it is ISO 8601 of several forms.
        note: a sentence on what of the text cannot come back; empty where all can.
    """

    stamps: pd.Series
    form: str | None
    note: str = ""

    @property
    def bad(self) -> NDArray[np.int64]:
        """Return the numbers of the rows that the form does not fit."""
        return np.flatnonzero(self.stamps.isna().to_numpy())


def read_text(column: pd.Series, name: str, date_format: str | None) -> tuple[Written | None, list[Problem]]:
    """Read a column of text that has a value in each row.

    Args:
        column: the text.
        name: its name, for messages.
        date_format: the strptime form that the user named; None finds it.

    Returns:
        The times; None where no form fits, or several do and give other times; and the problems.
    """
    if date_format is not None:
        written = Written(parsed(column, date_format), date_format)
        return (written, []) if not len(written.bad) else (None, _bad_rows(column, written, name))
    zoned = _zoned(column)
    if zoned.any() and not zoned.all():
        return None, _mixed_zones(column, zoned, name)
    iso = Written(pd.to_datetime(column, format=ISO, errors="coerce", utc=bool(zoned.all())), None)
    if not len(iso.bad):
        return _zoned_form(column, iso) if zoned.all() else Written(iso.stamps, _form_of(column, iso.stamps)), []
    found = [Written(parsed(column, form), form) for form in _likely(column)]
    whole = [written for written in found if not len(written.bad)]
    ways = [written for n, written in enumerate(whole) if not any(_same(written, other) for other in whole[:n])]
    if len(ways) == 1:
        return ways[0], []
    if ways:
        return None, [_two_ways(column, ways, name)]
    best = min([iso, *found], key=lambda written: len(written.bad))
    return None, _bad_rows(column, best, name)


def _likely(column: pd.Series) -> list[str]:
    """Return the forms that most of some rows follow."""
    some = column.iloc[np.unique(np.linspace(0, len(column) - 1, ROWS_TRIED).astype(int))]
    return [form for form in FORMS if parsed(some, form).notna().mean() >= MIN_SHARE_OF_A_FORM]


def _same(left: Written, right: Written) -> bool:
    return bool((left.stamps == right.stamps).all())


def _form_of(column: pd.Series, stamps: pd.Series) -> str | None:
    """Return the form that ISO 8601 text of one form is written in, judged by its first and last rows."""
    ends = np.unique(np.r_[: min(ROWS_TRIED, len(column)), max(len(column) - ROWS_TRIED, 0) : len(column)])
    text, times = column.iloc[ends], stamps.iloc[ends]
    values, first = text.tolist(), times.iloc[0]
    if not all(isinstance(value, str) for value in values):
        return None
    fits = (form for form in ISO_FORMS if first.strftime(form) == values[0])
    return next((form for form in fits if (times.dt.strftime(form) == text).all()), None)


def _zoned_form(column: pd.Series, iso: Written) -> Written:
    """Find the form of ISO 8601 text with offsets, which is written with its only one, or with that of UTC if it has many."""
    text = column.astype(str)
    offsets = text.str.extract(OFFSET)[0]
    found = sorted(offsets.unique())
    ahead = offsets.map({offset: offset_of(offset) for offset in found})
    form = _form_of(text.str.replace(OFFSET, "", regex=True), iso.stamps.dt.tz_localize(None) + ahead)
    if form is None:
        return iso
    if len(found) == 1:
        return Written(iso.stamps, form + found[0])
    utc = re.sub(r"\d", "0", next(offset for offset in found if offset != "Z")).replace("-", "+")
    note = f"times have several offsets ({', '.join(found)}) and no zone; forecasts are written in UTC ({utc})"
    return Written(iso.stamps, form + utc, note)


def _zoned(column: pd.Series) -> NDArray[np.bool_]:
    """Return which rows, (rows,), end in a zone, such as Z or +01:00; the signs of a date stand before its tenth letter."""
    text = column.astype(str).str.strip()
    return np.asarray(text.str[10:].str.contains(OFFSET_THERE, regex=True), bool)


def _bad_rows(column: pd.Series, written: Written, name: str) -> list[Problem]:
    most = len(written.bad) < len(column)
    form = f"a time written as {written.form}" if written.form else "an ISO 8601 time such as 2024-01-31"
    example = form + (", as in the other rows" if most else "")
    remedy = (
        "Mend these rows, or say with date_format= (--date-format) how times are written."
        if most
        else f"Say with date_format= (--date-format) how times are written, such as %d/%m/%Y for {column.iloc[0]!r}."
    )
    return [
        Problem(what=f"row {row + 1} holds {column.iloc[row]!r}", column=name, expected=example, remedy=remedy)
        for row in written.bad[:MAX_LISTED_PROBLEMS]
    ]


def _two_ways(column: pd.Series, ways: list[Written], name: str) -> Problem:
    differs = np.flatnonzero((ways[0].stamps != ways[1].stamps).to_numpy())[0]
    readings = " or ".join(f"{way.stamps.iloc[differs].date()} ({way.form})" for way in ways)
    options = " or ".join(f"--date-format {way.form}" for way in ways)
    return Problem(
        what=f"{column.iloc[differs]!r} is {readings}, and no row decides",
        column=name,
        expected="times that can be read in one way",
        remedy=f"Say which with date_format=: {options}.",
    )


def _mixed_zones(column: pd.Series, zoned: NDArray[np.bool_], name: str) -> list[Problem]:
    few = zoned if zoned.sum() <= len(zoned) / 2 else ~zoned
    what, others = ("has", "none") if few is zoned else ("has no", "one")
    return [
        Problem(
            what=f"row {row + 1}, {column.iloc[row]!r}, {what} zone",
            column=name,
            expected=f"a zone in every row or in none; most rows have {others}",
            remedy="Write all times alike.",
        )
        for row in np.flatnonzero(few)[:MAX_LISTED_PROBLEMS]
    ]
