"""Models of a kind of their own: no history, no target, one step at a time."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from house import QUICK, same

import forecast as fc
from forecast.datasets.errors import ConfigError, DataError
from forecast.datasets.synthetic import random_walks

LEARNING: dict[str, Any] = {"steps": 400, "hidden_size": 32, "batch_size": 32, "threads": 1, "val_size": 0}


def _launches(series: int, length: int = 40, seed: int = 0) -> pd.DataFrame:
    """New products: a level by kind, a decay, and promotions."""
    generator = np.random.default_rng(seed)
    parts = []
    for number in range(series):
        kind, promo = generator.choice(["toy", "book"]), generator.integers(0, 2, length)
        y = (
            (100 if kind == "toy" else 20) * np.exp(-np.arange(length) / 20)
            + 15 * promo
            + generator.normal(0, 1, length)
        )
        columns = {"ds": pd.date_range("2024-01-01", periods=length), "y": y, "promo": promo, "kind": kind}
        parts.append(pd.DataFrame({"unique_id": f"p{seed}{number:03}", **columns}))
    return pd.concat(parts, ignore_index=True)


def test_cold_start() -> None:
    roles = {"known": ["promo"], "static": ["kind"]}
    model = fc.Forecaster(10, model="one_to_many", quantiles=(0.1, 0.9), **roles, **LEARNING).fit(_launches(60))
    new = _launches(10, seed=1).groupby("unique_id").head(10)
    found = model.predict(future=new.drop(columns="y")).merge(new, on=["unique_id", "ds"])
    assert len(found) == 100
    assert (found["forecast"] - found["y"]).abs().mean() < 6, "the levels are 20 and 100, a promotion is 15"
    assert (found["q10"] <= found["q90"]).all()
    model.save("model")
    again = fc.load("model").predict(future=new.drop(columns="y"))
    assert same(again[["forecast"]], found[["forecast"]])
    with pytest.raises(ConfigError, match="needs to know what"):
        model.predict()
    with pytest.raises(DataError, match="9 rows"):
        model.predict(future=new.drop(columns="y").groupby("unique_id").head(9))
    with pytest.raises(ConfigError, match="without covariates"):
        fc.Forecaster(10, model="one_to_many").fit(_launches(3))
    with pytest.raises(ConfigError, match="past covariates promo"):
        fc.Forecaster(10, model="one_to_many", past=["promo"], static=["kind"]).fit(_launches(3))


def test_aligned_output_is_a_filter() -> None:
    """The target is a moving average of what a sensor says, and is measured no more."""
    generator = np.random.default_rng(0)
    sensor = generator.normal(size=(10, 300))
    target = np.stack([np.convolve(row, [0.5, 0.3, 0.2])[:300] for row in sensor])
    ids = np.repeat([f"s{k}" for k in range(10)], 300)
    table = pd.DataFrame({"unique_id": ids, "ds": np.tile(np.arange(300), 10), "y": 7 + target.ravel()})
    table["sensor"] = sensor.ravel()
    settings = {**LEARNING, "lookback": 10, "known": ["sensor"]}
    result = fc.evaluate(table, 20, models="aligned", cutoffs=2, **settings)
    assert result.metrics["mae"] < 0.12, "guessing the mean gives 0.5"
    model = fc.Forecaster(20, model="aligned", **settings).fit(table[table["ds"] < 280])
    unmeasured = table.assign(y=table["y"].where(table["ds"] < 280))
    later = unmeasured.copy()
    later.loc[later["ds"] == 299, "sensor"] += 9
    first, second = model.predict(unmeasured), model.predict(later)
    changed = (first["forecast"] != second["forecast"]).to_numpy().reshape(10, 20)
    assert changed[:, 19].all()
    assert not changed[:, :19].any(), "a row reads nothing after it"


@pytest.fixture(scope="module")
def deepar() -> fc.Forecaster:
    settings = {**LEARNING, "head": "normal", "quantiles": (0.1, 0.9), "layers": 1}
    return fc.Forecaster(24, model="deepar", **settings).fit(random_walks(30, 300, seed=0))


def test_a_recursive_random_walk_widens_with_the_root(deepar: fc.Forecaster) -> None:
    paths = deepar.predict(samples=200)
    step = paths.groupby(["unique_id", "sample"]).cumcount() + 1
    bounds = paths.groupby([paths["unique_id"], step])["forecast"].quantile([0.1, 0.9]).unstack()
    width = (bounds[0.9] - bounds[0.1]).groupby(level=1).mean()
    assert width[24] / width[1] == pytest.approx(24**0.5, rel=0.1)
    found = deepar.predict()
    direct = (found["q90"] - found["q10"]).groupby(found.groupby("unique_id").cumcount() + 1).mean()
    assert direct[24] / direct[1] == pytest.approx(24**0.5, rel=0.15)


def test_a_recursive_step_depends_on_the_one_drawn_before(deepar: fc.Forecaster) -> None:
    paths = deepar.predict(samples=200)
    wide = paths.assign(step=paths.groupby(["unique_id", "sample"]).cumcount()).pivot_table(
        index=["unique_id", "sample"], columns="step", values="forecast"
    )
    inside = wide - wide.groupby(level=0).transform("mean")
    assert inside[22].corr(inside[23]) > 0.9
    assert inside[0].corr(inside[23]) < 0.4


def test_recursive_contract(deepar: fc.Forecaster, frame: pd.DataFrame) -> None:
    found = deepar.predict()
    deepar.save("model")
    assert same(fc.load("model").predict(), found)
    one = deepar.context.take(np.array([3]))
    from forecast.datasets.windows.origins import Origins

    alone = deepar.fitted_.predict(one, Origins.last(one)).point[0]
    np.testing.assert_array_equal(alone, found["forecast"].to_numpy().reshape(-1, 24)[3])
    with pytest.raises(ConfigError, match="head='point' with deepar"):
        fc.Forecaster(6, model="deepar", head="point", **QUICK).fit(frame)
    counts = frame.assign(y=np.floor(frame["y"].abs()))
    drawn = fc.Forecaster(6, model="deepar", head="negative_binomial", **QUICK).fit(counts).predict(samples=5)
    assert (drawn["forecast"] == drawn["forecast"].round()).all()
