"""Paths hang together: in time, over series, and whoever is drawn beside them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from house import MODELS, QUICK, same

import forecast as fc
from forecast.datasets.synthetic import synthetic

HORIZON = 6
LEVELS = (0.1, 0.5, 0.9)


def _table(values: np.ndarray, ends: np.ndarray | None = None) -> pd.DataFrame:
    """Daily series from the rows of a matrix; `ends` leaves out so many of the newest rows of each."""
    days = pd.date_range("2023-01-01", periods=values.shape[1])
    rows = [len(days) - (0 if ends is None else ends[k]) for k in range(len(values))]
    parts = [pd.DataFrame({"unique_id": f"s{k:02}", "ds": days[:n], "y": values[k, :n]}) for k, n in enumerate(rows)]
    return pd.concat(parts, ignore_index=True)


def _with_shocks(generator: np.random.Generator, n: int, rows: int) -> np.ndarray:
    """A weekly pattern, and errors whose correlation over series is 1.5^2 / (1.5^2 + 0.4^2) = .934."""
    week = 2 * np.sin(2 * np.pi * np.arange(rows) / 7)
    return 10 + week + 1.5 * generator.normal(size=rows) + 0.4 * generator.normal(size=(n, rows))


@pytest.mark.parametrize("name", MODELS)
def test_company_changes_no_path(name: str) -> None:
    table = synthetic(4, 80, seed=1)
    model = fc.Forecaster(HORIZON, model=name, quantiles=LEVELS if name != "deepar" else (), **_quick(name)).fit(table)
    every = model.predict(table, samples=8)
    two = table["unique_id"].unique()[[1, 3]]
    alone = model.predict(table[table["unique_id"].isin(two)], samples=8)
    expected = every[every["unique_id"].isin(two)].reset_index(drop=True)
    assert same(alone.reset_index(drop=True), expected)


@pytest.mark.parametrize("name", ["theta", "seasonal_naive", "gru", "auto"])
def test_a_saved_model_draws_the_same_paths(name: str) -> None:
    model = fc.Forecaster(HORIZON, model=name, quantiles=LEVELS, **_quick(name)).fit(synthetic(4, 200, seed=1))
    assert model.fitted_ is not None
    assert "dependence" not in vars(model.fitted_), "nothing is learnt before paths are drawn"
    model.save("before")
    paths = model.predict(samples=8)
    model.save("after")
    assert same(fc.load("before").predict(samples=8), paths)
    assert same(fc.load("after").predict(samples=8), paths)


def test_series_are_compared_at_the_same_times() -> None:
    """The ends are up to nine days apart; counted back from each end, errors of the same day would seldom meet."""
    generator = np.random.default_rng(0)
    table = _table(_with_shocks(generator, 8, 300), generator.integers(0, 10, 8))
    model = fc.Forecaster(HORIZON, model="theta", quantiles=LEVELS).fit(table)
    assert model.fitted_ is not None
    assert model.fitted_.dependence.series == pytest.approx(0.934, abs=0.04)

    paths = model.predict(samples=300)
    wide = paths.pivot_table(index="sample", columns=["ds", "unique_id"], values="forecast")
    days = wide.columns.get_level_values("ds").value_counts()
    together = [wide[day].corr().to_numpy() for day in days.index[days > 2]]
    apart = np.concatenate([each[np.triu_indices(len(each), 1)] for each in together])
    assert apart.mean() == pytest.approx(0.934, abs=0.12), "what happens on a day happens to all series"


@pytest.mark.parametrize("name", ["theta", "gru"])
def test_totals_have_the_right_width(name: str) -> None:
    """Of 16 independent series, and of the steps of white noise: a root of the count, not the count."""
    generator = np.random.default_rng(1)
    week = 2 * np.sin(2 * np.pi * np.arange(250) / 7)
    table = _table(10 + week + generator.normal(size=(16, 250)))
    settings = {"preset": "fast", "threads": 1} if name == "gru" else {}
    paths = fc.Forecaster(7, model=name, quantiles=LEVELS, **settings).fit(table).predict(samples=400)
    for over, count in (("series", 16), ("horizon", 7)):
        total = fc.aggregate(paths, over=over)  # type: ignore[arg-type]
        assert (total["q90"] - total["q10"]).mean() == pytest.approx(2.563 * np.sqrt(count), rel=0.25)


def test_chance_is_no_correlation() -> None:
    generator = np.random.default_rng(2)
    found = []
    for _ in range(5):
        model = fc.Forecaster(HORIZON, model="naive", quantiles=LEVELS).fit(_table(generator.normal(size=(10, 150))))
        assert model.fitted_ is not None
        found.append(model.fitted_.dependence.series)
    assert np.median(found) < 0.02


def test_missing_values_have_no_influence_on_paths() -> None:
    table = synthetic(3, 120, seed=1)
    holes = table.index % 9 == 4
    blank, filled = table.copy(), table.assign(observed=~holes)
    blank.loc[holes, "y"] = np.nan
    filled.loc[holes, "y"] = 1e9
    paths = fc.Forecaster(HORIZON, model="theta", quantiles=LEVELS).fit(blank).predict(samples=5)
    again = fc.Forecaster(HORIZON, model="theta", quantiles=LEVELS, observed="observed").fit(filled).predict(samples=5)
    assert same(paths, again)


def _quick(name: str) -> dict[str, int | str]:
    return {**QUICK, "head": "normal"} if name == "deepar" else QUICK
