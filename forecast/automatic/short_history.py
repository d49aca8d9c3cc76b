"""What `auto` does for a short series: how far networks are trusted, and what else joins the blend.

How short a history is, is counted in horizons: a network that forecasts 24 steps learns little from 48 rows. From that
number follow the weights before anything is validated, how many validation origins overrule them, whether boosted
trees join the blend, and whether a second kind of network may leave the first rows of a history out. How many rows a
segment has and how many are held back for validation, for every network, stands in `models/setting_rules.py`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from forecast.datasets.panel import Panel

HORIZONS_OF_EQUAL_TRUST = 8.0  # a history in which networks are worth as much as all other forecasts together
MOST_HORIZONS_WITH_TREES = 12.0
ROWS_THAT_TEACH_FULLY = 5000  # of all series; with fewer, long histories alone do not make a network trustworthy
PRIOR_IN_ORIGINS = 6.0
FEWEST_ROWS_FOR_TREES = 200
MOST_ROWS_OF_CHEAP_TREES = 20_000
LOOKBACKS_THAT_SPARE_ROWS = 4


def horizons_of_history(panel: Panel, horizon: int, base: str) -> float:
    """Horizons in a history, as far as they teach a network.

    Args:
        panel: the training rows.
        horizon: steps to forecast.
        base: the best base forecast of these rows; "last" says that nothing returns, so that more of the same history
            teaches little.

    Returns:
        The median history's horizons, fewer where all series together have few rows.
    """
    horizons = float(np.median(panel.lengths)) / horizon * min(1.0, panel.n_rows / ROWS_THAT_TEACH_FULLY)
    return min(horizons, HORIZONS_OF_EQUAL_TRUST) if base == "last" else horizons


def prior_weights(kinds: int, others: int, trusted: int, horizons: float) -> NDArray[np.float64]:
    """The weights of a blend before anything is validated.

    Networks and the trusted ones of the others count as much each where histories are short, which is hard to beat; the
    more horizons a history has, the more a network learns from it, and the less the others can add.

    Args:
        kinds: kinds of networks, which share the networks' weight evenly.
        others: forecasts beside the networks.
        trusted: the first ones of the others, which share the rest; the remaining ones begin with nothing.
        horizons: horizons in a history.

    Returns:
        (kinds + others,) weights that sum to 1.
    """
    networks = max(1 / (1 + trusted), horizons / (horizons + HORIZONS_OF_EQUAL_TRUST)) if others else 1.0
    of_kinds, of_others = np.full(kinds, networks / kinds), np.zeros(others)
    of_others[:trusted] = (1 - networks) / max(trusted, 1)
    return np.concatenate([of_kinds, of_others])


def prior_worth(horizons: float) -> float:
    """Validation origins that count as much as the prior; the more history there is, the better the prior is known."""
    return PRIOR_IN_ORIGINS * max(1.0, horizons / HORIZONS_OF_EQUAL_TRUST) ** 0.5


def trees_join(n_rows: int, horizons: float) -> bool:
    """Whether boosted trees join the blend: where histories are short, or the table so small that trees cost nothing,
    but never where there are too few rows to learn from."""
    short = horizons <= MOST_HORIZONS_WITH_TREES or n_rows <= MOST_ROWS_OF_CHEAP_TREES
    return short and n_rows >= FEWEST_ROWS_FOR_TREES


def spares_first_rows(panel: Panel, lookback: int) -> bool:
    """Whether a network may leave the first rows of a history out as origins and still have enough of them."""
    return bool(np.median(panel.lengths) >= LOOKBACKS_THAT_SPARE_ROWS * lookback)
