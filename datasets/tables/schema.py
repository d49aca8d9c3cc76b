"""The door: a table in, a panel out, or one error that lists everything wrong with the table."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pandas as pd

from forecast.datasets.errors import DataError, Problem
from forecast.datasets.panel import Panel
from forecast.datasets.tables.arrays import read_rows
from forecast.datasets.tables.columns import TARGETS, TIMES, Columns, TableFormat, find, find_ids, id_names, missing
from forecast.datasets.tables.forms import to_long, to_pandas
from forecast.datasets.tables.layout import count_problems, lay_out
from forecast.datasets.tables.repair import merge_duplicates
from forecast.datasets.time.grid import Grid

NAMES_OF_FORECASTS = re.compile(r"forecast|q\d+(\.\d+)?")


def panel_from_table(table: Any, columns: Columns, *, freq: str | int | None = None, grid: Grid | None = None) -> Panel:
    """Validate a table and lay it out as a panel.

    Rows may come in any order. Rows that the grid has and the table lacks are masked, and so are missing targets; rows
    before a series' first value are left out. Sentences in the panel's `notes` say so. Nothing is repaired.

    Args:
        table: a long frame, a wide one (a time index, a column for each series), a Series with a time index, either
            with ids and times in its index, a mapping of columns or of Series, or anything that narwhals reads (polars,
            pyarrow). A panel, which is valid already, keeps the covariates of `columns` only.
        columns: the roles of its columns.
        freq: frequency of the grid; None finds it from the times.
        grid: grid of an earlier table that the times must lie on; None takes any. `freq` wins over it.

    Returns:
        The panel, its series sorted by id and its rows by time.

    Raises:
        DataError: with every problem of the table, each with its series, column and time, what was expected there and
            what the user can do.
        ConfigError: if `freq` is not a frequency.
    """
    if isinstance(table, Panel):
        return table.with_roles(columns)
    required_grid = Grid.of(freq) if freq is not None else grid
    frame, fmt = to_long(table, columns)
    roles, problems = _roles(frame, columns, fmt)
    if problems:
        raise DataError("the table does not have the columns it needs", problems=problems)
    if not len(frame):
        raise DataError("the table has no rows", hint="Give it at least two rows a series.")
    frame, merged = merge_duplicates(frame, roles)
    rows, fmt, problems = read_rows(frame, roles, fmt, required_grid)
    if rows is None:
        raise DataError(count_problems(problems), problems=problems)
    rows = replace(rows, notes=(*rows.notes, *merged))
    known_grid = required_grid or (Grid.of(rows.period_freq) if rows.period_freq else None)
    return lay_out(rows, roles, fmt, known_grid)


def pd_frame(table: Any) -> pd.DataFrame:
    """Return a long table of any kind that `panel_from_table` reads as a pandas frame.

    Raises:
        DataError: if it is no table.
    """
    frame, _ = to_pandas(table)
    return frame.to_frame() if isinstance(frame, pd.Series) else frame


def _roles(frame: pd.DataFrame, columns: Columns, fmt: TableFormat) -> tuple[Columns, list[Problem]]:
    """Return the columns with the name of every role filled in, and the columns that the table lacks as problems."""
    names = [str(name) for name in frame.columns]
    ids, id_problems = _ids(columns, fmt, names)
    in_index = (columns.time or fmt.time) if fmt.levels else columns.time
    time_name = fmt.time if fmt.kind != "long" else in_index
    target_name = fmt.target if fmt.kind != "long" else columns.target
    time, time_problems = find(time_name, TIMES, names, "time", needed=True)
    target, target_problems = find(target_name, TARGETS, names, "target", needed=True)
    problems = [*id_problems, *time_problems, *target_problems]
    covariates = (("static", columns.static), ("known", columns.known), ("past", columns.past))
    problems += [missing(name, names, role) for role, group in covariates for name in group if name not in names]
    if columns.observed is not None and columns.observed not in names:
        problems.append(missing(columns.observed, names, "observed"))
    roles = replace(columns, id=ids or None, time=time, target=target)
    return roles, problems or [*_double_roles(roles), *_names_of_results(roles)]


def _ids(columns: Columns, fmt: TableFormat, names: list[str]) -> tuple[tuple[str, ...], list[Problem]]:
    """Find the id columns: those that the user named, else the levels of an index, else the one with a usual name."""
    if fmt.kind == "series":
        return (), []
    return find_ids(id_names(columns.id, names) or (fmt.ids if fmt.levels else ()), names, needed=False)


def _names_of_results(roles: Columns) -> list[Problem]:
    """List the ids and times that have the name of a column of forecasts, in which they could not stand beside it."""
    taken = [name for name in (*roles.ids, str(roles.time)) if NAMES_OF_FORECASTS.fullmatch(name)]
    expected = "another name for ids and times"
    return [
        Problem(column=name, what="forecasts have a column of this name", expected=expected, remedy="Rename it.")
        for name in taken
    ]


def _double_roles(roles: Columns) -> list[Problem]:
    """List the columns that are an id, a time, a target or a mask, and something else; models that stand side by side may
    read one covariate in several ways."""
    single = [
        *(("id", name) for name in roles.ids),
        ("time", roles.time),
        ("target", roles.target),
        ("observed", roles.observed),
    ]
    covariates = dict.fromkeys((*roles.static, *roles.covariates), "a covariate")
    of_column: dict[str, list[str]] = {}
    for role, name in single:
        if name is not None:
            of_column.setdefault(name, []).append(role)
    for name, found in of_column.items():
        found += [covariates[name]] if name in covariates else []
    return [
        Problem(column=name, what=f"it is {' and '.join(found)}", expected="one role a column", remedy="Name it once.")
        for name, found in of_column.items()
        if len(found) > 1
    ]
