"""The roles of a table's columns, and the form of the table, so that results have the same form."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from difflib import get_close_matches
from typing import Any, Literal

from forecast.datasets.declarations import DATA, docstring, setting
from forecast.datasets.errors import Problem

IDS = ("unique_id", "item_id", "series_id")
TIMES = ("ds", "timestamp", "date", "datetime", "time")
TARGETS = ("y", "target", "value")
# of a frame's attrs: the path of its file, the columns of it that were not read, and the dtypes of those that were read as
# categories
FILE, LEFT_OUT, ENCODED = "file", "columns left out", "columns encoded"
EMPTIES = ("refuse", "skip")
DUPLICATES = ("refuse", "first", "last", "mean", "sum")
GAPS = ("mask", "zero", "refuse")
DECIMALS = (".", ",")


@dataclass(frozen=True, kw_only=True)
class Columns:
    id: str | tuple[str, ...] | None = setting(
        None,
        "Column of the series ids, or several that name a series together, such as store,item. If left out, it is "
        "unique_id, item_id or series_id; a table without them is one series.",
        group=DATA,
        metavar="COL,...",
        everyday=True,
    )
    time: str | None = setting(
        None,
        "Column of the time stamps or integer steps. If left out, it is ds, timestamp, date, datetime or time.",
        group=DATA,
        metavar="COL",
        everyday=True,
    )
    target: str | None = setting(
        None, "Column to forecast. If left out, it is y, target or value.", group=DATA, metavar="COL", everyday=True
    )
    static: tuple[str, ...] = setting(
        (), "Columns with one value for each series.", group=DATA, metavar="COL,...", everyday=True
    )
    known: tuple[str, ...] = setting(
        (), "Covariates known up to the end of the horizon.", group=DATA, metavar="COL,...", everyday=True
    )
    past: tuple[str, ...] = setting(
        (), "Covariates known only up to the cutoff.", group=DATA, metavar="COL,...", everyday=True
    )
    observed: str | None = setting(
        None, "Boolean column, false where the target was filled in.", group=DATA, metavar="COL", everyday=True
    )
    on_empty: str = setting(
        "refuse",
        "What becomes of a series without any value: refuse ends with an error, skip leaves it out and says so.",
        group=DATA,
        values=EMPTIES,
        everyday=True,
    )

    date_format: str | None = setting(
        None,
        "How times are written, such as %d/%m/%Y. If left out, ISO 8601, or the one way that all rows agree on.",
        group=DATA,
        metavar="FORM",
        everyday=True,
    )
    on_duplicate: str = setting(
        "refuse",
        "What becomes of rows of one series and time: refuse ends with an error; first, last, mean or sum makes one "
        "row of them and says so.",
        group=DATA,
        values=DUPLICATES,
        everyday=True,
    )
    on_gap: str = setting(
        "mask",
        "What becomes of rows that the grid has and the table lacks: mask (they are missing), zero (nothing was sold) or "
        "refuse.",
        group=DATA,
        values=GAPS,
        everyday=True,
    )
    wide: bool = setting(
        False, "Whether a file has a column for each series beside the times.", group=DATA, everyday=True
    )
    separator: str | None = setting(
        None,
        "Sign between the cells of a .csv file, such as ; or tab. If left out, it is a comma.",
        group=DATA,
        metavar="SIGN",
        everyday=True,
    )
    decimal: str = setting(
        ".", "Sign before the decimals of a .csv file's numbers.", group=DATA, values=DECIMALS, everyday=True
    )

    @property
    def ids(self) -> tuple[str, ...]:
        """Return the id columns of roles whose columns are found; none for a table of one series."""
        return id_names(self.id, (self.id,) if isinstance(self.id, str) else ())

    @property
    def covariates(self) -> tuple[str, ...]:
        """Return the known and the past columns, in this order."""
        return (*self.known, *self.past)


SUMMARY = """What a table's columns are, and how it is read. A column that is left out is found by its usual names."""
Columns.__doc__ = docstring(SUMMARY, Columns)


@dataclass(frozen=True, kw_only=True)
class TableFormat:
    """The form of the caller's table.

    Args:
        kind: "long" (a row for each series and time), "wide" (a column for each series) or "series" (a pandas Series).
        ids: names of the id columns; empty for a table of one series.
        time: name of the time column or index.
        target: name of the target column.
        id_dtypes: pandas dtype of each id column, as text.
        time_dtype: dtype of the times without the zone, such as "int64", "datetime64[us]" or "period[M]".
        zone: time zone; None for stamps without one.
        time_form: strptime form of times that are text; None for other times.
        order: ids of a wide table's series as text, in the order of its columns.
        columns_name: name of a wide table's columns; None for none.
        index_freq: whether the index of a wide table or of a Series had a frequency.
        time_in_columns: whether the times of a wide table are a column, not the index.
        levels: names of the levels of an index that holds ids and times; empty for other tables.
        library: library that the table is of: "pandas", "polars", "pyarrow", or "dict" for a mapping of Series.
    """

    kind: Literal["long", "wide", "series"] = "long"
    ids: tuple[str, ...] = ("unique_id",)
    time: str = "ds"
    target: str = "y"
    id_dtypes: tuple[str, ...] = ("str",)
    time_dtype: str = "datetime64[us]"
    zone: str | None = None
    time_form: str | None = None
    order: tuple[str, ...] = ()
    columns_name: str | None = None
    index_freq: bool = False
    time_in_columns: bool = False
    levels: tuple[str, ...] = ()
    library: str = "pandas"

    @property
    def id(self) -> str | tuple[str, ...] | None:
        """Return the id columns as the setting `id` names them."""
        return self.ids if len(self.ids) > 1 else next(iter(self.ids), None)

    def named_in(self, names: Iterable[object], roles: Columns) -> Columns:
        """Fill in roles that nobody named: they have the names of this table, if another table with `names` has them."""
        there = {"id": self.ids, "time": (self.time,), "target": (self.target,)}
        known = set(map(str, names))
        missing = [role for role, found in there.items() if getattr(roles, role) is None and set(found) <= known]
        return replace(roles, **{role: getattr(self, role) for role in missing})

    def to_json(self) -> dict[str, Any]:
        """Return the fields as JSON primitives."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> TableFormat:
        """Build the format that `to_json` described."""
        tuples = {name: tuple(values.get(name, ())) for name in ("ids", "id_dtypes", "order", "levels")}
        return cls(**{**values, **tuples})


def one_or_several(id: str | Sequence[str] | None) -> str | tuple[str, ...] | None:
    """Return the setting `id` as `Columns` holds it; a caller may give a list."""
    return id if id is None or isinstance(id, str) else tuple(id)


def id_names(id: str | Sequence[str] | None, names: Sequence[str]) -> tuple[str, ...]:
    """Return the columns that the setting `id` names.

    Args:
        id: a name; several, as a sequence or as a text with commas; or None.
        names: names of the table's columns. A text that is one of them is one name, commas or not.

    Returns:
        The names, which the table need not have; empty for None.
    """
    if id is None:
        return ()
    if not isinstance(id, str):
        return tuple(id)
    parts = () if id in names else tuple(part.strip() for part in id.split(",") if part.strip())
    return parts or (id,)


def find_ids(
    requested: tuple[str, ...], names: Sequence[str], *, needed: bool
) -> tuple[tuple[str, ...], list[Problem]]:
    """Find the id columns.

    Args:
        requested: names of all of them; empty takes the one column with a usual name.
        names: names of the table's columns.
        needed: whether it is a problem that the table has no such column.

    Returns:
        The names of the columns, empty where there are none, and the problems.
    """
    if requested:
        return requested, [missing(name, names, "id") for name in requested if name not in names]
    name, problems = find(None, IDS, names, "id", needed=needed)
    return (() if name is None else (name,)), problems


def ids_like(
    fmt: TableFormat, names: Sequence[str], requested: str | Sequence[str] | None = None
) -> tuple[tuple[str, ...], list[Problem]]:
    """Find the id columns of a table that belongs to another one.

    Args:
        fmt: form of the other table. Where its only id column is not there, one with a usual name is.
        names: names of the table's columns.
        requested: the id columns that the user named; None for none.

    Returns:
        As `find_ids`; no columns and no problems if the other table is of one series.
    """
    alike = fmt.ids if len(fmt.ids) > 1 or set(fmt.ids) <= set(names) else ()
    return find_ids(id_names(requested, names) or alike, names, needed=True) if fmt.ids else ((), [])


def find(
    requested: str | None, usual: Sequence[str], names: Sequence[str], role: str, *, needed: bool
) -> tuple[str | None, list[Problem]]:
    """Find the column of a role.

    Args:
        requested: name of the column that the user gave; None takes the one column with a usual name.
        usual: usual names of the role, in lower case.
        names: names of the table's columns.
        role: name of the role, for messages.
        needed: whether it is a problem that the table has no such column.

    Returns:
        Name of the column, None where there is none, and the problems.
    """
    if requested is not None:
        return (requested, []) if requested in names else (None, [missing(requested, names, role)])
    matches = [name for name in names if str(name).lower() in usual]
    if len(matches) == 1:
        return matches[0], []
    if len(matches) > 1:
        remedy = f"Name it with {role}= (--{role})."
        return None, [Problem(what=f"columns {matches} could all be the {role}", expected="one of them", remedy=remedy)]
    if not needed:
        return None, []
    expected = f"a column named {', '.join(usual)}"
    remedy = f"Name it with {role}= (--{role}). The table has: {', '.join(map(str, names))}."
    return None, [Problem(what=f"there is no {role} column", column=usual[0], expected=expected, remedy=remedy)]


def missing(name: str, names: Sequence[str], role: str) -> Problem:
    """Return the problem that a column does not exist, with the most similar name that does."""
    similar = get_close_matches(name, [str(n) for n in names], n=1)
    remedy = f"Did you mean {similar[0]!r}?" if similar else f"The table has: {', '.join(map(str, names))}."
    return Problem(what=f"the {role} column does not exist", column=name, remedy=remedy)
