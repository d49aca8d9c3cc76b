"""What every model, distribution, baseline and metric promises; each runs over its table, and on a variant from outside."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from house import QUICK, same

import forecast as fc
from forecast.architectures import ARCHITECTURES
from forecast.baselines.base import Baseline
from forecast.datasets.synthetic import synthetic
from forecast.datasets.tables.columns import Columns
from forecast.datasets.tables.schema import panel_from_table
from forecast.datasets.windows.origins import Origins
from forecast.networks.heads import make_head

HORIZON = 6
LEVELS = (0.1, 0.5, 0.9)
MANY = tuple(np.round(np.linspace(0.05, 0.95, 19), 2).tolist())


def check_model(name: str, table: pd.DataFrame, **settings: Any) -> fc.Forecaster:
    """A model forecasts a horizon of every series, the same under the same seed and after it was saved."""
    given = {**QUICK, **settings, "model": name}
    fitted = fc.Forecaster(HORIZON, **given).fit(table)
    found = fitted.predict()
    assert len(found) == HORIZON * table["unique_id"].nunique()
    assert np.isfinite(found["forecast"]).all()
    assert (np.diff(_quantiles(found, fitted.settings.quantiles), axis=1) >= 0).all(), "quantiles do not cross"
    assert same(fc.Forecaster(HORIZON, **given).fit(table).predict(), found), "a seed decides everything"
    assert same(fc.load(fitted.save("saved", overwrite=True)).predict(), found)
    assert ARCHITECTURES[name].what
    return fitted


def check_network(cell: str, decoder: str, head: str, horizon: int) -> None:
    """Any cell goes with any decoder and any head."""
    settings = {**QUICK, "steps": 2, "batch_size": 4, "highway": "zero", "lookback": 28, "segment": 7}
    table = _targets_of(head)
    found = fc.Forecaster(horizon, model=cell, decoder=decoder, head=head, **settings).fit(table).predict()
    assert len(found) == 3 * horizon
    assert np.isfinite(found["forecast"]).all()


def check_head(name: str, table: pd.DataFrame) -> None:
    """A head's network is trained with the loss that the head needs, and has quantiles where the head says so."""
    head = make_head(name, LEVELS)
    levels = LEVELS if head.uncertain else ()
    fitted = check_model("gru", table, head=name, quantiles=levels)
    assert head.loss in (None, fitted.resolved_.loss)
    if head.family is not None:
        _check_distribution(name, fitted, table)


def check_baseline(maker: type[Baseline]) -> None:
    """A baseline reads nothing after an origin, no more than its context before it, and is restored from its state."""
    panel = panel_from_table(synthetic(3, 60, seed=3), Columns())
    model = maker(7, season_length=12, levels=LEVELS).fit(panel)
    origins = Origins(np.array([0, 1, 1, 2]), np.array([60, 80, 120, 180]))
    found = model.predict(panel, origins)
    assert found.point.shape == (4, 7)
    assert found.quantiles is not None
    assert found.quantiles.shape == (4, 7, 3)
    assert np.isfinite(found.point).all()
    assert (np.diff(found.quantiles, axis=2) >= 0).all(), "quantiles do not cross"

    again = maker(7, season_length=12, levels=LEVELS)
    again.restore(model.state())
    assert np.array_equal(again.predict(panel, origins).quantiles, found.quantiles)

    short = panel.truncate(panel.indptr[1:] - np.array([0, 40, 0]))
    at = Origins(np.array([1]), short.indptr[2:3])
    assert np.array_equal(model.predict(short, at).point[0], found.point[1]), "rows after the origin change nothing"
    if model.context is not None and maker.name not in ("naive2", "theta"):
        tail = panel.tail(model.context)
        last = Origins(np.array([2]), tail.indptr[3:])
        assert np.allclose(model.predict(tail, last).point[0], found.point[3], rtol=1e-12), "context is enough"


def check_metric(name: str) -> None:
    """A metric stands in every table of an evaluation, and is the mean of its values by series."""
    result = fc.evaluate(synthetic(3, 60, seed=3), HORIZON, models="drift", cutoffs=2, quantiles=LEVELS, scale="train")
    shown = [column for column in result.by_series if column == name or column.startswith(f"{name}_")]
    assert shown
    for column in shown:
        assert column in result.metrics
        for frame in (result.leaderboard, result.by_horizon, result.by_cutoff):
            assert np.isfinite(frame[column]).all()


def _targets_of(head: str) -> pd.DataFrame:
    """Three series of shares, or of counts from 0 or 1, whichever the head can give."""
    shares = np.random.default_rng(0).beta(2, 3, (3, 90)).ravel()
    family = make_head(head, ()).family
    values = [np.floor(9 * shares), np.floor(9 * shares) + 1, shares]
    y = next(y for y in values if family is None or family.support.contains(y).all())
    times = np.tile(pd.date_range("2020-01-01", periods=90), 3)
    return pd.DataFrame({"unique_id": np.repeat(["s0", "s1", "s2"], 90), "ds": times, "y": y})


def _check_distribution(name: str, fitted: fc.Forecaster, table: pd.DataFrame) -> None:
    found = fitted.predict(quantiles=MANY)
    assert (np.diff(_quantiles(found, MANY), axis=1) >= 0).all()
    np.testing.assert_allclose(found["forecast"], found["q50"])
    assert same(fc.load(Path("saved")).predict(quantiles=MANY), found)
    mean = fc.Forecaster(HORIZON, model="gru", head=name, point="mean", **QUICK).fit(table).predict()
    assert np.isfinite(mean["forecast"]).all()


def _quantiles(table: pd.DataFrame, levels: tuple[float, ...]) -> np.ndarray:
    return table[[f"q{100 * level:.10g}" for level in levels]].to_numpy()
