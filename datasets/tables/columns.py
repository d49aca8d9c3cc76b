"""The roles of a table's columns, and how the table looked, so that results go back in the same dress."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from difflib import get_close_matches
from typing import Any, Literal

from forecast.datasets.errors import Problem

IDS = ("unique_id", "item_id", "series_id")
TIMES = ("ds", "timestamp", "date", "datetime", "time")
TARGETS = ("y", "target", "value")


@dataclass(frozen=True, kw_only=True)
class Columns:
    """Which column plays which role; None is found by its usual name.

    Args:
        id: ids of the series (unique_id, item_id, series_id); a table without one is one series.
        time: time stamps or integer steps (ds, timestamp, date, datetime, time).
        target: what is forecast (y, target, value).
        static: one value a series.
        known: known up to the cutoff + horizon.
        past: known up to the cutoff.
        observed: boolean, False where the target was filled in.
    """

    id: str | None = None
    time: str | None = None
    target: str | None = None
    static: tuple[str, ...] = ()
    known: tuple[str, ...] = ()
    past: tuple[str, ...] = ()
    observed: str | None = None

    @property
    def covariates(self) -> tuple[str, ...]:
        return (*self.known, *self.past)


@dataclass(frozen=True, kw_only=True)
class TableFormat:
    """How the caller's table looked.

    Args:
        kind: "long", "wide" (a column a series) or "series".
        id: name of the id column, None for a table of one series.
        time: name of the time column or index.
        target: name of the target.
        id_dtype: pandas dtype of the ids, as text.
        time_dtype: "int64", "datetime64[us]", "period[M]"...; the zone is apart.
        zone: time zone, None for naive stamps.
    """

    kind: Literal["long", "wide", "series"] = "long"
    id: str | None = "unique_id"
    time: str = "ds"
    target: str = "y"
    id_dtype: str = "str"
    time_dtype: str = "datetime64[us]"
    zone: str | None = None

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> TableFormat:
        return cls(**values)


def find(
    asked: str | None, usual: Sequence[str], names: Sequence[str], role: str, *, needed: bool
) -> tuple[str | None, list[Problem]]:
    """The column of a role: the one asked for, else the one with a usual name."""
    if asked is not None:
        return (asked, []) if asked in names else (None, [missing(asked, names, role)])
    hits = [name for name in names if str(name).lower() in usual]
    if len(hits) == 1:
        return hits[0], []
    if len(hits) > 1:
        remedy = f"Name it with {role}= (--{role})."
        return None, [Problem(what=f"columns {hits} could all be the {role}", expected="one of them", remedy=remedy)]
    if not needed:
        return None, []
    expected = f"a column named {', '.join(usual)}"
    remedy = f"Name it with {role}= (--{role}). The table has: {', '.join(map(str, names))}."
    return None, [Problem(what=f"there is no {role} column", column=usual[0], expected=expected, remedy=remedy)]


def missing(name: str, names: Sequence[str], role: str) -> Problem:
    """The problem that a named column does not exist, with the nearest that does."""
    near = get_close_matches(name, [str(n) for n in names], n=1)
    remedy = f"Did you mean {near[0]!r}?" if near else f"The table has: {', '.join(map(str, names))}."
    return Problem(what=f"the {role} column does not exist", column=name, remedy=remedy)
