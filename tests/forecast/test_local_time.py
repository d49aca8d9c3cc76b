"""Where clocks change, the season is the clock's: nine o'clock stays nine o'clock, for every model."""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd
import pytest
from house import MODELS, QUICK, same

import forecast as fc

HORIZON, DAYS = 24, 24
SPRING, SUMMER, AUTUMN = pd.Timestamp("2024-03-31"), pd.Timestamp("2024-06-30"), pd.Timestamp("2024-10-27")


def office(last_day: pd.Timestamp, zone: str = "Europe/Berlin", freq: str = "h", days: int = DAYS) -> pd.DataFrame:
    """Two offices that open at eight and close at six by their clock on every day, up to the end of a day."""
    begins = (last_day - pd.Timedelta(days=days - 1)).tz_localize(zone)
    times = pd.date_range(begins, (last_day + pd.Timedelta(days=1)).tz_localize(zone), freq=freq, inclusive="left")
    hour = times.hour + times.minute / 60
    noise = 0.1 * np.random.default_rng(0).normal(size=(2, len(times)))
    y = np.where((hour >= 8) & (hour < 18), 5.0, 1.0) * np.array([[1.0], [3.0]]) + noise
    return pd.DataFrame({"unique_id": np.repeat(["a", "b"], len(times)), "ds": np.tile(times, 2), "y": y.ravel()})


def split(table: pd.DataFrame, steps: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """A table without each series' last steps, and these."""
    last = table.groupby("unique_id").cumcount(ascending=False) < steps
    return table[~last].reset_index(drop=True), table[last].reset_index(drop=True)


def error(model: fc.Forecaster, table: pd.DataFrame) -> float:
    training, coming = split(table, HORIZON)
    found = model.fit(training).predict()
    pd.testing.assert_frame_equal(found[["unique_id", "ds"]], coming[["unique_id", "ds"]], check_index_type=False)
    return float((found["forecast"] - coming["y"]).abs().mean())


@cache
def ordinary(name: str) -> float:
    return error(_model(name), office(SUMMER))


def _model(name: str) -> fc.Forecaster:
    steps = 100 if name == "esrnn" else 20  # with fewer its error is that of its start
    return fc.Forecaster(HORIZON, model=name, season_length=24, **{**QUICK, "steps": steps, "lookback": 48})


@pytest.mark.parametrize("days_since", [0, 2])
@pytest.mark.parametrize("change", [SPRING, AUTUMN], ids=["spring", "autumn"])
@pytest.mark.parametrize("name", MODELS)
def test_a_change_of_clocks_costs_nothing(name: str, change: pd.Timestamp, days_since: int) -> None:
    after = error(_model(name), office(change + pd.Timedelta(days=days_since)))
    assert after <= 1.5 * ordinary(name) + 0.05


@pytest.mark.parametrize(
    ("zone", "day", "freq"),
    [
        ("America/New_York", "2024-03-10", "15min"),
        ("America/New_York", "2024-11-03", "15min"),
        ("Australia/Lord_Howe", "2024-04-07", "h"),  # its clocks change by half an hour
        ("Australia/Lord_Howe", "2024-10-06", "h"),
        ("Australia/Lord_Howe", "2024-10-06", "30min"),
        ("Asia/Kolkata", "2024-10-27", "30min"),
        ("UTC", "2024-10-27", "h"),
    ],
)
@pytest.mark.parametrize("model", ["seasonal_naive", "theta", "boosting"])
def test_any_zone_and_step(model: str, zone: str, day: str, freq: str) -> None:
    steps = pd.Timedelta(days=1) // pd.tseries.frequencies.to_offset(freq)
    table = office(pd.Timestamp(day) + pd.Timedelta(days=1), zone, freq, days=12)
    training, coming = split(table, steps)
    found = fc.Forecaster(steps, model=model, season_length=steps).fit(training).predict()
    assert found["ds"].equals(coming["ds"])
    assert (found["forecast"] - coming["y"]).abs().mean() < 0.25


@pytest.mark.parametrize("name", ["seasonal_naive", "boosting", "gru", "auto"])
@pytest.mark.parametrize("day", [SPRING, AUTUMN], ids=["spring", "autumn"])
def test_a_saved_model_and_a_backtest_read_the_same_clock(name: str, day: pd.Timestamp) -> None:
    table = office(day + pd.Timedelta(days=1))
    table.loc[table.index[400:420], "y"] = np.nan
    training, _ = split(table, HORIZON)
    settings = {**QUICK, "lookback": 48, "quantiles": (0.1, 0.9), "calibrate": "adaptive"}
    model = fc.Forecaster(HORIZON, model=name, **settings).fit(training)  # type: ignore[arg-type]
    found = model.predict()
    assert same(fc.load(model.save("saved")).predict(), found)
    assert same(model.predict(training), found)
    tested = fc.evaluate(table, HORIZON, models=str(model.save("tested"))).forecasts
    for column in ("forecast", "q10", "q90"):
        assert np.array_equal(tested[column], found[column])
    paths = model.predict(samples=20)
    assert np.isfinite(paths["forecast"]).all()


@pytest.mark.parametrize("name", ["gru", "bigru"])
def test_known_covariates_stand_beside_their_hour(name: str) -> None:
    """What is known of the day ahead is read by its clock, and 25 hours of a day have no row too few."""
    for day in (SPRING, AUTUMN):
        table = office(day)
        table["open"] = table["ds"].dt.hour.between(8, 17).astype(float)
        training, coming = split(table, HORIZON)
        settings = {**QUICK, "steps": 60, "lookback": 48, "known": ("open",), "season_length": 24}
        model = fc.Forecaster(HORIZON, model=name, **settings).fit(training)  # type: ignore[arg-type]
        found = model.predict(future=coming.drop(columns="y"))
        assert (found["forecast"] - coming["y"]).abs().mean() < 0.8
        assert same(fc.load(model.save("saved", overwrite=True)).predict(future=coming.drop(columns="y")), found)
