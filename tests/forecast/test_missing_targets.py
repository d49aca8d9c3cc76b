"""What is missing is missing: stand-ins for missing targets never count as data, for every network."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

import forecast as fc
from forecast.architectures import ARCHITECTURES
from forecast.datasets.windows.origins import Origins
from forecast.fitted import fitted_of

H = 7
READS_NO_TARGET = ("one_to_many", "aligned")
NETWORKS = [n for n, line in ARCHITECTURES.items() if line.kind == "network" and n not in (*READS_NO_TARGET, "auto")]
QUICK: dict[str, Any] = {"steps": 40, "hidden_size": 16, "batch_size": 16, "threads": 1}
NOISE = 0.05


def weekly(seed: int, trend: float = 0.0) -> pd.DataFrame:
    """Six daily series of a level, a weekly wave, a trend and little noise, with a week to forecast behind them."""
    random, step = np.random.default_rng(seed), np.arange(200 + H)
    parts = [
        pd.DataFrame(
            {
                "unique_id": f"s{k}",
                "ds": pd.date_range("2022-01-01", periods=len(step)),
                "y": 10
                + k
                + trend * step
                + 3 * np.sin(2 * np.pi * (step + k) / 7)
                + NOISE * random.normal(size=len(step)),
            }
        )
        for k in range(6)
    ]
    return pd.concat(parts, ignore_index=True)


def _split(table: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    future = table["ds"] > table["ds"].max() - pd.Timedelta(days=H)
    return table[~future].reset_index(drop=True), table[future]


def _without_newest(table: pd.DataFrame, rows: int) -> pd.DataFrame:
    late = (table["unique_id"] == "s2") & (table["ds"] > table["ds"].max() - pd.Timedelta(days=rows))
    return table.assign(y=table["y"].mask(late))


def _error(forecasts: pd.DataFrame, actual: pd.DataFrame) -> float:
    both = forecasts.merge(actual, on=["unique_id", "ds"])
    both = both[both["unique_id"] == "s2"]
    assert len(both) == H, "the forecast starts after the grid's end"
    return float((both["forecast"] - both["y"]).abs().mean())


@pytest.mark.parametrize("model", [*NETWORKS, "auto"])
def test_newest_values_that_are_missing_cost_little_and_no_other_series_anything(model: str) -> None:
    past, actual = _split(weekly(0))
    fitted = fc.Forecaster(H, model=model, **QUICK).fit(past)
    whole = fitted.predict(past)
    for rows in (1, 3, 7):
        late = fitted.predict(_without_newest(past, rows))
        assert _error(late, actual) <= 1.5 * max(_error(whole, actual), 2 * NOISE)
        others = whole["unique_id"] != "s2"
        pd.testing.assert_frame_equal(late[others], whole[others], check_exact=True)


@pytest.mark.parametrize("model", ["gru", "lstm"])
def test_a_trend_goes_on_through_a_gap(model: str) -> None:
    past, actual = _split(weekly(1, trend=0.05))
    inner = (past["unique_id"] == "s2") & past["ds"].between("2022-04-01", "2022-05-15")
    table = _without_newest(past.assign(y=past["y"].mask(inner)), 3)
    complete = fc.Forecaster(H, model=model, **QUICK).fit(past).predict()
    holed = fc.Forecaster(H, model=model, **QUICK).fit(table).predict()
    assert _error(holed, actual) <= 1.5 * max(_error(complete, actual), 2 * NOISE)


@pytest.mark.parametrize("model", NETWORKS)
def test_stand_ins_of_missing_values_do_not_move_a_bit(model: str) -> None:
    past, _ = _split(weekly(2))
    holed = past.assign(y=past["y"].mask((past.index % 11 == 5) | (past.index % 23 == 7)))
    fitted = fitted_of(fc.Forecaster(H, model=model, **QUICK).fit(holed))
    panel = fc.Forecaster(H, model=model).panel(holed)
    values = panel.values.copy()
    values[~panel.observed[:, 0], 0] = 1e9
    last = Origins.last(panel)
    np.testing.assert_array_equal(
        fitted.predict(panel, last).point, fitted.predict(replace(panel, values=values), last).point
    )


def _trending(seed: int) -> pd.DataFrame:
    """Six daily series that rise, each at its own rate, and have no season."""
    random, step, days = np.random.default_rng(seed), np.arange(200 + H), pd.date_range("2022-01-01", periods=200 + H)
    values = [10 * k + (0.3 + 0.1 * k) * step + 0.3 * random.normal(size=len(step)) for k in range(6)]
    return pd.concat([pd.DataFrame({"unique_id": f"s{k}", "ds": days, "y": y}) for k, y in enumerate(values)])


@pytest.mark.parametrize("model", NETWORKS)
def test_a_trend_without_a_season_goes_on_to_the_end(model: str) -> None:
    past, actual = _split(_trending(0).reset_index(drop=True))
    fitted = fc.Forecaster(H, model=model, season_length=1, **QUICK).fit(past)
    whole = fitted.predict(past)
    for rows in (3, 12):
        late = fitted.predict(_without_newest(past, rows))
        stood_still = 0.5 * (rows + H / 2)  # the error of a line that does not go on through the gap
        assert _error(late, actual) <= max(2 * _error(whole, actual), 0.4 * stood_still)
        others = whole["unique_id"] != "s2"
        pd.testing.assert_frame_equal(late[others], whole[others], check_exact=True)


def test_a_gap_longer_than_a_forecast_reads_is_filled_from_what_stands_before_it(tmp_path: Any) -> None:
    """The rows that a saved model keeps reach back to the last observed ones."""
    for table in (_trending(1).reset_index(drop=True), weekly(1)):
        past, _ = _split(table)
        late = _without_newest(past, 120)
        fitted = fc.Forecaster(H, model="gru", lookback=14, **QUICK).fit(late)
        found = fitted.predict()
        pd.testing.assert_frame_equal(fitted.predict(late), found, check_exact=True)
        again = fc.load(fitted.save(tmp_path / f"model{len(table)}{table['y'].iloc[0]:.0f}"))
        pd.testing.assert_frame_equal(again.predict(), found, check_exact=True)


def test_a_saved_model_fills_as_it_did(tmp_path: Any) -> None:
    past, _ = _split(weekly(3))
    fitted = fc.Forecaster(H, model="gru", **QUICK).fit(past)
    late = _without_newest(past, 3)
    again = fc.load(fitted.save(tmp_path / "model"))
    pd.testing.assert_frame_equal(again.predict(late), fitted.predict(late), check_exact=True)
