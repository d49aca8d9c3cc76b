"""Covariates as a network reads them: numbers are standardised, names are places in a vocabulary."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecast.datasets.errors import DataError, ModelError, Problem
from forecast.datasets.panel import Panel
from forecast.datasets.saved_arrays import REMEDY
from forecast.datasets.tables.encoding import UNKNOWN, blank, is_categorical, vocabulary_codes

ROLES = ("static", "known", "past")
MAX_DEVIATIONS = 10.0  # from the mean; beyond it an outlier would drown every other input


@dataclass(frozen=True, kw_only=True)
class Column:
    """One covariate, with what is known of its values from the training rows.

    Args:
        name: the column's name in the user's table.
        role: "static", "known" or "past".
        mean: mean of the training rows, in units of the column; 0 by default, and for names.
        deviation: standard deviation of the training rows, in units of the column; 1 by default, for names, and where
            all rows are equal.
        vocabulary: the names that the training rows hold, ascending; None (the default) for a column of numbers.
    """

    name: str
    role: str
    mean: float = 0.0
    deviation: float = 1.0
    vocabulary: tuple[str, ...] | None = None

    @property
    def size(self) -> int:
        """Return the size of the vocabulary, the place of unknown names included; 0 for a column of numbers."""
        return 0 if self.vocabulary is None else 1 + len(self.vocabulary)

    def standardise(self, numbers: NDArray[Any]) -> NDArray[Any]:
        """Map numbers in units of the column to standard deviations from its mean, at most `MAX_DEVIATIONS` of them."""
        return np.clip((numbers - self.mean) / self.deviation, -MAX_DEVIATIONS, MAX_DEVIATIONS)


@dataclass(frozen=True)
class Covariates:
    """The covariates of a fitted network.

    Args:
        columns: the static covariates, then the others in the order of the panel's channels; empty by default.
    """

    columns: tuple[Column, ...] = ()

    @classmethod
    def of(cls, panel: Panel) -> Covariates:
        """Compute means, deviations and vocabularies from the rows of a training panel."""
        static = [_static(str(name), panel.static[name]) for name in panel.static.columns]
        return cls((*static, *(_channel(panel, number) for number in range(1, len(panel.channels)))))

    def sizes(self, role: str) -> tuple[int, ...]:
        """Return `Column.size` of each column of a role ("static", "known" or "past")."""
        return tuple(column.size for column in self.columns if column.role == role)

    def encode(self, panel: Panel) -> Panel:
        """Encode channels and static columns as the network reads them.

        Args:
            panel: rows with the covariates of the training table.

        Returns:
            The panel with standardised numbers, and with codes from 0 (an unknown name) as floats.

        Raises:
            DataError: if a column is missing or holds names instead of numbers, or numbers instead of names.
        """
        problems = self._problems(panel)
        if problems:
            raise DataError("the covariates are not those of the training table", problems=problems)
        if not self.columns and panel.static.empty:
            return panel  # it stands as the network reads it, and nobody writes into a panel
        values, offset = panel.values.copy(), panel.offset.copy()
        channels = [column for column in self.columns if column.role != "static"]
        for number, column in enumerate(channels, start=1):
            raw = values[:, number] + np.repeat(offset[:, number], panel.lengths)
            if column.vocabulary is None:
                raw = column.standardise(raw)
            else:
                codes = vocabulary_codes(panel.channels[number].categories or (), column.vocabulary)
                raw = codes[raw.astype(np.int64)] if len(codes) else np.zeros_like(raw)
                raw = np.where(panel.observed[:, number], raw, UNKNOWN)
            values[:, number], offset[:, number] = raw, 0.0
        static = {c.name: _encoded(c, panel.static[c.name]) for c in self.columns if c.role == "static"}
        return replace(panel, values=values, offset=offset, static=pd.DataFrame(static, index=panel.static.index))

    def to_json(self) -> list[dict[str, Any]]:
        """Return the columns as JSON primitives."""
        return [asdict(column) for column in self.columns]

    @classmethod
    def from_json(cls, values: Any) -> Covariates:
        """Make covariates from what `to_json` returned, after it went through JSON.

        Raises:
            ModelError: if `to_json` cannot have returned it.
        """
        if not isinstance(values, list):
            raise ModelError("the covariates are no list", hint=REMEDY)
        columns = []
        for value in values:
            problem = _saved_problem(value)
            if problem is not None:
                raise ModelError(f"a saved covariate {problem}", hint=REMEDY)
            names = value["vocabulary"]
            columns.append(Column(**{**value, "vocabulary": None if names is None else tuple(names)}))
        return cls(tuple(columns))

    def _problems(self, panel: Panel) -> list[Problem]:
        """List the columns that the panel lacks, or that are of another kind than in training."""
        problems, channels = [], {channel.name: channel for channel in panel.channels[1:]}
        for column in self.columns:
            if column.role == "static":
                is_present = column.name in panel.static.columns
                has_names = is_present and is_categorical(panel.static[column.name])
            else:
                is_present = column.name in channels
                has_names = is_present and channels[column.name].categories is not None
            if not is_present:
                problems.append(
                    Problem(column=column.name, what="the column is missing", expected="it, as in training")
                )
            elif has_names and column.vocabulary is None:
                problems.append(Problem(column=column.name, what="the column holds names", expected="numbers"))
            elif not has_names and column.vocabulary is not None and column.role != "static":
                # a static column of numbers is no problem: its values are read as text
                problems.append(Problem(column=column.name, what="the column holds numbers", expected="names"))
        return problems


def _saved_problem(value: Any) -> str | None:
    """Say in a clause why JSON from a file is no covariate; None where it is one."""
    if not isinstance(value, dict) or value.keys() != {each.name for each in fields(Column)}:
        return f"has not exactly the keys {', '.join(each.name for each in fields(Column))}"
    if not isinstance(value["name"], str) or value["role"] not in ROLES:
        return f"has no name, or a role that is none of {', '.join(ROLES)}"
    units = [value["mean"], value["deviation"]]
    if not all(isinstance(number, float) and np.isfinite(number) for number in units) or value["deviation"] <= 0:
        return "has no finite mean, or no deviation above 0"
    names = value["vocabulary"]
    if names is None:
        return None
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        return "has a vocabulary that is no list of names"
    return None if names == sorted(set(names)) else "has a vocabulary that does not ascend"


def _static(name: str, column: pd.Series) -> Column:
    """Learn a static covariate from its values, one for each series."""
    if is_categorical(column):
        names = sorted(set(column.astype(str)[~blank(column)]))
        return Column(name=name, role="static", vocabulary=tuple(names))
    return _standardised(name, "static", _numbers(column))


def _channel(panel: Panel, number: int) -> Column:
    """Learn the covariate of channel `number` from the rows in which it was observed."""
    channel = panel.channels[number]
    series = np.repeat(np.arange(panel.n_series), panel.lengths)
    raw = (panel.values[:, number] + panel.offset[series, number])[panel.observed[:, number]]
    if channel.categories is None:
        return _standardised(channel.name, channel.role, raw)
    used = np.unique(raw).astype(np.int64)
    names = sorted(channel.categories[code] for code in used)
    return Column(name=channel.name, role=channel.role, vocabulary=tuple(names))


def _standardised(name: str, role: str, values: NDArray[np.float64]) -> Column:
    """Learn a column of numbers from its finite values; without any, its mean is 0 and its deviation 1."""
    finite = values[np.isfinite(values)]
    if not len(finite):
        return Column(name=name, role=role)
    return Column(name=name, role=role, mean=float(finite.mean()), deviation=float(finite.std()) or 1.0)


def _numbers(column: pd.Series) -> NDArray[np.float64]:
    """Convert a column to numbers, NaN where a value is missing or is not a number."""
    return pd.to_numeric(column, errors="coerce").to_numpy(np.float64, na_value=np.nan)


def _encoded(column: Column, cells: pd.Series) -> NDArray[np.float32]:
    """Encode the values of a static covariate, one for each series."""
    if column.vocabulary is not None:
        is_blank = blank(cells)
        text = ["" if missing else str(cell) for cell, missing in zip(cells, is_blank, strict=True)]
        return np.where(is_blank, UNKNOWN, vocabulary_codes(text, column.vocabulary)).astype(np.float32)
    # a missing number is read as the mean, which is 0
    return np.nan_to_num(column.standardise(_numbers(cells))).astype(np.float32)
