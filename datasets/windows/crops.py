"""Crops are what training reads at once; a plan says which, and in which order."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from forecast.datasets.errors import ConfigError, Problem
from forecast.datasets.panel import Panel
from forecast.datasets.windows.origins import Integers, Origins

AHEAD = 8192  # crops that are looked up at once, so that a step only takes its part; never beyond a pass


@dataclass(frozen=True, kw_only=True)
class WindowSpec:
    """The shape of a crop: `lookback` rows read in segments, a forecast of `horizon` rows at each origin.

    The origins are the ends of the last `origins` segments. One origin is the classical window; many are the
    forking sequences of Wen et al. (2017), A Multi-Horizon Quantile Recurrent Forecaster.

    Args:
        lookback: rows of history that a crop reads, a multiple of `segment`.
        horizon: rows that are forecast at each origin.
        segment: rows that one recurrent step reads; 1 by default.
        origins: forecasts in one crop, at most lookback / segment; 1 by default.

    Raises:
        ConfigError: if the numbers do not fit together.
    """

    lookback: int
    horizon: int
    segment: int = 1
    origins: int = 1

    def __post_init__(self) -> None:
        problems = [
            Problem(what=f"{name}={getattr(self, name)!r}", expected="at least 1")
            for name in ("lookback", "horizon", "segment", "origins")
            if getattr(self, name) < 1
        ]
        if not problems and self.lookback % self.segment:
            near = -(-self.lookback // self.segment) * self.segment
            expected = f"a multiple of segment={self.segment}, such as {near}"
            problems.append(Problem(what=f"lookback={self.lookback}", expected=expected))
        if not problems and self.origins > self.n_segments:
            expected = f"at most lookback / segment = {self.n_segments}"
            problems.append(Problem(what=f"origins={self.origins}", expected=expected))
        if problems:
            raise ConfigError("the window's sizes do not fit together", problems=problems)

    @property
    def n_segments(self) -> int:
        """Return the number of segments in the lookback, which is that of the recurrent steps."""
        return self.lookback // self.segment

    @property
    def first_origin(self) -> int:
        """Return the number of rows of the crop before its first origin."""
        return self.lookback - (self.origins - 1) * self.segment


class CropPlan:
    """The crops that training reads, in an order that is a pure function of (seed, draw number).

    Every series is cut into tiles of `origins * segment` rows, counted from its end. A pass visits each tile once,
    in random order, at a random row inside it, so that across passes every row becomes an origin and every phase of
    the segments is seen.

    Args:
        panel: the rows to train on.
        spec: shape of a crop.
        seed: seed of the order.
    """

    def __init__(self, panel: Panel, spec: WindowSpec, seed: int) -> None:
        self.panel, self.seed = panel, seed
        self._tile = spec.origins * spec.segment
        # the last origin leaves a whole horizon where the series is long enough for it, and one row where it is not
        self._latest = np.maximum(panel.lengths - spec.horizon, np.minimum(panel.lengths - 1, 1))
        self._earliest = np.maximum(np.minimum(spec.lookback, self._latest - spec.segment + 1), 1)
        tiles = np.where(panel.lengths > 1, -(-(self._latest - self._earliest + 1) // self._tile), 0)
        self._bounds = np.concatenate([[0], np.cumsum(tiles)])
        self._pass: tuple[int, Integers, Integers] | None = None
        self._first_ahead, self._ahead = 0, Origins(np.empty(0, np.int64), np.empty(0, np.int64))

    def __len__(self) -> int:
        """Return the number of crops in one pass over the data."""
        return int(self._bounds[-1])

    def draw(self, first: int, count: int) -> Origins:
        """Draw crops number `first` to `first + count - 1` of the endless sequence, each given by its last origin."""
        at = first - self._first_ahead
        if not 0 <= at <= len(self._ahead) - count:
            ahead = min(AHEAD, len(self) - first % len(self))
            self._first_ahead, self._ahead, at = first, self._crops(first, max(count, ahead)), 0
        return self._ahead[at : at + count]

    def _crops(self, first: int, count: int) -> Origins:
        """Look up crops number `first` to `first + count - 1`, which may lie in several passes."""
        parts = []
        while count:
            number, place = divmod(first, len(self))
            n_drawn = min(count, len(self) - place)
            parts.append(self._part(number, slice(place, place + n_drawn)))
            first, count = first + n_drawn, count - n_drawn
        if len(parts) == 1:
            return parts[0]
        return Origins(np.concatenate([p.series for p in parts]), np.concatenate([p.end for p in parts]))

    def _part(self, number: int, part: slice) -> Origins:
        """Draw the crops at these places of pass `number`; the newest pass is kept, since draws mostly go on in it."""
        if self._pass is None or self._pass[0] != number:
            generator = np.random.default_rng([self.seed, number])
            order = generator.permutation(len(self))
            self._pass = (number, order, generator.integers(0, self._tile, len(self)))
        tile, phase = self._pass[1][part], self._pass[2][part]
        series = np.searchsorted(self._bounds, tile, side="right") - 1
        back = (tile - self._bounds[series]) * self._tile + phase
        end = np.maximum(self._latest[series] - back, self._earliest[series])
        return Origins(series, self.panel.indptr[series] + end)
