"""The trained combiner in numpy: forecasts need neither torch nor its second of start-up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forecast.baselines.observed import Integers
from forecast.combining.joiners import JOINERS, N_JOINER_FACTS, Joined
from forecast.combining.pool import NAMES
from forecast.combining.tokens import WIDTH

Singles = NDArray[np.float32]
LEVELS = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)  # of the quantiles
MIDDLE = LEVELS.index(0.5)
N_STEP_FACTS = 6
LEAST_SPREAD = 0.05  # in units of the errors to expect
MOST_WIDTH = 1024  # of a layer
ROWS_AT_ONCE = 16  # of a product


@dataclass(frozen=True, eq=False)
class Combination:
    """What the combiner makes of the forecasts at one origin of n histories.

    Args:
        quantiles: (n, steps, levels) in units of the errors to expect, less the level.
        weights: (n, steps, slots and joiners) of the forecasts; they sum to 1.
        correction: (n, steps) what was added to the weighted mean, in the same units.
    """

    quantiles: Singles
    weights: Singles
    correction: Singles


def combine(
    weights: Mapping[str, Singles],
    tokens: Singles,
    alive: NDArray[np.bool_],
    forecasts: Singles,
    available: NDArray[np.bool_],
    facts: Singles,
    joined: Joined,
) -> Combination:
    """Combine the forecasts of the last origin; `forecast.combining.network.Combiner` says what happens.

    Args:
        weights: the trained weights by name.
        tokens: (n, origins, width).
        alive: (n, origins) whether each history has begun.
        forecasts: (n, slots, steps) in units of the errors to expect, less the level; those that are not available hold
            the median of the others.
        available: (n, slots).
        facts: (steps, facts) about the steps.
        joined: the joiners, (n, joiners, ...).
    """
    state = np.zeros((len(tokens), len(weights["embed.0.bias"])), np.float32)
    for origin in range(tokens.shape[1]):
        embedded = _gelu(_linear(weights, "embed.0", tokens[:, origin : origin + 1]))[:, 0]
        state = np.where(alive[:, origin, None], _gru(weights, embedded, state), state)
    around = np.moveaxis(forecasts, 1, 2)  # (n, steps, slots)
    off = around - lower_median(around)[..., None]
    facts_of_all = np.broadcast_to(facts, (len(tokens), *facts.shape))
    place = np.concatenate([facts_of_all, np.tanh(off / 2), np.tanh(off / 8)], axis=2)
    from_state = _linear(weights, "state", (state + embedded)[:, None])
    hidden = _gelu(from_state + _linear(weights, "place", place))
    inner = _gelu(_linear(weights, "inner", hidden))
    out, n = _linear(weights, "out", inner), len(NAMES)
    logits = np.where(available[:, None], out[..., :n], -np.inf)
    whole = logits.max(axis=-1, keepdims=True)
    whole = whole + np.log(np.exp(logits - whole).sum(axis=-1, keepdims=True))
    beside = whole + _join(weights, inner, joined.facts)
    logits = np.concatenate([logits, np.where(joined.available[:, None], beside, -np.inf)], axis=2)
    return _quantiles(
        logits, out[..., n:], np.concatenate([around, np.moveaxis(joined.forecasts, 1, 2)], axis=2), facts
    )


def _join(weights: Mapping[str, Singles], hidden: Singles, facts: Singles) -> Singles:
    """Return the logits of the joiners over that of the pool, (n, steps, joiners); sums, since a product so narrow has
    other bits in other company."""
    of_facts = (facts * weights["join.facts"]).sum(axis=-1) + weights["join.bias"]  # (n, joiners)
    return np.asarray((hidden[:, :, None] * weights["join.hidden"]).sum(axis=-1) + of_facts[:, None])


def expected_weights(weights: Mapping[str, NDArray[Any]]) -> dict[str, tuple[int, ...]]:
    """Return the shape that each weight must have; the widths of the layers are read from two of them."""
    width, hidden = (_rows_of(weights.get(name)) for name in ("embed.0.bias", "state.bias"))
    n = len(NAMES)
    layers = {
        "embed.0": (width, WIDTH),
        "state": (hidden, width),
        "place": (hidden, N_STEP_FACTS + 2 * n),
        "inner": (hidden, hidden),
        "out": (n + len(LEVELS), hidden),
    }
    shapes: dict[str, tuple[int, ...]] = {f"{name}.weight": shape for name, shape in layers.items()}
    shapes |= {f"{name}.bias": shape[:1] for name, shape in layers.items()}
    joiners = len(JOINERS)
    shapes |= {"join.hidden": (joiners, hidden), "join.facts": (joiners, N_JOINER_FACTS), "join.bias": (joiners,)}
    for side in ("ih", "hh"):
        shapes |= {f"cell.layer.weight_{side}_l0": (3 * width, width), f"cell.layer.bias_{side}_l0": (3 * width,)}
    return shapes


def _rows_of(weight: NDArray[Any] | None) -> int:
    return len(weight) if weight is not None and weight.ndim == 1 and len(weight) <= MOST_WIDTH else 1


def lower_median(values: NDArray[np.floating]) -> NDArray[np.floating]:
    """Return the median along the last axis, the lower of two middle values, as torch does."""
    place = (values.shape[-1] - 1) // 2
    return np.partition(values, place, axis=-1)[..., place]


def _quantiles(logits: Singles, out: Singles, around: Singles, facts: Singles) -> Combination:
    logits = np.exp(logits - logits.max(axis=-1, keepdims=True))
    weights = logits / logits.sum(axis=-1, keepdims=True)
    mean = (weights * around).sum(axis=-1)
    spread = np.sqrt((weights * (around - mean[..., None]) ** 2).sum(axis=-1) + np.float32(LEAST_SPREAD))
    correction = np.tanh(out[..., 0]) * spread
    middle = (mean + correction)[..., None]
    growth = (0.2 + 0.4 * facts[:, :1]) * (1 + spread[..., None] - np.float32(np.sqrt(LEAST_SPREAD)))
    apart = np.logaddexp(out[..., 1:] - np.float32(0.5), np.float32(0)) * growth
    half = apart.shape[-1] // 2
    below = np.cumsum(apart[..., :half][..., ::-1], axis=-1)[..., ::-1]
    above = np.cumsum(apart[..., half:], axis=-1)
    return Combination(np.concatenate([middle - below, middle, middle + above], axis=-1), weights, correction)


def _linear(weights: Mapping[str, Singles], name: str, values: Singles) -> Singles:
    """Map (n, rows, in) to (n, rows, out), so that a row has the same bits whatever stands beside it.

    A product is made for each history, and of whole blocks of rows: others are summed in another order.
    """
    n, rows, width = values.shape
    missing = -rows % ROWS_AT_ONCE if rows > 1 else 0
    if missing:
        values = np.concatenate([values, np.zeros((n, missing, width), np.float32)], axis=1)
    return np.asarray((values @ weights[f"{name}.weight"].T)[:, :rows] + weights[f"{name}.bias"])


def _gru(weights: Mapping[str, Singles], values: Singles, state: Singles) -> Singles:
    """Do a step of torch's gated recurrent units: (n, width) from (n, width) and a state of the same shape."""
    read = (values[:, None] @ weights["cell.layer.weight_ih_l0"].T)[:, 0] + weights["cell.layer.bias_ih_l0"]
    kept = (state[:, None] @ weights["cell.layer.weight_hh_l0"].T)[:, 0] + weights["cell.layer.bias_hh_l0"]
    (reset, update, new), (reset_, update_, new_) = (np.split(gates, 3, axis=1) for gates in (read, kept))
    forget = _sigmoid(update + update_)
    candidate = np.tanh(new + _sigmoid(reset + reset_) * new_)
    return np.asarray((1 - forget) * candidate + forget * state)


def _sigmoid(values: Singles) -> Singles:
    return np.asarray(0.5 * (1 + np.tanh(0.5 * values)))


def _gelu(values: Singles) -> Singles:
    """Return x times the probability that a standard normal number lies below x."""
    return np.asarray(0.5 * values * (1 + _erf(values * np.float32(np.sqrt(0.5)))))


def _erf(values: Singles) -> Singles:
    """Compute the error function within 1.5e-7.

    References:
        Abramowitz & Stegun (1964), Handbook of Mathematical Functions, 7.1.26.
    """
    t = 1 / (1 + 0.3275911 * np.abs(values))
    series = ((((1.061405429 * t - 1.453152027) * t + 1.421413741) * t - 0.284496736) * t + 0.254829592) * t
    return np.asarray(np.sign(values) * (1 - series * np.exp(-values * values)))


def step_facts(steps: Integers, season_length: int, horizon: int) -> Singles:
    """Describe steps, counted from 1: how far ahead, and where in the season; (steps, facts)."""
    of_season = steps / season_length
    facts = [
        np.log1p(steps) / 5,
        np.minimum(of_season, 8.0),
        np.sin(2 * np.pi * of_season),
        np.cos(2 * np.pi * of_season),
        (steps <= season_length).astype(np.float64),
        steps / horizon,
    ]
    return np.stack(facts, axis=1).astype(np.float32)
