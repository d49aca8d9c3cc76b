"""Covariates as a network reads them: numbers standardised, names as places in a vocabulary, learnt from training rows."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecast.datasets.errors import DataError, Problem
from forecast.datasets.panel import Panel
from forecast.datasets.tables.encoding import UNKNOWN, blank, is_categorical, vocabulary_codes

LIMIT = 10.0  # standard deviations: a covariate may be extreme, not deafening


@dataclass(frozen=True, kw_only=True)
class Column:
    """One covariate.

    Args:
        name: in the user's table.
        role: "static", "known" or "past".
        mean: of the training rows.
        deviation: of the training rows, 1 where they are all equal.
        vocabulary: names the training rows hold, ascending; None for a column of numbers.
    """

    name: str
    role: str
    mean: float = 0.0
    deviation: float = 1.0
    vocabulary: tuple[str, ...] | None = None

    @property
    def size(self) -> int:
        """Places of the vocabulary, the unknown one among them; 0 for a number."""
        return 0 if self.vocabulary is None else 1 + len(self.vocabulary)


@dataclass(frozen=True)
class Covariates:
    """Every covariate of a fitted network.

    Args:
        columns: static first, then in the order of the panel's channels.
    """

    columns: tuple[Column, ...] = ()

    @classmethod
    def of(cls, panel: Panel) -> Covariates:
        """Learn means and vocabularies from the rows of a training panel."""
        static = [_static(str(name), panel.static[name]) for name in panel.static.columns]
        return cls((*static, *(_channel(panel, number) for number in range(1, len(panel.channels)))))

    def sizes(self, role: str) -> tuple[int, ...]:
        """Of each column of a role: 0 for a number, the size of the vocabulary for a name."""
        return tuple(column.size for column in self.columns if column.role == role)

    def encode(self, panel: Panel) -> Panel:
        """The panel with channels and static columns as the network reads them.

        Raises:
            DataError: where a column is missing or of another kind than in training.
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
                raw = np.clip((raw - column.mean) / column.deviation, -LIMIT, LIMIT)
            else:
                codes = vocabulary_codes(panel.channels[number].categories or (), column.vocabulary)
                raw = codes[raw.astype(np.int64)] if len(codes) else np.zeros_like(raw)
                raw = np.where(panel.observed[:, number], raw, UNKNOWN)
            values[:, number], offset[:, number] = raw, 0.0
        static = {c.name: _encoded(c, panel.static[c.name]) for c in self.columns if c.role == "static"}
        return replace(panel, values=values, offset=offset, static=pd.DataFrame(static, index=panel.static.index))

    def to_json(self) -> list[dict[str, Any]]:
        return [asdict(column) for column in self.columns]

    @classmethod
    def from_json(cls, values: list[dict[str, Any]]) -> Covariates:
        listed = [{**v, "vocabulary": None if v["vocabulary"] is None else tuple(v["vocabulary"])} for v in values]
        return cls(tuple(Column(**v) for v in listed))

    def _problems(self, panel: Panel) -> list[Problem]:
        problems, channels = [], {channel.name: channel for channel in panel.channels[1:]}
        for column in self.columns:
            if column.role == "static":
                there = column.name in panel.static.columns
                names = there and is_categorical(panel.static[column.name])
            else:
                there = column.name in channels
                names = there and channels[column.name].categories is not None
            if not there:
                problems.append(
                    Problem(column=column.name, what="the column is missing", expected="it, as in training")
                )
            elif names and column.vocabulary is None:
                problems.append(Problem(column=column.name, what="the column holds names", expected="numbers"))
            elif not names and column.vocabulary is not None and column.role != "static" and column.name in channels:
                problems.append(Problem(column=column.name, what="the column holds numbers", expected="names"))
        return problems


def _static(name: str, column: pd.Series) -> Column:
    if is_categorical(column):
        names = sorted(set(column.astype(str)[~blank(column)]))
        return Column(name=name, role="static", vocabulary=tuple(names))
    return _standardised(name, "static", _numbers(column))


def _channel(panel: Panel, number: int) -> Column:
    channel = panel.channels[number]
    series = np.repeat(np.arange(panel.n_series), panel.lengths)
    raw = (panel.values[:, number] + panel.offset[series, number])[panel.observed[:, number]]
    if channel.categories is None:
        return _standardised(channel.name, channel.role, raw)
    used = np.unique(raw).astype(np.int64)
    names = sorted(channel.categories[code] for code in used)
    return Column(name=channel.name, role=channel.role, vocabulary=tuple(names))


def _standardised(name: str, role: str, values: NDArray[np.float64]) -> Column:
    known = values[np.isfinite(values)]
    if not len(known):
        return Column(name=name, role=role)
    return Column(name=name, role=role, mean=float(known.mean()), deviation=float(known.std()) or 1.0)


def _numbers(column: pd.Series) -> NDArray[np.float64]:
    return pd.to_numeric(column, errors="coerce").to_numpy(np.float64, na_value=np.nan)


def _encoded(column: Column, cells: pd.Series) -> NDArray[np.float32]:
    if column.vocabulary is not None:
        gone = blank(cells)
        text = ["" if g else str(cell) for cell, g in zip(cells, gone, strict=True)]
        return np.where(gone, UNKNOWN, vocabulary_codes(text, column.vocabulary)).astype(np.float32)
    scaled = (_numbers(cells) - column.mean) / column.deviation
    return np.nan_to_num(np.clip(scaled, -LIMIT, LIMIT)).astype(np.float32)  # a missing number is the mean
