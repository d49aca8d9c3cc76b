"""Joiners: forecasters that the shipped network does not know, which enter beside its pool with a weight of their own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from forecast.baselines.observed import Floats
from forecast.combining.forecasters.regression import Regression
from forecast.combining.forecasters.simple import Request
from forecast.combining.pool import NAMES, WORDS, Slots
from forecast.combining.tokens import MOST, Tokens, record

JOINERS = {"regression": "regression on the newest rows"}  # their names, and words
SLOTS = (*NAMES, *JOINERS)
SLOT_WORDS = (*(WORDS[name] for name in NAMES), *JOINERS.values())
SHARE = 0.25  # of the weight that a joiner has until the combiner is tuned, or trained on tables
N_JOINER_FACTS = 3
MOST_UNITS = 50.0  # that a forecast lies off the level


class Joined(NamedTuple):
    """Joiners as the combiner reads them.

    Args:
        forecasts: (..., joiners, steps) float32, in units of the errors to expect, less the level.
        available: (..., joiners).
        facts: (..., joiners, facts) float32, how they did.
    """

    forecasts: NDArray[np.float32]
    available: NDArray[np.bool_]
    facts: NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Joiners:
    """The joiners at the origins of n histories.

    Args:
        slots: their forecasts.
        facts: (origins, n, joiners, facts) how they did.
    """

    slots: Slots
    facts: NDArray[np.float32]

    def at_end(self, tokens: Tokens) -> Joined:
        """Return the joiners at the last origin, (n, joiners, ...), as the combiner reads them."""
        forecasts = _scaled(self.slots.final, tokens.level[-1], tokens.unit[-1])
        return Joined(forecasts, self.slots.available[-1], self.facts[-1])

    def earlier(self, tokens: Tokens) -> Joined:
        """Return the joiners at all origins but the last, (n, origins - 1, joiners, ...), as the combiner reads them."""
        forecasts = np.moveaxis(_scaled(self.slots.earlier, tokens.level[:-1], tokens.unit[:-1]), 0, 1)
        there, facts = self.slots.available[:-1], self.facts[:-1]
        return Joined(forecasts, np.moveaxis(there, 0, 1), np.moveaxis(facts, 0, 1))


def join(asked: Request, regression: Regression) -> Slots:
    """Forecast with every joiner."""
    found = regression.forecast(asked)
    there = found.available[:, :, None]
    earlier = np.where(there[:-1, :, :, None], found.earlier[:, :, None], 0.0)
    return Slots(earlier, np.where(there[-1][..., None], found.final[:, None], 0.0), there)


def joiner_facts(asked: Request, joined: Slots, unit: Floats, panel: Floats) -> NDArray[np.float32]:
    """Say how the joiners did before every origin, (origins, n, joiners, facts): newest, overall, and on the panel.

    Args:
        asked: the histories and origins.
        joined: the joiners' forecasts.
        unit: (origins, n) scale of the errors to expect.
        panel: (origins, joiners) their mean error on the panel relative to the pool's median; NaN where not known.
    """
    errors, known = record(asked, joined)
    own = [np.where(there, np.log1p(error / unit[..., None]), 0.0) for error, there in zip(errors, known, strict=True)]
    of_panel = np.log(np.where(panel > 0, panel, 1.0))[:, None]
    facts = np.stack([*own, np.broadcast_to(of_panel, own[0].shape)], axis=-1)
    return np.clip(facts, -MOST, MOST).astype(np.float32)


def _scaled(forecasts: Floats, level: Floats, unit: Floats) -> NDArray[np.float32]:
    scaled = (forecasts - level[..., None, None]) / unit[..., None, None]
    return np.clip(scaled, -MOST_UNITS, MOST_UNITS).astype(np.float32)
