"""What a table lacks at its end, series without any value, and filled-in values: each is said, and none is read."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from house import MODELS, QUICK, same

import forecast as fc
from forecast.datasets.errors import DataError


@pytest.fixture
def table() -> pd.DataFrame:
    """Three series of sixty days with a weekly wave."""
    days = pd.date_range("2024-01-01", periods=60)
    wave = 10 + 3 * np.sin(2 * np.pi * np.arange(60) / 7)
    return pd.DataFrame({"unique_id": np.repeat(list("abc"), 60), "ds": np.tile(days, 3), "y": np.tile(wave, 3)})


def test_late_data_forecast_from_the_grids_end(table: pd.DataFrame) -> None:
    late = table.assign(y=table["y"].mask(table["ds"] > "2024-02-24"))
    model = fc.Forecaster(7, model="seasonal_naive").fit(late)
    assert any("the newest 5 rows of every series have no value" in note for note in model.notes_)
    found = model.predict()
    assert found["ds"].min() == pd.Timestamp("2024-03-01")
    day = (found["ds"] - pd.Timestamp("2024-01-01")).dt.days
    np.testing.assert_allclose(found["forecast"], 10 + 3 * np.sin(2 * np.pi * day / 7), atol=1e-6)
    assert not any("newest" in note for note in fc.Forecaster(7, model="naive").fit(table).notes_)
    one = table.assign(y=table["y"].mask((table["unique_id"] == "b") & (table["ds"] > "2024-02-24")))
    assert not any("newest" in note for note in fc.Forecaster(7, model="naive").fit(one).notes_)


def test_series_without_a_value_are_skipped_where_that_is_wanted(table: pd.DataFrame) -> None:
    empty = table.assign(y=table["y"].mask(table["unique_id"] == "b"))
    with pytest.raises(DataError, match="1 problem") as caught:
        fc.Forecaster(3, model="naive").fit(empty)
    assert caught.value.problems[0].series == "b"
    assert "--on-empty skip" in str(caught.value.problems[0].remedy)
    model = fc.Forecaster(3, model="naive", on_empty="skip").fit(empty)
    assert "1 series without any value are skipped: 'b'" in model.notes_
    expected = fc.Forecaster(3, model="naive").fit(table[table["unique_id"] != "b"]).predict()
    assert same(model.predict(), expected)
    assert same(model.predict(empty), expected)
    assert set(model.evaluate(empty).forecasts["unique_id"]) == {"a", "c"}
    with pytest.raises(DataError):
        fc.Forecaster(3, model="naive", on_empty="skip").fit(table.assign(y=np.nan))


CALIBRATED = [(name, kind) for name in ("gru", "auto", "theta", "boosting") for kind in ("split", "adaptive")]


@pytest.mark.parametrize(("name", "calibrate"), [*((name, "none") for name in MODELS), *CALIBRATED])
def test_a_filled_in_value_is_read_nowhere(table: pd.DataFrame, name: str, calibrate: str) -> None:
    """Whatever stands where `observed` is false: fit, forecast, calibration, paths and scores keep every bit."""
    hidden = (table.index % 13 == 5) | ((table["unique_id"] == "b") & (table["ds"] > "2024-02-26"))
    given = {**QUICK, "model": name, "observed": "seen", "quantiles": (0.1, 0.9), "calibrate": calibrate}
    if name == "deepar":
        given |= {"head": "normal", "quantiles": ()}
    found = []
    for value in (np.nan, -1e9):
        filled = table.assign(seen=~hidden, y=table["y"].mask(hidden, value))
        model = fc.Forecaster(5, **given).fit(filled)
        found.append((model.predict(samples=3), model.predict(filled), model.reasons_))
        if name in ("gru", "auto", "theta", "boosting"):
            scores = fc.evaluate(filled, 5, models=[name], **{k: v for k, v in given.items() if k != "model"}).metrics
            found[-1] += (pd.Series(scores),)  # type: ignore[assignment]
    assert same(found[0][0], found[1][0])
    assert same(found[0][1], found[1][1])
    assert found[0][2] == found[1][2]
    for left, right in zip(found[0][3:], found[1][3:], strict=True):
        pd.testing.assert_series_equal(left, right, check_exact=True)
