"""The time grid says which times a series can have, and how many steps lie between two of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecast.datasets.errors import ConfigError

Integers = NDArray[np.int64]
Kind = Literal["integer", "tick", "month", "offset"]

MICROSECONDS = {"D": 86_400_000_000, "h": 3_600_000_000, "min": 60_000_000, "s": 1_000_000, "ms": 1_000, "us": 1}
DAY = MICROSECONDS["D"]
MONTHS_PER_STEP = {"MS": 1, "ME": 1, "QS": 3, "QE": 3, "YS": 12, "YE": 12}
RENAMED_ALIASES = {
    "H": "h",
    "T": "min",
    "S": "s",
    "M": "ME",
    "Q": "QE",
    "Y": "YE",
    "A": "YE",
    "BM": "BME",
    "L": "ms",
    "U": "us",
}
SHORT_CYCLES = (DAY, MICROSECONDS["h"], MICROSECONDS["min"])
MAX_USUAL_SEASON = 288  # five minutes in a day; a longer cycle is more than a network's lookback holds


@dataclass(frozen=True, kw_only=True)
class Grid:
    """A regular grid of times.

    Times are int64: the integer time itself, or microseconds since 1970 (UTC where the table has a zone and steps
    shorter than a day, local wall time otherwise).

    Args:
        kind: "integer" for integer steps, "tick" for steps of a fixed length, "month" for calendar months, or "offset"
            for any other pandas offset.
        freq: the frequency that users see and may give: the step as text for integers ("1"), else a pandas alias.
        step: length of a step in integers, microseconds or months; 1 for offsets.
    """

    kind: Kind
    freq: str
    step: int = 1

    @classmethod
    def of(cls, freq: str | int) -> Grid:
        """Build the grid of an alias such as h, 15min, D, W-FRI, MS, QE, B, or of a whole number for integer time.

        Raises:
            ConfigError: if pandas does not know the alias.
        """
        if str(freq).isdigit() and int(freq) > 0:
            return cls(kind="integer", freq=str(int(freq)), step=int(freq))
        offset = _offset(str(freq))
        name = offset.rule_code if offset.n == 1 else offset.freqstr
        if isinstance(offset, pd.offsets.Week):
            return cls(kind="tick", freq=offset.freqstr, step=7 * DAY * offset.n)
        if isinstance(offset, pd.offsets.Day):
            return cls(kind="tick", freq=offset.freqstr, step=DAY * offset.n)
        if isinstance(offset, pd.offsets.Tick):
            return cls(kind="tick", freq=offset.freqstr, step=int(pd.Timedelta(offset).value // 1000))
        months = MONTHS_PER_STEP.get(offset.rule_code.split("-")[0])
        if months is not None:
            return cls(kind="month", freq=offset.freqstr, step=months * offset.n)
        return cls(kind="offset", freq=name)

    @property
    def is_even(self) -> bool:
        """Return whether all steps have the same length, in the unit of the times."""
        return self.kind in ("integer", "tick")

    @property
    def season_length(self) -> int | None:
        """Return the usual season of the frequency in steps; None where it has none.

        It is 24 for h, 48 for 30min, 60 for min, 7 for D, 5 for B, 52 for W, 12 for months, 4 for quarters, 1 for years.
        """
        if self.kind == "month":
            return max(1, 12 // self.step)
        if self.kind == "tick":
            return self._tick_season()
        return 5 if self.freq == "B" else None

    def _tick_season(self) -> int | None:
        """Return the steps in a week or a year, or of shorter steps in the longest usual cycle."""
        if self.step >= DAY:
            return {DAY: 7, 7 * DAY: 52}.get(self.step)
        lengths = (cycle // self.step for cycle in SHORT_CYCLES if cycle % self.step == 0)
        return next((length for length in lengths if 1 < length <= MAX_USUAL_SEASON), None)

    def shift(self, times: Integers, steps: Integers) -> Integers:
        """Return the times that lie `steps` steps after `times`; the two arrays broadcast."""
        if self.is_even:
            return times + steps * self.step
        if self.kind == "month":
            return _add_months(times, steps * self.step, self.freq)
        return self._shift_offset(times, steps)

    def steps(self, first: Integers, times: Integers) -> tuple[Integers, NDArray[np.bool_]]:
        """Count the whole steps from `first` to each time, and say whether the time lies on the grid that begins there."""
        if self.is_even:
            between = times - first
            count = between // self.step
            return count, count * self.step == between  # numpy's remainder is ten times as slow as a product
        if self.kind == "month":
            months = _months(times) - _months(first)
            count, rest = np.divmod(months, self.step)
            return count, (rest == 0) & (self.shift(first, count) == times)
        return self._steps_offset(first, times)

    def to_json(self) -> dict[str, Any]:
        """Return the fields as JSON primitives."""
        return {"kind": self.kind, "freq": self.freq, "step": self.step}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Grid:
        """Build the grid that `to_json` described."""
        return cls(**values)

    def _shift_offset(self, times: Integers, steps: Integers) -> Integers:
        """Return the times `steps` steps later on a calendar of the offset, which knows business days and the like."""
        times, steps = np.broadcast_arrays(times, steps)
        if not times.size:
            return times.copy()
        calendar = self._calendar(times, int(np.abs(steps).max()))
        at = np.searchsorted(calendar, times)
        return calendar[at + steps]

    def _steps_offset(self, first: Integers, times: Integers) -> tuple[Integers, NDArray[np.bool_]]:
        """Do the work of `steps` on a calendar of the offset."""
        calendar = self._calendar(np.concatenate([np.ravel(first), np.ravel(times)]), 0)
        begin, end = np.searchsorted(calendar, first), np.searchsorted(calendar, times)
        exact = calendar[np.minimum(end, len(calendar) - 1)] == times
        return end - begin, exact

    def _calendar(self, times: Integers, margin: int) -> Integers:
        """Return every time of the grid from the earliest of `times` to the latest, and `margin` steps on either side."""
        offset = _offset(self.freq)
        earliest, latest = (pd.Timestamp(int(t), unit="us") for t in (times.min(), times.max()))
        days = pd.date_range(earliest - margin * offset, latest + (margin + 1) * offset, freq=offset)
        return days.as_unit("us").asi8


def microseconds(stamps: pd.DatetimeIndex) -> Integers:
    """Return naive stamps as microseconds since 1970."""
    return stamps.as_unit("us").asi8


def _offset(freq: str) -> pd.tseries.offsets.BaseOffset:
    """Return the pandas offset of an alias, or raise an error that names the aliases."""
    try:
        return pd.tseries.frequencies.to_offset(freq)
    except ValueError as error:
        root = str(freq).lstrip("0123456789").split("-")[0]
        examples = "h, 15min, D, B, W-SUN, MS, ME, QS, QE, YS, YE, or a whole number for integer time"
        hint = (
            f"pandas calls it {RENAMED_ALIASES[root]!r} now." if root in RENAMED_ALIASES else f"Known ones: {examples}."
        )
        raise ConfigError(f"freq={freq!r} is not a frequency", hint=hint) from error


def _months(times: Integers) -> Integers:
    """Return whole months since 1970."""
    return times.astype("datetime64[us]").astype("datetime64[M]").astype(np.int64)


def _add_months(times: Integers, months: Integers, freq: str) -> Integers:
    """Add calendar months: for ME, QE and YE a month's end stays a month's end, else the day of the month stays."""
    stamps = times.astype("datetime64[us]")
    month: NDArray[Any] = stamps.astype("datetime64[M]")
    begin = month.astype("datetime64[us]").astype(np.int64)
    target: NDArray[Any] = month + months
    new = target.astype("datetime64[us]").astype(np.int64)
    if freq.lstrip("0123456789").split("-")[0].endswith("E"):
        length_old, length_new = (_month_end(m) - _month_begin(m) for m in (month, target))
        return times - begin - length_old + new + length_new
    return times - begin + new


def _month_begin(month: NDArray[Any]) -> Integers:
    """Return the first moment of months as microseconds since 1970."""
    return month.astype("datetime64[us]").astype(np.int64)


def _month_end(month: NDArray[Any]) -> Integers:
    """Return the moment at which months end, the next ones' first."""
    return _month_begin(month + 1)
