"""Weights that can be worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from forecast.automatic.weighing import blend_weights


def _weights(errors: list[float], n: int = 4000, prior: tuple[float, ...] = (0.5, 0.5)) -> np.ndarray:
    """Two unbiased forecasts with independent errors of these deviations."""
    random = np.random.default_rng(0)
    actual = random.normal(size=(n, 3))
    forecasts = np.stack([actual + deviation * random.normal(size=actual.shape) for deviation in errors])
    return blend_weights(forecasts, actual, np.ones(n), np.array(prior), 6.0)


def test_weights_are_inverse_variances() -> None:
    """The best linear combination of independent normal errors weighs by 1 / variance (Bates & Granger 1969)."""
    assert _weights([1.0, 1.0]) == pytest.approx([0.5, 0.5], abs=0.03)
    assert _weights([1.0, 2.0]) == pytest.approx([0.8, 0.2], abs=0.04)
    assert _weights([1.0, 20.0]) == pytest.approx([1.0, 0.0], abs=1e-9)


def test_nothing_to_learn_from_leaves_the_prior() -> None:
    none = np.full((3, 2), np.nan)
    assert blend_weights(np.zeros((2, 3, 2)), none, np.ones(3), np.array([0.3, 0.7]), 6.0).tolist() == [0.3, 0.7]
    few = _weights([1.0, 3.0], n=1, prior=(0.0, 1.0))
    assert few[1] > 0.5, "one origin does not overrule the prior"


def test_the_prior_counts_as_many_origins_as_it_is_worth() -> None:
    """The first forecast is perfect on 6 origins, and the prior, worth 6, knows the second only: each has half."""
    actual = np.arange(12.0).reshape(6, 2) + 1
    forecasts, prior = np.stack([actual, actual + 5]), np.array([0.0, 1.0])
    assert blend_weights(forecasts, actual, np.ones(6), prior, 6.0) == pytest.approx([0.5, 0.5], abs=0.01)
    assert blend_weights(forecasts, actual, np.ones(6), prior, 18.0) == pytest.approx([0.25, 0.75], abs=0.01)


def test_weights_do_not_depend_on_units() -> None:
    random = np.random.default_rng(1)
    actual, forecasts = random.normal(size=(50, 4)), random.normal(size=(3, 50, 4))
    prior = np.full(3, 1 / 3)
    plain = blend_weights(forecasts, actual, np.ones(50), prior, 6.0)
    assert blend_weights(1e6 * forecasts, 1e6 * actual, np.full(50, 1e6), prior, 6.0) == pytest.approx(plain)
    assert plain.sum() == pytest.approx(1)
    assert (plain >= 0).all()
