"""The smoothing bank: its filters against a loop written from the equations, its origins against truncated histories."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import forecast as fc
from forecast.baselines.smoothing.aligned import Aligned, aligned
from forecast.baselines.smoothing.bank import Smoothing
from forecast.baselines.smoothing.choice import Pooled, best, combined, ladder, scores, steps_compared, try_all
from forecast.baselines.smoothing.filters import Pass, smooth
from forecast.baselines.smoothing.grid import Grid, Part
from forecast.baselines.smoothing.start import Start
from forecast.datasets.errors import ModelError
from forecast.datasets.panel import Panel
from forecast.datasets.synthetic import synthetic
from forecast.datasets.tables.columns import Columns
from forecast.datasets.tables.schema import panel_from_table
from forecast.datasets.windows.origins import Origins

Values = np.ndarray
HORIZON = 8


def _panel(series: list[Values], freq: str = "MS") -> Panel:
    frames = [
        pd.DataFrame({"unique_id": f"s{k:03}", "ds": pd.date_range("2015-01-01", periods=len(y), freq=freq), "y": y})
        for k, y in enumerate(series)
    ]
    return panel_from_table(pd.concat(frames), Columns())


def _block(values: Values, observed: Values | None = None) -> Aligned:
    """Histories of one length, (rows, n)."""
    seen = np.ones(values.shape, bool) if observed is None else observed
    first = seen.argmax(axis=0)
    return Aligned(np.arange(values.shape[1]), np.where(seen, values, 0.0), seen, first)


def _by_the_book(y: Values, part: Part, number: int, start: Start, horizon: int) -> Values:
    """Smooth one series with one smoothing, row by row, as the innovations form is printed."""
    names = ("level", "trend", "damping", "season", "keeps", "shock")
    alpha, beta, phi, gamma, keeps, kappa = (float(getattr(part, name)[number]) for name in names)
    level, trend, shock = float(start.level[0]), 0.0, 0.0
    season = [list(pattern[:, 0]) for pattern in start.seasons]
    for t, value in enumerate(y):
        before = level + phi * trend
        if part.seasonal == "multiplicative":
            error = value / max(season[0][t % len(season[0])], 0.05) - before
        else:
            error = value - before - keeps * shock - sum(s[t % len(s)] for s in season)
        for s in season:
            gain = max(gamma, 1 / (t // len(s) + 1))
            old = s[t % len(s)]
            s[t % len(s)] = old + gain * (value / before - old if part.seasonal == "multiplicative" else error)
        taken = max(alpha, 1 / (t + 2)) * error
        level, trend, shock = before + taken, phi * trend + beta * taken, keeps * shock + kappa * error
    found = []
    for step in range(1, horizon + 1):
        row = len(y) + step - 1
        point = level + sum(phi**k for k in range(1, step + 1)) * trend + keeps**step * shock
        if part.seasonal == "multiplicative":
            point *= max(season[0][row % len(season[0])], 0.05)
        else:
            point += sum(s[row % len(s)] for s in season)
        found.append(point)
    return np.array(found)


def _smoothed(y: Values, part: Part, start: Start, origins: Values, steps: Values, horizon: int) -> Pass:
    done = Pass.empty(len(origins), len(steps), horizon, 1, len(part), len(part))
    smooth(_block(y[:, None]), part, start, origins, steps, 4, done)
    return done


@pytest.mark.parametrize("number", range(5))
def test_filters_do_what_the_equations_say(number: int) -> None:
    part = Grid.of(4).parts[number]
    random = np.random.default_rng(number)
    y = 20 + random.normal(size=60).cumsum() + 3 * np.sin(np.arange(60) * np.pi / 2)
    pattern = random.normal(1.0 if part.seasonal == "multiplicative" else 0.0, 0.1, (4, 1))
    start = Start(np.array([19.0]), (pattern,) if part.periods else ())
    done = _smoothed(y, part, start, np.array([40, 60]), np.array([1, 3]), HORIZON)
    without_drift = np.flatnonzero(part.drift == 0)
    for k in without_drift[:: max(1, len(without_drift) // 7)]:
        np.testing.assert_allclose(done.final[:, 0, k], _by_the_book(y, part, k, start, HORIZON), rtol=1e-9)
        np.testing.assert_allclose(
            done.forecasts[0, :, 0, k], _by_the_book(y[:40], part, k, start, 3)[[0, 2]], rtol=1e-9
        )


def test_drift_is_half_of_the_slope_of_the_line() -> None:
    part = Grid.of(1).parts[0]
    y = 5.0 + 2.0 * np.arange(400)
    start = Start(np.array([5.0]), ())
    done = _smoothed(y, part, start, np.array([400]), np.array([1]), 3)
    k = np.flatnonzero((part.drift > 0) & (part.level == 0.5))[0]
    # a level with gain .5 lags a line of slope 2 by 2; half the slope times (steps - 1 + 1 / gain) is added
    np.testing.assert_allclose(done.final[:, 0, k], y[-1] - 2 + 1.0 * (np.arange(3) + 2), rtol=1e-6)


@pytest.mark.parametrize("season", [1, 4, 12])
@pytest.mark.parametrize("holes", [False, True])
def test_an_origin_is_the_end_of_a_shorter_history(season: int, *, holes: bool) -> None:
    random = np.random.default_rng(season)
    rows = 70
    values = (
        50 + random.normal(size=(rows, 6)).cumsum(axis=0) + 5 * np.sin(2 * np.pi * np.arange(rows) / season)[:, None]
    )
    observed = random.random((rows, 6)) > (0.2 if holes else 0.0)
    observed[:, 3] &= np.arange(rows) >= 55  # a short one
    block = _block(values, observed)
    grid, offsets = Grid.of(season), ladder(HORIZON, season)
    whole = try_all(block, grid, offsets, steps_compared(HORIZON), HORIZON)
    for at in range(len(whole.ends) - 1):
        end = int(whole.ends[at])
        short = try_all(_block(values[:end], observed[:end]), grid, np.array([0]), steps_compared(HORIZON), HORIZON)
        there = whole.available[at]
        alive = block.first < end
        assert np.array_equal(there[alive], short.available[-1][alive])
        assert np.array_equal(whole.forecasts[at][:, there], short.final[:, there]), "nothing after an origin is read"


def test_the_best_are_those_that_did_best() -> None:
    rows = np.arange(120)
    line = _block((10.0 + 3.0 * rows)[:, None])
    tried = try_all(line, Grid.of(1), ladder(HORIZON, 1), steps_compared(HORIZON), HORIZON)
    at = len(tried.ends) - 1
    unknown = Pooled(np.ones(len(Grid.of(1))), np.ones(len(Grid.of(1))))
    point = combined(tried, at, best(scores(tried, at, unknown)))
    np.testing.assert_allclose(point[0], 10.0 + 3.0 * (120 + np.arange(HORIZON)), rtol=0.01)


def test_errors_are_those_of_the_steps_that_were_known() -> None:
    random = np.random.default_rng(1)
    values, observed = random.normal(size=(60, 3)).cumsum(axis=0) + 30, random.random((60, 3)) > 0.2
    observed[:, 1] &= np.arange(60) >= 40
    block, grid, steps = _block(values, observed), Grid.of(4), steps_compared(HORIZON)
    tried = try_all(block, grid, ladder(HORIZON, 4), steps, HORIZON)
    assert tried.forecasts is not None
    for at, series, k in ((3, 0, 0), (7, 1, 5), (len(tried.ends) - 1, 2, len(grid) - 1)):
        missed = [
            abs(tried.forecasts[earlier, step, series, k] - values[end + step, series])
            for earlier, end in enumerate(tried.ends[:at])
            for step in range(HORIZON)
            if end + step < tried.ends[at] and observed[end + step, series] and tried.available[earlier, series, k]
        ]
        assert tried.errors[at, series, k] == pytest.approx(np.mean(missed) if missed else np.nan, nan_ok=True)
    alone = try_all(block, grid, ladder(HORIZON, 4), steps, HORIZON, keep=False)
    assert alone.forecasts is None
    assert np.array_equal(alone.errors, tried.errors, equal_nan=True)


def test_ties_go_to_the_earlier_and_what_is_not_available_comes_last() -> None:
    score = np.random.default_rng(2).integers(0, 4, (50, 12)).astype(float)
    score[score == 3] = np.inf
    score[0] = np.inf
    assert np.array_equal(best(score), np.argsort(score, axis=1, kind="stable")[:, :10])
    assert best(score[:, :2], 3).shape == (50, 2)


def test_a_pattern_that_repeats_goes_on() -> None:
    pattern = np.array([3.0, 9.0, 4.0, 12.0])
    panel = _panel([np.tile(pattern, 12), 100 * np.tile(pattern, 12)], "QS")
    point = Smoothing(HORIZON, season_length=4).fit(panel).predict(panel, Origins.last(panel)).point
    np.testing.assert_allclose(point, np.stack([np.tile(pattern, 2), 100 * np.tile(pattern, 2)]), rtol=1e-6)


def test_hourly_rows_have_a_week() -> None:
    hours = np.arange(24 * 7 * 8)
    night = np.where((hours // 24) % 7 < 5, 10.0, 2.0) * (1.2 + np.sin(2 * np.pi * hours / 24))
    panel = _panel([night[: -24 * 7]], "h")
    model = Smoothing(24 * 7, season_length=24).fit(panel)
    assert model.week == 168
    point = model.predict(panel, Origins.last(panel)).point[0]
    plain = np.abs(night[-24 * 7 :] - np.tile(night[-24 * 8 : -24 * 7], 7)).mean()  # yesterday, repeated
    assert np.abs(point - night[-24 * 7 :]).mean() < 0.25 * plain
    assert Smoothing(6, season_length=12).fit(_panel([np.arange(40.0)])).week == 0


def test_the_panel_teaches_short_series() -> None:
    random = np.random.default_rng(5)
    pattern = 10 + 5 * np.sin(2 * np.pi * np.arange(12) / 12)
    long = [np.tile(pattern, 8) * random.uniform(1, 9) + random.normal(0, 0.5, 96) for _ in range(30)]
    short = (np.tile(pattern, 2) * 3)[:18] + random.normal(0, 0.5, 18)
    actual = 3 * np.tile(pattern, 3)[18:26]
    panel = _panel([*long, short])
    point = Smoothing(HORIZON, season_length=12).fit(panel).predict(panel, Origins.last(panel)).point[-1]
    lone = _panel([short])
    alone = Smoothing(HORIZON, season_length=12).fit(lone).predict(lone, Origins.last(lone)).point[0]
    assert np.abs(point - actual).mean() < np.abs(alone - actual).mean()


@pytest.mark.parametrize("noise", ["additive", "multiplicative"])
def test_intervals_hold(noise: str) -> None:
    random = np.random.default_rng(11)
    season = 10 + 4 * np.sin(2 * np.pi * np.arange(132) / 12)
    errors = random.normal(size=(200, 132))
    series = season + 1.5 * errors if noise == "additive" else season * np.exp(0.1 * errors)
    panel = _panel(list(series[:, :-12]))
    model = Smoothing(12, season_length=12, levels=(0.1, 0.9)).fit(panel)
    quantiles = model.predict(panel, Origins.last(panel)).quantiles
    assert quantiles is not None
    inside = (series[:, -12:] >= quantiles[:, :, 0]) & (series[:, -12:] <= quantiles[:, :, 1])
    assert 0.74 < inside.mean() < 0.88
    if noise == "additive":  # a width for each step, not for each phase
        assert (np.abs(inside.mean(axis=0) - 0.8) < 0.12).all()


def test_blocks_change_no_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    panel = panel_from_table(synthetic(9, 60, seed=3), Columns())
    model = Smoothing(HORIZON, season_length=7, levels=(0.1, 0.9)).fit(panel)
    whole = model.predict(panel, Origins.last(panel))
    monkeypatch.setattr("forecast.baselines.smoothing.bank.NUMBERS_AT_ONCE", 1)
    one_by_one = model.predict(panel, Origins.last(panel))
    assert np.array_equal(whole.point, one_by_one.point)
    assert np.array_equal(whole.quantiles, one_by_one.quantiles)


def test_blocks_hold_similar_lengths_and_end_together() -> None:
    panel = _panel([np.arange(5.0), np.arange(50.0), np.arange(7.0)])
    blocks = list(aligned(panel, Origins.last(panel), 20, 2))
    assert [block.index.tolist() for block in blocks] == [[0, 2], [1]]
    assert [block.lengths.tolist() for block in blocks] == [[5, 7], [20]]
    assert blocks[0].values[-1].tolist() == [4.0, 6.0]
    assert not blocks[0].observed[0, 0]


def test_a_changed_state_is_refused() -> None:
    panel = _panel([np.arange(40.0)])
    state = Smoothing(3, season_length=12).fit(panel).state()
    for name, array in (("week", np.array([5])), ("week", np.array([84])), ("horizon_errors", np.ones(3))):
        with pytest.raises(ModelError, match=name if name != "week" else "week|errors"):
            Smoothing(3, season_length=12).restore({**state, name: array})
    with pytest.raises(ModelError, match="week"):
        Smoothing(3, season_length=12).restore({k: v for k, v in state.items() if k != "week"})


def test_by_name() -> None:
    table = synthetic(3, 60, seed=3)
    found = fc.Forecaster(6, model="ets", quantiles=(0.1, 0.5, 0.9)).fit(table).predict()
    assert np.isfinite(found["forecast"]).all()
    assert (found["q10"] <= found["q90"]).all()
