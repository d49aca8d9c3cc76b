"""Rolling origins: where a backtest cuts a panel, also as a scikit-learn splitter."""

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
        index: 0 for the oldest.
        origins: one a series.
        skipped: ids of series without a row before it, or without one after.
    """

    index: int
    origins: Origins
    skipped: tuple[str, ...] = ()

    def ends(self, panel: Panel) -> Integers:
        """Flat row at which each series' known rows end, (series,): its first row where it is skipped."""
        ends = panel.indptr[:-1].copy()
        ends[self.origins.series] = self.origins.end
        return ends


def last_cutoffs(
    panel: Panel, *, horizon: int, n_cutoffs: int = 1, step: int | None = None, gap: int = 0
) -> list[Cutoff]:
    """Cutoffs counted back from each series' end; the last stands `horizon + gap` rows before it.

    Args:
        panel: the rows.
        horizon: rows scored after each cutoff.
        n_cutoffs: how many.
        step: rows between them; None takes the horizon.
        gap: rows after the cutoff that are not scored.

    Raises:
        DataError: if no series has a row before a cutoff.
    """
    step = _check(horizon=horizon, cutoffs=n_cutoffs, step=horizon if step is None else step, gap=gap)
    back = [(n_cutoffs - 1 - k) * step + horizon + gap for k in range(n_cutoffs)]
    cutoffs = [_cutoff(panel, k, panel.lengths - rows, gap) for k, rows in enumerate(back)]
    return _not_empty(cutoffs, panel, f"{back[0]} rows (horizon, gap and earlier cutoffs) and one to forecast from")


def cutoffs_between(
    panel: Panel, *, horizon: int, first: Any, last: Any = None, step: int | None = None, gap: int = 0
) -> list[Cutoff]:
    """Cutoffs at the same times for all series.

    Args:
        panel: the rows.
        horizon: rows scored after each cutoff.
        first: time of the first row scored at the first cutoff.
        last: time up to which the last cutoff's whole horizon must reach; None takes the last row of all.
        step: rows between cutoffs; None takes the horizon.
        gap: rows after the cutoff that are not scored.

    Raises:
        DataError: if no series has a whole horizon between the two.
    """
    step = _check(horizon=horizon, cutoffs=1, step=horizon if step is None else step, gap=gap)
    before = _rows_before(panel, first)
    limit = panel.lengths if last is None else np.minimum(_rows_before(panel, last, included=True), panel.lengths)
    n_cutoffs = int(((limit - before - horizon) // step).max()) + 1
    if n_cutoffs < 1:
        hint = "Move --from back, or make the horizon shorter."
        raise DataError(f"no series has {horizon} rows between {first} and {last or 'its end'}", hint=hint)
    cutoffs = [_cutoff(panel, k, before - gap + k * step, gap) for k in range(n_cutoffs)]
    return _not_empty(cutoffs, panel, f"a row before {first}")


class RollingOrigin:
    """A scikit-learn splitter: train on everything before a cutoff, test on the rows after it.

    Rows of each series must be in time order.

    Args:
        horizon: test rows of each series.
        n_splits: cutoffs.
        step: rows between cutoffs; None takes the horizon.
        gap: rows left out between train and test.
    """

    def __init__(self, horizon: int, n_splits: int = 5, *, step: int | None = None, gap: int = 0) -> None:
        self.step = _check(horizon=horizon, cutoffs=n_splits, step=horizon if step is None else step, gap=gap)
        self.horizon, self.n_splits, self.gap = horizon, n_splits, gap

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        """How many splits `split` makes."""
        return self.n_splits

    def split(self, X: Any, y: Any = None, groups: Sequence[Any] | None = None) -> Iterator[tuple[Integers, Integers]]:
        """Row numbers to train and to test on, oldest cutoff first; `groups` holds each row's series id."""
        n_rows = len(X)
        series = np.unique(np.asarray(groups), return_inverse=True)[1] if groups is not None else np.zeros(n_rows, int)
        rank, length = _rank(series)
        for number in range(self.n_splits):
            back = (self.n_splits - 1 - number) * self.step + self.horizon + self.gap
            cut = length[series] - back
            train = np.flatnonzero(rank < cut)
            first = cut + self.gap
            test = np.flatnonzero((rank >= first) & (rank < first + self.horizon) & (cut > 0))
            if not len(train):
                raise DataError(
                    f"no series has more than {back} rows", hint="Ask for fewer splits or a shorter horizon."
                )
            yield train, test


def _rank(series: NDArray[np.int64]) -> tuple[Integers, Integers]:
    """Each row's number within its series, and each series' rows."""
    length = np.bincount(series)
    order = np.argsort(series, kind="stable")
    rank = np.empty(len(series), np.int64)
    rank[order] = np.arange(len(series)) - np.repeat(np.cumsum(length) - length, length)
    return rank, length


def _rows_before(panel: Panel, value: Any, *, included: bool = False) -> Integers:
    """Rows of each series before a time (or up to it), (series,); negative where the series begins later."""
    at = parse_time(value, panel.grid, panel.format.zone)
    count, exact = panel.grid.steps(panel.starts, np.full(panel.n_series, at))
    return np.asarray(count + (exact if included else ~exact) + (included & ~exact))


def _cutoff(panel: Panel, index: int, known: Integers, gap: int) -> Cutoff:
    inside = (known >= 1) & (known + gap < panel.lengths)
    series = np.flatnonzero(inside)
    origins = Origins(series, panel.indptr[series] + known[series])
    return Cutoff(index, origins, tuple(str(name) for name in panel.ids[~inside]))


def _not_empty(cutoffs: list[Cutoff], panel: Panel, wanted: str) -> list[Cutoff]:
    if all(len(cutoff.origins) for cutoff in cutoffs):
        return cutoffs
    longest = int(panel.lengths.max())
    hint = f"Each needs {wanted}; the longest series has {longest} rows. Ask for a shorter horizon or fewer cutoffs."
    raise DataError("the horizon is longer than every series leaves room for", hint=hint)


def _check(*, horizon: int, cutoffs: int, step: int, gap: int) -> int:
    least = {"horizon": (horizon, 1), "cutoffs": (cutoffs, 1), "step": (step, 1), "gap": (gap, 0)}
    problems = [
        Problem(what=f"{name}={value!r}", expected=f"a whole number of at least {low}")
        for name, (value, low) in least.items()
        if not isinstance(value, int) or isinstance(value, bool) or value < low
    ]
    if problems:
        raise ConfigError("the cutoffs cannot be placed", problems=problems)
    return step
