"""The time grid is found from the times of a table, and every row is placed on it."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecast.datasets.errors import MAX_LISTED_PROBLEMS, DataError, Problem
from forecast.datasets.time.grid import DAY, MICROSECONDS, Grid, Integers
from forecast.datasets.time.times import as_text

MIN_STEPS_TO_JUDGE, MIN_SHARE_OF_A_STEP = 10, 0.1
MAX_ANCHORS = 3  # rows of a series that are tried as one on its grid
WEEKDAYS = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")
MIN_ROWS_WITHOUT_WEEKEND = 10  # with fewer, daily stamps may miss the weekend by chance
MIN_SHARE_OF_A_DAY = 0.8  # of the rows that share a day of the month, beyond which the others are mistaken
MIN_SHARE_OF_SINGLE_STEPS = 0.5  # of a series' steps: with fewer it has another frequency, unless the user named one


def find_grid(times: Integers, series: Integers, *, integer: bool) -> Grid:
    """Find the grid of sorted times, whose step is the most common one between neighbouring rows of a series.

    Args:
        times: (rows,) int64 integers or microseconds since 1970, sorted within each series.
        series: (rows,) number of each row's series.
        integer: whether times are plain integers.

    Raises:
        DataError: if no series has two rows.
    """
    same_series = series[1:] == series[:-1]
    steps = np.diff(times)[same_series]
    if not len(steps):
        hint = "Name it with freq= (--freq), such as h, D, W, MS; 1 for integer time."
        raise DataError("no series has two rows, so the frequency cannot be found", hint=hint)
    if integer:
        return Grid.of(str(_most_common(steps)))
    step = _most_common(steps)
    if step >= 28 * DAY:
        months = _month_alias(times, same_series)
        if months is not None:
            return Grid.of(months)
    if len(steps) >= MIN_STEPS_TO_JUDGE and (steps == step).mean() < MIN_SHARE_OF_A_STEP:
        what = f"no step is common: half of the rows stand less than {pd.Timedelta(int(np.median(steps)), unit='us')} apart"
        remedy = "Round the times to a grid, or name it with freq= (--freq)."
        raise DataError(
            "the frequency cannot be found", problems=[Problem(what=what, expected="rows on one grid", remedy=remedy)]
        )
    if step == DAY and len(times) >= MIN_ROWS_WITHOUT_WEEKEND and (_weekday(times) < 5).all():
        return Grid.of("B")
    return Grid.of(_tick_name(step, times))


def check_grid(
    grid: Grid, times: Integers, series: Integers, ids: NDArray[np.object_], *, freq_given: bool
) -> tuple[Integers, list[Problem]]:
    """Count the grid steps of each row since its series' first row, and list what does not fit the grid.

    Args:
        grid: the grid.
        times: (rows,) int64 in the unit of the grid, sorted within each series.
        series: (rows,) number of each row's series.
        ids: (series,) ids, for messages.
        freq_given: whether the user named the frequency; if not, series that mostly skip steps are refused.

    Returns:
        (rows,) steps, and the problems.
    """
    first = np.append(0, np.flatnonzero(series[1:] != series[:-1]) + 1)
    if grid.is_even and ((times[1:] - times[:-1] == grid.step) | (series[1:] != series[:-1])).all():
        lengths = np.diff(np.append(first, len(series)))
        return np.arange(len(series)) - np.repeat(first, lengths), []  # no row is absent, as in most tables
    steps, exact = grid.steps(times[first][series], times)
    odd = np.array([], np.int64) if exact.all() else _odd_rows(grid, times, series, first)
    integer = grid.kind == "integer"
    remedy = "Mend these times, or forecast series of different frequency one frequency at a time."
    problems = [
        Problem(series=str(ids[series[row]]), time=as_text(times[row], integer), what="the time is off the grid",
                expected=f"steps of {grid.freq}, as the series' other rows have", remedy=remedy)
        for row in odd[:MAX_LISTED_PROBLEMS]
    ]  # fmt: skip
    if not freq_given and not problems:
        problems = _sparse(grid, steps, series, ids)
    return steps, problems


def _odd_rows(grid: Grid, times: Integers, series: Integers, first: Integers) -> Integers:
    """Return the rows that are off the grid that most rows of their series are on, whichever row comes first."""
    odd = []
    for begin, end in zip(first, np.append(first[1:], len(times)), strict=True):
        part = times[begin:end]
        fewest = np.flatnonzero(~grid.steps(part[:1], part)[1])
        for anchor in part[fewest[:MAX_ANCHORS]] if len(fewest) > len(part) / 2 else ():
            others = np.flatnonzero(~grid.steps(np.array([anchor]), part)[1])
            fewest = others if len(others) < len(fewest) else fewest
        odd.append(begin + fewest)
    return np.concatenate(odd)


def _sparse(grid: Grid, steps: Integers, series: Integers, ids: NDArray[np.object_]) -> list[Problem]:
    """List the series that mostly step by more than one grid step: they have another frequency, not gaps."""
    same = series[1:] == series[:-1]
    one = same & (steps[1:] - steps[:-1] == 1)
    n_steps = np.bincount(series[1:][same], minlength=len(ids))
    single = np.bincount(series[1:][one], minlength=len(ids))
    odd = np.flatnonzero((n_steps >= 2) & (single < MIN_SHARE_OF_SINGLE_STEPS * n_steps))
    remedy = "Forecast one frequency at a time; if these are gaps, say so with freq= (--freq)."
    return [
        Problem(series=str(ids[i]), what=f"most rows stand {int(np.median(np.diff(steps[series == i])))} steps of {grid.freq} apart",
                expected=f"rows every {grid.freq}, as in most series (mixed frequency)", remedy=remedy)
        for i in odd[:MAX_LISTED_PROBLEMS]
    ]  # fmt: skip


def _most_common(steps: Integers) -> int:
    """Return the most common step, the shortest of several."""
    if (steps == steps[0]).all():
        return int(steps[0])
    values, counts = np.unique(steps, return_counts=True)
    return int(values[counts.argmax()])


def _month_alias(times: Integers, same_series: NDArray[np.bool_]) -> str | None:
    """Return MS, ME, QS and the like if nearly all stamps of a series share the day of the month or are month ends.

    `same_series` says of each pair of neighbouring rows whether both are of one series.
    """
    stamps = times.astype("datetime64[us]")
    months = stamps.astype("datetime64[M]")
    day = (stamps - months.astype("datetime64[us]")).astype(np.int64)
    length = ((months + 1).astype("datetime64[us]") - months.astype("datetime64[us]")).astype(np.int64)
    ends = _mostly(length - day <= DAY)
    if not ends and not _mostly((day[1:] == day[:-1])[same_series]):
        return None
    number: Integers = months.astype(np.int64)
    step = _most_common((number[1:] - number[:-1])[same_series])
    unit, count = next((u, step // n) for u, n in (("Y", 12), ("Q", 3), ("M", 1)) if step % n == 0)
    suffix = "E" if ends else "S"
    return f"{count if count > 1 else ''}{unit}{suffix}"


def _mostly(true: NDArray[np.bool_]) -> bool:
    """Return whether nearly all are true: all of a few."""
    return bool(true.mean() >= MIN_SHARE_OF_A_DAY)


def _tick_name(step: int, times: Integers) -> str:
    """Return the pandas alias of a step in microseconds; weeks are named by the weekday that all stamps share."""
    if step % (7 * DAY) == 0:
        days = np.unique(_weekday(times))
        count = step // (7 * DAY)
        return f"{count if count > 1 else ''}W-{WEEKDAYS[days[0]]}" if len(days) == 1 else f"{7 * count}D"
    unit = next(name for name, size in MICROSECONDS.items() if step % size == 0)
    count = step // MICROSECONDS[unit]
    return f"{count if count > 1 else ''}{unit}"


def _weekday(times: Integers) -> Integers:
    """Return the weekdays of microseconds since 1970, 0 for Monday."""
    return (times // DAY + 3) % 7  # 1970-01-01 was a Thursday
