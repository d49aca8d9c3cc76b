"""Rolling origins are the cutoffs of a backtest; a scikit-learn splitter gives them for tables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forecast.datasets.errors import ConfigError, DataError, Problem
from forecast.datasets.panel import Panel
from forecast.datasets.time.times import parse_time
from forecast.datasets.windows.origins import Integers, Origins


@dataclass(frozen=True, eq=False)
class Cutoff:
    """One cutoff of every series that can be forecast there.

    Args:
        index: number of the cutoff, 0 for the oldest.
        origins: one origin for each series that is forecast here.
        skipped: ids of series without a row before the cutoff, or without one after it and the gap.
    """

    index: int
    origins: Origins
    skipped: tuple[str, ...] = ()

    def ends(self, panel: Panel) -> Integers:
        """Return the flat row, (series,), at which each series' history ends; of a skipped series, its first row."""
        ends = panel.indptr[:-1].copy()
        ends[self.origins.series] = self.origins.end
        return ends


def last_cutoffs(
    panel: Panel, *, horizon: int, n_cutoffs: int = 1, step: int | None = None, gap: int = 0
) -> list[Cutoff]:
    """Place cutoffs counted back from each series' end; the last stands `horizon + gap` rows before it.

    Args:
        panel: the rows.
        horizon: rows that are scored after each cutoff and gap.
        n_cutoffs: number of cutoffs; 1 by default.
        step: rows between two cutoffs; None takes the horizon.
        gap: rows directly after the cutoff that are not scored; 0 by default.

    Returns:
        The cutoffs, oldest first.

    Raises:
        ConfigError: if a count is no whole number or too small.
        DataError: if no series has a row before one of the cutoffs.
    """
    step = _check(horizon=horizon, cutoffs=n_cutoffs, step=horizon if step is None else step, gap=gap)
    back = [(n_cutoffs - 1 - k) * step + horizon + gap for k in range(n_cutoffs)]
    cutoffs = [_cutoff(panel, k, panel.lengths - rows, gap) for k, rows in enumerate(back)]
    return _not_empty(cutoffs, panel, f"{back[0]} rows (horizon, gap and earlier cutoffs) and one to forecast from")


def cutoffs_between(
    panel: Panel, *, horizon: int, first: Any, last: Any = None, step: int | None = None, gap: int = 0
) -> list[Cutoff]:
    """Place cutoffs at the same times for all series.

    Args:
        panel: the rows.
        horizon: rows that are scored after each cutoff and gap.
        first: time of the first row that is scored at the first cutoff.
        last: latest time that the last cutoff's horizon may reach; None takes each series' end.
        step: rows between two cutoffs; None takes the horizon.
        gap: rows directly after the cutoff that are not scored; 0 by default.

    Returns:
        The cutoffs, oldest first.

    Raises:
        ConfigError: if a count is no whole number or too small, or a time cannot be read.
        DataError: if no series has a whole horizon between the two times.
    """
    step = _check(horizon=horizon, cutoffs=1, step=horizon if step is None else step, gap=gap)
    before = _rows_before(panel, first)  # (series,)
    limit = panel.lengths if last is None else np.minimum(_rows_before(panel, last, included=True), panel.lengths)
    n_cutoffs = int(((limit - before - horizon) // step).max()) + 1
    if n_cutoffs < 1:
        hint = "Move --from back, or make the horizon shorter."
        raise DataError(f"no series has {horizon} rows between {first} and {last or 'its end'}", hint=hint)
    cutoffs = [_cutoff(panel, k, before - gap + k * step, gap) for k in range(n_cutoffs)]
    return _not_empty(cutoffs, panel, f"a row before {first}")


class RollingOrigin:
    """A scikit-learn splitter that trains on everything before a cutoff and tests on the rows after it.

    Rows of each series must be in time order.

    Args:
        horizon: test rows of each series.
        n_splits: number of cutoffs.
        step: rows between two cutoffs; None takes the horizon.
        gap: rows between train and test that neither has; 0 by default.

    Raises:
        ConfigError: if a count is no whole number or too small.
    """

    def __init__(self, horizon: int, n_splits: int = 5, *, step: int | None = None, gap: int = 0) -> None:
        self.step = _check(horizon=horizon, cutoffs=n_splits, step=horizon if step is None else step, gap=gap)
        self.horizon, self.n_splits, self.gap = horizon, n_splits, gap

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        """Return the number of splits that `split` makes; the arguments are scikit-learn's and are not read."""
        return self.n_splits

    def split(self, X: Any, y: Any = None, groups: Sequence[Any] | None = None) -> Iterator[tuple[Integers, Integers]]:
        """Yield row numbers to train and to test on, the oldest cutoff first.

        Args:
            X: a table or array, of which only the number of rows is read.
            y: nothing; scikit-learn passes it.
            groups: id of each row's series; None takes all rows for one series.

        Raises:
            DataError: if no series has a row before a cutoff.
        """
        n_rows = len(X)
        series = np.unique(np.asarray(groups), return_inverse=True)[1] if groups is not None else np.zeros(n_rows, int)
        number_in_series, length = _number_rows(series)
        for number in range(self.n_splits):
            back = (self.n_splits - 1 - number) * self.step + self.horizon + self.gap
            cut = length[series] - back
            train = np.flatnonzero(number_in_series < cut)
            first = cut + self.gap
            in_test = (number_in_series >= first) & (number_in_series < first + self.horizon)
            test = np.flatnonzero(in_test & (cut > 0))
            if not len(train):
                raise DataError(
                    f"no series has more than {back} rows", hint="Ask for fewer splits or a shorter horizon."
                )
            yield train, test


def _number_rows(series: NDArray[np.int64]) -> tuple[Integers, Integers]:
    """Return each row's number within its series, (rows,) from 0, and the rows of each series, (series,)."""
    length = np.bincount(series)
    order = np.argsort(series, kind="stable")
    number = np.empty(len(series), np.int64)
    number[order] = np.arange(len(series)) - np.repeat(np.cumsum(length) - length, length)
    return number, length


def _rows_before(panel: Panel, value: Any, *, included: bool = False) -> Integers:
    """Count the rows of each series before a time, or up to it, (series,); negative where the series begins later."""
    at = parse_time(value, panel.grid, panel.format.zone)
    count, exact = panel.grid.steps(panel.starts, np.full(panel.n_series, at))
    return np.asarray(count + (exact if included else ~exact) + (included & ~exact))


def _cutoff(panel: Panel, index: int, rows_before: Integers, gap: int) -> Cutoff:
    """Build the cutoff after `rows_before` (series,) rows of each series."""
    inside = (rows_before >= 1) & (rows_before + gap < panel.lengths)
    series = np.flatnonzero(inside)
    origins = Origins(series, panel.indptr[series] + rows_before[series])
    return Cutoff(index, origins, tuple(str(name) for name in panel.ids[~inside]))


def _not_empty(cutoffs: list[Cutoff], panel: Panel, need: str) -> list[Cutoff]:
    """Return the cutoffs, or refuse them if one of them has no series; `need` says in the message what each needs."""
    if all(len(cutoff.origins) for cutoff in cutoffs):
        return cutoffs
    longest = int(panel.lengths.max())
    hint = f"Each needs {need}; the longest series has {longest} rows. Ask for a shorter horizon or fewer cutoffs."
    raise DataError("the horizon is longer than every series leaves room for", hint=hint)


def _check(*, horizon: int, cutoffs: int, step: int, gap: int) -> int:
    """Refuse counts that are no whole numbers or too small, and return the step."""
    least = {"horizon": (horizon, 1), "cutoffs": (cutoffs, 1), "step": (step, 1), "gap": (gap, 0)}
    problems = [
        Problem(what=f"{name}={value!r}", expected=f"a whole number of at least {low}")
        for name, (value, low) in least.items()
        if not isinstance(value, int) or isinstance(value, bool) or value < low
    ]
    if problems:
        raise ConfigError("the cutoffs cannot be placed", problems=problems)
    return step
