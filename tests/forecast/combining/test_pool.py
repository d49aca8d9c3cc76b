"""The pool and its tokens read nothing that comes after an origin."""

from __future__ import annotations

import numpy as np
import pytest

from forecast.baselines.smoothing.aligned import Aligned
from forecast.baselines.smoothing.choice import ladder, steps_compared
from forecast.baselines.smoothing.grid import Grid
from forecast.combining.experience import learn, unknown
from forecast.combining.pool import NAMES, SIMPLE, WORDS, kinds
from forecast.combining.tokens import WIDTH
from forecast.combining.view import View, look

HORIZON, SEASON = 6, 4
GRID = Grid.of(SEASON)


def _block(rows: int = 60, *, holes: bool = False) -> Aligned:
    random = np.random.default_rng(7)
    values = 30 + random.normal(size=(rows, 5)).cumsum(axis=0) + 4 * np.sin(np.arange(rows) * np.pi / 2)[:, None]
    values[:, 4] -= 30  # below zero, too
    observed = random.random((rows, 5)) > (0.25 if holes else 0.0)
    observed[:, 2] &= np.arange(rows) >= 45
    return Aligned(np.arange(5), np.where(observed, values, 0.0), observed, observed.argmax(axis=0))


def _cut(block: Aligned, end: int) -> Aligned:
    return Aligned(block.index, block.values[:end], block.observed[:end], np.minimum(block.first, end - 1))


def _look(block: Aligned) -> View:
    offsets, steps = ladder(HORIZON, SEASON), steps_compared(HORIZON)
    return look(block, GRID, offsets, steps, HORIZON, SEASON, unknown(GRID, len(offsets)))


@pytest.mark.parametrize("holes", [False, True])
@pytest.mark.parametrize("name", NAMES)
def test_no_forecast_reads_what_comes_later(name: str, *, holes: bool) -> None:
    block, slot = _block(holes=holes), NAMES.index(name)
    whole = _look(block)
    for at in range(len(whole.asked.ends) - 1):
        end = int(whole.asked.ends[at])
        poisoned = Aligned(block.index, block.values.copy(), block.observed, block.first)
        poisoned.values[end:] = np.where(block.observed[end:], 1e9, 0.0)
        for later in (_look(poisoned), whole):
            alive = block.first < end
            available = later.slots.available[at, alive, slot]
            assert np.array_equal(available, _look(_cut(block, end)).slots.available[-1, alive, slot])
        assert np.array_equal(_look(poisoned).slots.earlier[at, :, slot], whole.slots.earlier[at, :, slot])


def test_the_last_origin_is_the_history_alone() -> None:
    block = _block()
    whole = _look(block)
    for at in range(3, len(whole.asked.ends) - 1):
        end = int(whole.asked.ends[at])
        alone = _look(_cut(block, end))
        alive = block.first < end
        for name in SIMPLE:  # what is chosen among smoothings follows from origins before, and these move with the end
            slot = NAMES.index(name)
            there = whole.slots.available[at, alive, slot]
            found, expected = whole.slots.earlier[at, alive, slot], alone.slots.final[alive, slot]
            assert np.array_equal(found[there], expected[there]), name
        assert np.array_equal(whole.tokens.level[at, alive], alone.tokens.level[-1, alive])
        np.testing.assert_allclose(whole.tokens.unit[at, alive], alone.tokens.unit[-1, alive], rtol=1e-12)


def test_tokens_have_no_unit_and_are_bounded() -> None:
    block = _block()
    larger = Aligned(block.index, 1000 * block.values, block.observed, block.first)
    one, thousand = _look(block).tokens, _look(larger).tokens
    assert one.values.shape[2] == WIDTH
    assert np.abs(one.values).max() <= 8
    np.testing.assert_allclose(one.values, thousand.values, atol=2e-5)
    grown = block.first < _look(block).asked.ends[:, None] - 2  # shorter ones have no unit of their own
    np.testing.assert_allclose(1000 * one.unit[grown], thousand.unit[grown])
    np.testing.assert_allclose(1000 * one.level, thousand.level)


def test_every_smoothing_has_one_kind_and_every_slot_words() -> None:
    for season, longer in ((1, None), (12, None), (24, 168)):
        grid = Grid.of(season, longer)
        numbers = np.concatenate(list(kinds(grid).values()))
        assert sorted(numbers.tolist()) == list(range(len(grid)))
        assert set(kinds(grid)) <= set(NAMES)
    assert set(WORDS) == set(NAMES)


def test_simple_forecasts_by_hand() -> None:
    values = np.array([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 10.0, 12.0])[:, None]
    block = Aligned(np.arange(1), values, np.ones((10, 1), bool), np.zeros(1, np.int64))
    found = dict(zip(NAMES, _look(block).slots.final[0], strict=True))
    assert found["last"].tolist() == [12.0] * 6
    assert found["season"].tolist() == [7.0, 8.0, 10.0, 12.0, 7.0, 8.0]
    assert found["seasons"].tolist() == [5.0, 6.0, 7.5, 9.0, 5.0, 6.0]  # two whole seasons before the end
    # the last four rows sum to 37, the four before to 18: a season moves by 19 / 4
    assert found["moved"].tolist() == [11.75, 12.75, 14.75, 16.75, 16.5, 17.5]
    assert found["mean"].tolist() == pytest.approx([5.8] * 6)


def test_experience_is_of_the_panel() -> None:
    block = _block()
    offsets, steps = ladder(HORIZON, SEASON), steps_compared(HORIZON)
    whole = learn(lambda: [block], GRID, offsets, steps, SEASON)
    halves = [
        Aligned(block.index[part], block.values[:, part], block.observed[:, part], block.first[part])
        for part in (slice(0, 2), slice(2, 5))
    ]
    parts = learn(lambda: halves, GRID, offsets, steps, SEASON)
    np.testing.assert_allclose(whole.slots, parts.slots)
    np.testing.assert_allclose(whole.smoothings[-1].horizon, parts.smoothings[-1].horizon)
    known = whole.slots[-1][np.isfinite(whole.slots[-1])]
    assert 0.2 < np.median(known) < 2, "relative to the median forecast"
