"""The table of all kinds of made-up series, and a mixture of them by their shares."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from forecast.combining.made_up import counts, gaussian_processes, mixtures, scales, smoothing, stochastic
from forecast.combining.made_up.draws import Values, told_apart
from forecast.combining.made_up.mixtures import Draw
from forecast.combining.made_up.shapes import breaks, calendars, seasons, trends, yearly


@dataclass(frozen=True)
class Generator:
    """One kind of made-up series.

    Attributes:
        words: what the kind is.
        draw: draws series of it.
        share: how much of a mixture it is on a grid with a season, relative to the others.
        plain: the same on a grid without a season, where years are measured and trading days; 0 for what is all season.
    """

    words: str
    draw: Draw
    share: float
    plain: float

    def weight(self, season: int, longer: int | None) -> float:
        """Say how much of a mixture on a grid the kind is, relative to the others.

        What is all season counts three times where there are two seasons: hours and minutes are mostly measured where
        days and weeks show.
        """
        if season == 1:
            return self.plain
        return self.share * (3 if longer is not None and self.plain == 0 else 1)


SIMPLE: dict[str, Generator] = {
    "kernel_sums": Generator("Gaussian processes of summed kernels", gaussian_processes.kernel_sums, 5, 4),
    "kernel_products": Generator("Gaussian processes of multiplied kernels", gaussian_processes.kernel_products, 5, 3),
    "additive_smoothing": Generator("additive exponential smoothing", smoothing.additive_smoothing, 5, 4),
    "multiplicative_smoothing": Generator("multiplicative smoothing", smoothing.multiplicative_smoothing, 5, 5),
    "structural": Generator("trend, season and noise with shocks of their own", smoothing.structural, 3, 3),
    "arma": Generator("stationary autoregressions", stochastic.arma, 2, 1),
    "seasonal_arma": Generator("seasonal autoregressions", stochastic.seasonal_arma, 2, 0),
    "random_walks": Generator("random walks with and without a drift", stochastic.random_walks, 3, 6),
    "geometric_walks": Generator("positive walks of rates", stochastic.geometric_walks, 2, 6),
    "long_memory": Generator("long memory", stochastic.long_memory, 1.5, 2),
    "mean_reversion": Generator("returns to a level", stochastic.mean_reversion, 1.5, 1),
    "stochastic_volatility": Generator(
        "returns and prices of wandering spread", stochastic.stochastic_volatility, 1.5, 2
    ),
    "steady_season": Generator("a season that returns unchanged", seasons.steady, 5, 0),
    "changing_season": Generator("a season that changes its shape", seasons.changing, 2, 0),
    "growing_season": Generator("a season that grows or shrinks with the level", seasons.growing, 3, 0),
    "fading_season": Generator("a season that appears or disappears", seasons.fading, 1, 0),
    "drifting_season": Generator("a season that comes earlier or later", seasons.drifting, 2, 0),
    "two_seasons": Generator("two seasons at once", seasons.two_at_once, 3, 0),
    "working_days": Generator("weekdays and weekends, days and flat nights", seasons.working_days, 3, 0),
    "half_seasons": Generator("cycles of half a season or a third", seasons.half_seasons, 1, 0),
    "trading_days": Generator("periods of unequal trading days", calendars.trading_days, 1, 0),
    "moving_holidays": Generator("holidays that move", calendars.moving_holidays, 1.5, 0.5),
    "year_end": Generator("peaks at the end of the year", calendars.year_end, 1.5, 0),
    "linear": Generator("straight lines", trends.linear, 2, 2),
    "broken": Generator("lines that change their slope", trends.broken, 2, 3),
    "saturating": Generator("logistic and Gompertz curves", trends.saturating, 2, 3),
    "exponential": Generator("growth and decay by a rate", trends.exponential, 2, 5),
    "damped": Generator("trends that die away", trends.damped, 1.5, 2),
    "business_cycles": Generator("uneven cycles longer than a season", trends.business_cycles, 2, 4),
    "level_breaks": Generator("levels that jump", breaks.levels, 2, 2),
    "variance_breaks": Generator("noise that becomes larger or smaller", breaks.variances, 1, 0.5),
    "trend_and_season_breaks": Generator("a trend and a season that break", breaks.trends_and_seasons, 1.5, 2),
    "outliers": Generator("single outliers and patches of them", breaks.outliers, 2, 1),
    "regimes": Generator("switching between states of load", breaks.regimes, 1, 0.5),
    "promotions": Generator("promotions with a dip after, bursts of attention", breaks.promotions, 3, 1),
    "poisson": Generator("Poisson counts of a varying rate", counts.poisson, 2, 1),
    "negative_binomial": Generator("counts that scatter more", counts.negative_binomial, 2, 1),
    "intermittent": Generator("intermittent and lumpy demand", counts.intermittent, 2.5, 1),
    "seasonal_demand": Generator("intermittent demand in season", counts.seasonal_demand, 1, 0),
    "life_cycles": Generator("demand that dies out or starts", counts.life_cycles, 1, 1),
    "proportional_noise": Generator("noise that is a share of the level", scales.proportional_noise, 3, 3),
    "log_normal": Generator("positive series of log-normal kind", scales.log_normal, 2, 1),
    "rates": Generator("shares between zero and one", scales.rates, 1.5, 1.5),
    "sums_of_products": Generator("prices times pieces, over two goods", scales.sums_of_products, 1.5, 2),
    "limited": Generator("series cut at zero or at a capacity", scales.limited, 1.5, 0.5),
    "rounded": Generator("whole numbers", scales.rounded, 2, 1),
    "tied": Generator("many ties", scales.tied, 1, 1),
    "sensors": Generator("slow physical values with little noise", scales.sensors, 1.5, 1.5),
    "strong_trends": Generator("strong trends of many forms, as of years", yearly.strong_trends, 3, 14),
    "trends_with_breaks": Generator("strong trends with a crisis or a merger", yearly.trends_with_breaks, 2, 10),
}


def _mixed(
    kinds: dict[str, Generator], random: np.random.Generator, n: int, rows: int, season: int, longer: int | None
) -> tuple[Values, NDArray[np.str_]]:
    """Draw a kind for each series by the shares, then all series of a kind at once."""
    share = np.array([kind.weight(season, longer) for kind in kinds.values()])
    drawn = random.choice(np.array(list(kinds)), size=n, p=share / share.sum())
    values = np.empty((n, rows))
    for name in kinds:
        of_it = np.flatnonzero(drawn == name)
        if len(of_it):
            values[of_it] = kinds[name].draw(random, len(of_it), rows, season, longer)
    return values, drawn


def _any_simple(random: np.random.Generator, n: int, rows: int, season: int, longer: int | None) -> Values:
    return _mixed(SIMPLE, random, n, rows, season, longer)[0]


GENERATORS: dict[str, Generator] = SIMPLE | {
    "sums": Generator("sums of two kinds", partial(mixtures.sums, _any_simple), 4, 4),
    "products": Generator("products of two kinds", partial(mixtures.products, _any_simple), 3, 3),
    "turned": Generator("other kinds back to front or upside down", partial(mixtures.turned, _any_simple), 3, 3),
    "spliced": Generator("one kind that goes over into another", partial(mixtures.spliced, _any_simple), 2, 2),
    "aggregates": Generator("sums over rows of a finer grid", partial(mixtures.aggregates, _any_simple), 2, 3),
}


def made_up(
    random: np.random.Generator, n: int, rows: int, season: int, longer: int | None = None
) -> tuple[Values, NDArray[np.str_]]:
    """Draw a mixture of all kinds by their shares.

    Args:
        random: where all draws come from; the same state gives the same series.
        n: series; a thousand cost less each than one, since the series of a kind are drawn together.
        rows: rows of each series.
        season: rows in a season; 1 where there is none, and then kinds that are all season are left out.
        longer: rows in a second, longer season; None where there is none.

    Returns:
        The series, (series, rows), finite, no two alike and none constant, and the name of each one's kind in `GENERATORS`.
    """
    values, names = _mixed(GENERATORS, random, n, rows, season, longer)
    return told_apart(random, values), names
