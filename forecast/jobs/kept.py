"""Forecasts of a backtest are kept as arrays, so that any part of them can be scored again as the backtest scored them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from forecast.datasets.panel import Panel
from forecast.datasets.windows.cutoffs import Cutoff
from forecast.evaluation.backtest import Scored

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, eq=False)
class Forecasts:
    """Forecasts from n origins of one panel, beside their actuals.

    Args:
        cutoff: (n,) number of each origin's cutoff, from 0.
        series: (n,) number of each origin's series.
        end: (n,) flat row just past the last one before each origin.
        actual: (n, horizon) observed targets, NaN where nothing was observed.
        point: (n, horizon) forecasts in units of the target.
        levels: quantile levels in (0, 1), ascending.
        quantiles: (n, horizon, levels) in units of the target; None without levels.
    """

    cutoff: Integers
    series: Integers
    end: Integers
    actual: Floats
    point: Floats
    levels: tuple[float, ...] = ()
    quantiles: Floats | None = None

    @classmethod
    def of(cls, scored: Scored) -> Forecasts:
        """Keep a block of forecasts as it was scored."""
        made = scored.prediction
        return cls(
            cutoff=scored.cutoff,
            series=scored.origins.series,
            end=scored.origins.end,
            actual=scored.actual,
            point=made.point,
            levels=made.levels if made.quantiles is not None else (),
            quantiles=made.quantiles,
        )

    @classmethod
    def joined(cls, parts: Iterable[Forecasts]) -> Forecasts:
        """Put forecasts with the same levels after one another."""
        blocks = list(parts)
        arrays = {
            name: np.concatenate([getattr(block, name) for block in blocks])
            for name in ("cutoff", "series", "end", "actual", "point")
        }
        quantiles = [block.quantiles for block in blocks if block.quantiles is not None]
        return cls(**arrays, levels=blocks[0].levels, quantiles=np.concatenate(quantiles) if quantiles else None)

    def at(self, cutoffs: Iterable[int]) -> Forecasts:
        """Return the forecasts from these cutoffs."""
        return self._rows(np.isin(self.cutoff, list(cutoffs)))

    def with_levels(self, levels: tuple[float, ...]) -> Forecasts:
        """Return the forecasts with some of their levels only."""
        if levels == self.levels or self.quantiles is None:
            return self
        places = [self.levels.index(level) for level in levels]
        return replace(self, levels=levels, quantiles=self.quantiles[:, :, places] if levels else None)

    def as_known_at(self, cutoff: Cutoff, panel: Panel, gap: int) -> Forecasts:
        """Return the forecasts from earlier cutoffs, beside those actuals only that were known at this one.

        Args:
            cutoff: the later cutoff.
            panel: the rows that were forecast.
            gap: rows after each origin that are not scored.
        """
        earlier = self._rows(self.cutoff < cutoff.index)
        known = panel.indptr[1:].copy()  # of a series that ended before, everything
        known[cutoff.origins.series] = cutoff.origins.end
        rows = earlier.end[:, None] + gap + np.arange(earlier.point.shape[1])
        return replace(earlier, actual=np.where(rows < known[earlier.series][:, None], earlier.actual, np.nan))

    @property
    def n_scored(self) -> int:
        """Return the number of forecasts whose actual was observed."""
        return int(np.isfinite(self.actual).sum())

    def _rows(self, rows: NDArray[np.bool_]) -> Forecasts:
        names = ("cutoff", "series", "end", "actual", "point")
        quantiles = None if self.quantiles is None else self.quantiles[rows]
        return replace(self, **{name: getattr(self, name)[rows] for name in names}, quantiles=quantiles)


@dataclass
class Kept:
    """What a backtest's watch has seen: the forecasts of each candidate and of each reference by name."""

    _blocks: dict[tuple[bool, str], list[Forecasts]] = field(default_factory=dict)

    def __call__(self, scored: Scored) -> None:
        """Keep a block of forecasts."""
        self._blocks.setdefault((scored.is_reference, scored.name), []).append(Forecasts.of(scored))

    def candidates(self) -> dict[str, Forecasts]:
        """Return the forecasts of the candidates, in the order of the backtest."""
        return self._named(is_reference=False)

    def references(self) -> dict[str, Forecasts]:
        """Return the forecasts of the references."""
        return self._named(is_reference=True)

    def _named(self, *, is_reference: bool) -> dict[str, Forecasts]:
        return {name: Forecasts.joined(blocks) for (kind, name), blocks in self._blocks.items() if kind is is_reference}
