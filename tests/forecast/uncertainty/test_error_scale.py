"""Errors are larger where the season, or the time, is rough: what is learnt of it, and what calibration makes of it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import forecast as fc
from forecast.datasets.panel import Panel
from forecast.datasets.tables.columns import Columns
from forecast.datasets.tables.schema import panel_from_table
from forecast.datasets.windows.origins import Origins
from forecast.uncertainty.error_scale import exponents, growth, roughness_ratios

SEASON = 24


def _cycle(seed: int, rows: int = 960, quiet: float = 1.0) -> pd.DataFrame:
    """Ten series of noise that is three times as loud in the second half of each day."""
    generator, hour = np.random.default_rng(seed), np.tile(np.arange(rows) % SEASON, 10)
    values = 20 + np.where(hour < SEASON / 2, quiet, 3.0) * generator.normal(size=10 * rows)
    times = np.tile(pd.date_range("2024-01-01", periods=rows, freq="h"), 10)
    return pd.DataFrame({"unique_id": np.repeat([f"s{k}" for k in range(10)], rows), "ds": times, "y": values})


def _panel(table: pd.DataFrame) -> Panel:
    return panel_from_table(table, Columns())


def test_the_ratios_know_the_loud_hours_and_read_nothing_after_an_origin() -> None:
    table = _cycle(0)
    panel = _panel(table)
    origins = Origins(np.arange(10), panel.indptr[:-1] + 720)
    ratios = roughness_ratios(panel, origins, SEASON, SEASON)
    loud = np.arange(SEASON) >= SEASON / 2
    assert ratios[:, loud, 0].mean() - ratios[:, ~loud, 0].mean() > 0.5
    later = table.groupby("unique_id").cumcount() >= 720
    spoilt = _panel(table.assign(y=table["y"].where(~later, 1e6)))
    np.testing.assert_array_equal(roughness_ratios(spoilt, origins, SEASON, SEASON), ratios)
    np.testing.assert_array_equal(roughness_ratios(panel, origins[3:4], SEASON, SEASON), ratios[3:4])


@pytest.mark.parametrize("power", [0.0, 0.6])
def test_exponents_say_how_much_errors_follow(power: float) -> None:
    generator = np.random.default_rng(0)
    ratios = generator.normal(size=(400, 6, 2))
    scores = generator.normal(size=(400, 6)) * growth(ratios, np.array([power, 0.0]))
    np.testing.assert_allclose(exponents(ratios, scores, np.ones(400)), [power, 0], atol=0.06)
    assert not exponents(ratios, np.full((400, 6), np.nan), np.ones(400)).any()


@pytest.mark.parametrize("kind", ["split", "adaptive"])
def test_intervals_follow_a_variance_that_cycles(kind: str) -> None:
    covered, widths = [], []
    for seed in range(3):
        settings = {"models": "seasonal_naive", "season_length": SEASON, "quantiles": (0.1, 0.9), "calibrate": kind}
        found = fc.evaluate(_cycle(seed), SEASON, cutoffs=8, **settings).forecasts
        covered.append(found["y"].between(found["q10"], found["q90"]).mean())
        loud = found["ds"].dt.hour >= SEASON / 2
        width = found["q90"] - found["q10"]
        widths.append(width[loud].mean() / width[~loud].mean())
    assert 0.77 < np.mean(covered) < 0.83
    assert np.mean(widths) > 1.2


@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_flat_gappy_and_short_series_are_calibrated_without_a_warning() -> None:
    table = _cycle(0, 96)
    row = table.groupby("unique_id").cumcount()
    name = table["unique_id"]
    table.loc[name == "s0", "y"] = 5.0
    table.loc[(name == "s1") & (row >= 90), "y"] = np.nan
    table.loc[(name == "s2") & (row % 2 == 1), "y"] = np.nan
    table = table[(name != "s3") | (row < 30)]
    for kind in ("split", "adaptive"):
        settings = {"model": "seasonal_naive", "season_length": SEASON, "calibrate": kind}
        model = fc.Forecaster(6, quantiles=(0.1, 0.9), **settings).fit(table)
        found = model.predict()
        assert np.isfinite(found[["forecast", "q10", "q90"]]).all(axis=None)
        alone = model.predict(table[table["unique_id"] == "s4"])
        expected = found[found["unique_id"] == "s4"].reset_index(drop=True)
        pd.testing.assert_frame_equal(alone.reset_index(drop=True), expected, check_exact=True)
