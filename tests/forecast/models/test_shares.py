"""Output activations: positive and bounded targets, shares that add up to one; totals as a target."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from house import QUICK, same

import forecast as fc
from forecast.datasets.errors import ConfigError, DataError
from forecast.datasets.synthetic import synthetic
from forecast.datasets.windows.origins import Origins
from forecast.models.transforms import TRANSFORMS, MonotoneMap


@pytest.fixture
def shares() -> pd.DataFrame:
    """Three series that add up to one; the last begins late."""
    parts = np.random.default_rng(0).gamma(3.0, size=(3, 80))
    parts[2, :30] = 0.0
    parts /= parts.sum(axis=0)
    days = np.tile(pd.date_range("2020-01-01", periods=80), 3)
    table = pd.DataFrame({"unique_id": np.repeat(list("abc"), 80), "ds": days, "y": parts.ravel()})
    return table[table["y"] > 0]


@pytest.mark.parametrize("name", [name for name in TRANSFORMS if name != "none"])
def test_a_transform_is_undone(name: str) -> None:
    transform = TRANSFORMS[name]
    assert isinstance(transform, MonotoneMap)
    values = np.array([1e-6, 0.2, 0.5, 0.999])
    np.testing.assert_allclose(transform.inverse(transform.forward(values)), values, rtol=1e-9)
    assert transform.support.contains(values).all()
    assert not transform.support.contains(np.array([-1e-9, -1.0, np.nan])).any()


@pytest.mark.parametrize(("name", "highest"), [("softplus", np.inf), ("sigmoid", 1.0)])
def test_forecasts_keep_their_bounds(name: str, highest: float) -> None:
    table = synthetic(3, 80, seed=1)
    low, high = table["y"].min(), table["y"].max()
    table["y"] = (table["y"] - low + 0.01) / (high - low + 0.02)
    settings = {**QUICK, "quantiles": (0.01, 0.5, 0.99)}
    found = fc.Forecaster(6, model="gru", transform=name, **settings).fit(table).predict()
    numbers = found[["forecast", "q1", "q50", "q99"]]
    assert (numbers > 0).all(axis=None)
    assert (numbers < highest).all(axis=None)


@pytest.mark.parametrize("more", [{}, {"quantiles": (0.1, 0.9)}, {"head": "normal", "quantiles": (0.1, 0.9)}])
@pytest.mark.parametrize("model", ["gru", "auto"])
def test_shares_add_up_to_one(shares: pd.DataFrame, model: str, more: dict[str, object], tmp_path: Path) -> None:
    settings = {**QUICK, "transform": "softmax", **more}
    if model == "auto" and "head" in more:
        pytest.skip("auto has no distribution")
    fitted = fc.Forecaster(7, model=model, **settings).fit(shares)
    found = fitted.predict()
    np.testing.assert_allclose(found.groupby("ds")["forecast"].sum(), 1.0)
    if more:
        assert (found["q10"] <= found["q90"]).all()
        paths = fitted.predict(samples=5)
        np.testing.assert_allclose(paths.groupby(["ds", "sample"])["forecast"].sum(), 1.0)
        assert paths.groupby(["unique_id", "ds"])["forecast"].std().min() > 0
    assert same(found, fc.load(fitted.save(tmp_path / "model")).predict())


def test_one_share_alone_is_the_same(shares: pd.DataFrame) -> None:
    fitted = fc.Forecaster(7, model="gru", transform="softmax", quantiles=(0.1, 0.9), **QUICK).fit(shares)
    panel = fitted.panel(shares)
    early = panel.indptr[:-1] + 20  # the third series has not begun when the first two are there
    every = fitted.fitted_.predict(panel, Origins(np.array([0, 1]), early[:2]))
    alone = fitted.fitted_.predict(panel, Origins(np.array([1]), early[1:2]))
    np.testing.assert_array_equal(every.point[1], alone.point[0])
    np.testing.assert_allclose(every.point.sum(axis=0), 1.0)


def test_what_are_no_shares(shares: pd.DataFrame) -> None:
    wrong = shares.copy()
    wrong.loc[wrong["ds"] == "2020-02-20", "y"] *= 0.5
    with pytest.raises(DataError) as caught:
        fc.Forecaster(7, model="gru", transform="softmax", **QUICK).fit(wrong)
    [problem] = caught.value.problems
    assert problem.time is not None
    assert "2020-02-20" in problem.time
    assert "0.5" in problem.what


@pytest.mark.parametrize("how", ["sum", "mean", "max", "min"])
def test_a_rolled_target_is_what_pandas_says(how: str) -> None:
    table = synthetic(2, 40, seed=1)
    found = fc.rolling(table, 5, how=how)
    wanted = getattr(table.groupby("unique_id")["y"].rolling(5), how)().dropna()
    np.testing.assert_allclose(found["y"], wanted)
    assert len(found) == 2 * 36
    merged = found.merge(table, on=["unique_id", "ds"])
    np.testing.assert_array_equal(merged["y_each"], merged["y_y"])


def test_a_rolled_window_with_a_gap_is_missing() -> None:
    table = synthetic(2, 40, seed=1).drop(index=10)  # an absent row, not a missing value
    found = fc.rolling(table, 5)
    assert found["y"].isna().sum() == 5


def test_many_to_one() -> None:
    table = fc.rolling(synthetic(3, 80, seed=1), 6)
    model = fc.Forecaster(6, model="gru", past="y_each", quantiles=(0.1, 0.9), **QUICK).fit(table)
    total = model.predict().groupby("unique_id").tail(1)
    assert len(total) == 3
    assert (total["q10"] < total["q90"]).all()


def test_rolling_says_what_is_wrong() -> None:
    table = synthetic(2, 40, seed=1)
    with pytest.raises(ConfigError) as caught:
        fc.rolling(table, 1, how="median")
    assert len(caught.value.problems) == 2
    short = table.drop(index=table.index[3:40])
    with pytest.raises(DataError, match="shorter than a window") as found:
        fc.rolling(short, 5)
    assert [problem.what for problem in found.value.problems] == ["3 rows"]
