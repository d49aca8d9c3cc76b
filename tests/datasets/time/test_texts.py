"""Quarters, ISO weeks and offsets in text: read as the times that they are, and written in the same form again."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from house import QUICK, same

import forecast as fc
from forecast.datasets.errors import DataError

N = 60
BERLIN = pd.date_range("2024-03-30", periods=N + 2, freq="h", tz="Europe/Berlin")  # clocks change in it


def _fit(times: Any, **options: Any) -> fc.Forecaster:
    return fc.Forecaster(2, model="naive", **options).fit(
        pd.DataFrame({"ds": times, "y": np.arange(float(len(times)))})
    )


@pytest.mark.parametrize("form", ["%YQ%q", "%Y-Q%q", "%Y Q%q", "Q%q %Y", "Q%q-%Y", "Q%q/%Y"])
@pytest.mark.parametrize("named", [True, False])
def test_quarters_are_their_first_days_and_come_back_as_quarters(form: str, named: bool) -> None:
    quarters = pd.period_range("1990Q4", periods=N + 2, freq="Q")
    text = quarters.strftime(form).tolist()
    model = _fit(text[:N], **({"date_format": form} if named else {}))
    assert model.predict()["ds"].tolist() == text[N:]
    panel = model.panel(pd.DataFrame({"ds": text[:N], "y": 1.0}))
    assert panel.grid.freq.startswith("QS")
    assert panel.starts.view("datetime64[us]")[0] == quarters[0].start_time
    assert same(fc.load(model.save("quarters")).predict(), model.predict())


@pytest.mark.parametrize(
    ("form", "day"), [("{}-W{:02}", ""), ("{}W{:02}", ""), ("{}-W{:02}-{}", "1"), ("{}W{:02}{}", "4")]
)
def test_weeks_are_their_mondays_and_come_back_as_weeks(form: str, day: str) -> None:
    """2020 has 53 weeks, and its first begins in 2019."""
    days = pd.date_range("2019-12-30", periods=N + 2, freq="7D") + pd.Timedelta(days=int(day or 1) - 1)
    text = [form.format(*when.isocalendar()) for when in days]
    model = _fit(text[:N])
    assert model.predict()["ds"].tolist() == text[N:]
    panel = model.panel(pd.DataFrame({"ds": text[:N], "y": 1.0}))
    assert panel.grid.freq == ("W-THU" if day == "4" else "W-MON")
    assert panel.starts.view("datetime64[us]")[0] == days[0]


def test_days_of_weeks_are_days() -> None:
    days = pd.date_range("2020-12-25", periods=N + 2).strftime("%G-W%V-%u").tolist()
    assert _fit(days[:N]).predict()["ds"].tolist() == days[N:]


@pytest.mark.parametrize("bad", ["2021-W53", "2020-W54", "2020-W00", "2020-W7", "2020-03-01", ""])
def test_a_week_that_does_not_exist_is_named(bad: str) -> None:
    weeks = pd.date_range("2019-12-30", periods=N, freq="7D").strftime("%G-W%V").tolist()
    with pytest.raises(DataError, match=f"row 8 holds '{bad}'" if bad else "row 8 has no time"):
        _fit([*weeks[:7], bad, *weeks[8:]])


def test_a_quarter_that_does_not_exist_is_named() -> None:
    quarters = pd.period_range("1990Q1", periods=N, freq="Q").strftime("%YQ%q").tolist()
    with pytest.raises(DataError, match="row 8 holds '1991Q5'") as caught:
        _fit([*quarters[:7], "1991Q5", *quarters[8:]])
    assert "%YQ%q, as in the other rows" in str(caught.value)


@pytest.mark.parametrize("form", ["%Y-%m-%dT%H:%M:%S{}", "%Y-%m-%d %H:%M{}"])
@pytest.mark.parametrize("offset", ["Z", "+00:00", "+01:00", "-0330", "+05"])
def test_text_with_one_offset_comes_back_with_it(form: str, offset: str) -> None:
    text = pd.date_range("2024-03-30", periods=N + 2, freq="h").strftime(form.format(offset)).tolist()
    model = _fit(text[:N])
    assert model.predict()["ds"].tolist() == text[N:]
    assert model.notes_ == ()
    stamps = _fit(pd.DatetimeIndex(pd.to_datetime(pd.Series(text[:N]), format="ISO8601", utc=True))).predict()
    assert np.array_equal(model.predict()["forecast"], stamps["forecast"])
    assert (pd.to_datetime(model.predict()["ds"], format="ISO8601", utc=True) == stamps["ds"]).all()


def test_text_with_several_offsets_comes_back_in_utc_and_a_note_says_so() -> None:
    model = _fit([when.isoformat() for when in BERLIN[:N]])
    assert model.predict()["ds"].tolist() == [when.isoformat() for when in BERLIN[N:].tz_convert("UTC")]
    note = "times have several offsets (+01:00, +02:00) and no zone; forecasts are written in UTC (+00:00)"
    assert model.notes_ == (note,)


def test_the_future_may_have_another_offset_than_the_history() -> None:
    settings: dict[str, Any] = {**QUICK, "steps": 2, "model": "gru", "known": ("price",)}
    random = np.random.default_rng(0)
    winter, summer = BERLIN[:24], BERLIN[24:26]  # the clocks change within the first day of the two
    table = pd.DataFrame({"ds": [when.isoformat() for when in winter], "y": random.normal(size=24), "price": 1.0})
    future = pd.DataFrame({"ds": [when.isoformat() for when in summer], "price": [1.0, 2.0]})
    utc = future.assign(ds=[when.isoformat() for when in summer.tz_convert("UTC")])
    model = fc.Forecaster(2, **settings).fit(table)
    assert same(model.predict(future=future), model.predict(future=utc))
