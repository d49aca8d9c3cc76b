"""Heads: distributions agree with scipy, quantiles with themselves, and each learns the data made for it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from contracts import check_head
from house import QUICK

import forecast as fc
from forecast.datasets.errors import ConfigError, DataError
from forecast.networks.heads import HEADS, distribution_heads
from forecast.quantiles import interpolate, probit

FAMILIES = distribution_heads()
H = 6
LEARNING: dict[str, Any] = {"steps": 300, "hidden_size": 16, "batch_size": 32, "threads": 1, "val_size": 0, "seed": 0}


def _table(draw: Any, series: int = 24, length: int = 300) -> pd.DataFrame:
    generator = np.random.default_rng(0)
    values = draw(generator, (series, length))
    ids = np.repeat([f"s{k}" for k in range(series)], length)
    return pd.DataFrame({"unique_id": ids, "ds": np.tile(np.arange(length), series), "y": values.ravel()})


DRAWS = {
    "normal": lambda g, n: g.normal(100, 5, n),
    "student_t": lambda g, n: 100 + g.standard_t(4, n),
    "lognormal": lambda g, n: g.lognormal(1, 0.5, n),
    "poisson": lambda g, n: g.poisson(3, n).astype(float),
    "negative_binomial": lambda g, n: g.negative_binomial(1, 0.3, n).astype(float),
    "beta": lambda g, n: g.beta(2, 5, n),
}


@pytest.mark.parametrize("name", FAMILIES)
def test_log_likelihood_is_scipys(name: str) -> None:
    family = FAMILIES[name]
    generator = np.random.default_rng(1)
    raw = torch.from_numpy(generator.normal(1, 0.3, (50, family.width)))
    zero, scale = torch.full((50,), -0.2, dtype=torch.float64), torch.full((50,), 1.5, dtype=torch.float64)
    if name == "beta":
        zero, scale = zero * 0 + 0.2, scale * 0 + 0.4
    own = (
        torch.from_numpy(DRAWS[name](generator, 50))
        if family.in_target_units
        else torch.from_numpy(generator.normal(1, 1, 50))
    )
    target = own / scale + zero if family.in_target_units else own
    found = family.log_likelihood(raw, target, zero, scale).numpy()
    frozen = family.frozen([p.numpy() for p in family.parameters(raw, zero, scale)])
    density = (
        frozen.logpmf if hasattr(frozen.dist, "logpmf") and name in ("poisson", "negative_binomial") else frozen.logpdf
    )
    np.testing.assert_allclose(found, density(own.numpy()), rtol=1e-6)


@pytest.mark.parametrize("name", FAMILIES)
def test_each_distribution_learns_its_own_data(name: str) -> None:
    table = _table(DRAWS[name])
    result = fc.evaluate(table, H, models="gru", head=name, quantiles=(0.1, 0.5, 0.9), cutoffs=20, **LEARNING)
    slack = 0.12 if name in ("poisson", "negative_binomial") else 0.06  # a count's interval holds more than asked for
    assert result.metrics["coverage_80"] == pytest.approx(0.8, abs=slack)
    assert result.metrics["mase"] < 0.85, "the mean of noise beats its last value"


@pytest.mark.parametrize("name", HEADS)
def test_contract(name: str) -> None:
    check_head(name, _table(DRAWS.get(name, DRAWS["normal"]), 3, 80))


@pytest.mark.parametrize("name", FAMILIES)
def test_the_mean_of_a_skewed_distribution_is_not_its_median(name: str) -> None:
    table = _table(DRAWS[name], 3, 80)
    median, mean = (
        fc.Forecaster(H, model="gru", head=name, point=point, **QUICK).fit(table).predict()["forecast"]
        for point in ("median", "mean")
    )
    if name in ("normal", "student_t"):
        np.testing.assert_allclose(mean, median)
    else:
        assert (mean != median).all()


def test_a_distribution_refuses_what_it_cannot_give() -> None:
    table = _table(DRAWS["normal"], 2, 60)
    table.loc[3, "y"] = -2.5
    for name in ("lognormal", "negative_binomial", "beta"):
        with pytest.raises(DataError, match="head") as caught:
            fc.Forecaster(H, model="gru", head=name, **QUICK).fit(table)
        assert caught.value.problems[0].series == "s0"
    with pytest.raises(ConfigError, match="head='gauss'"):
        fc.Forecaster(H, model="gru", head="gauss", **QUICK).fit(table)
    with pytest.raises(ConfigError, match="loss='mae' with normal"):
        fc.Forecaster(H, model="gru", head="normal", loss="mae", **QUICK).fit(table)


def test_interpolation_is_exact_for_a_normal() -> None:
    levels = (0.1, 0.5, 0.9)
    quantiles = 3 + 2 * probit(np.array(levels))[None, None]
    wanted = np.array([0.01, 0.3, 0.5, 0.75, 0.99])[None, None]
    np.testing.assert_allclose(interpolate(quantiles, levels, wanted), 3 + 2 * probit(wanted), atol=1e-9)
    from scipy.stats import norm

    np.testing.assert_allclose(probit(wanted), norm.ppf(wanted), atol=1e-9)
