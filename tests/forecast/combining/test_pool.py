"""The pool and its tokens read nothing that comes after an origin."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np
import pytest

from forecast.baselines.smoothing.aligned import Aligned
from forecast.baselines.smoothing.choice import ladder, steps_compared
from forecast.baselines.smoothing.grid import Grid
from forecast.combining.experience import learn, unknown
from forecast.combining.forecasters.simple import SIMPLE
from forecast.combining.pool import NAMES, WORDS, kinds
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
    return look(block, GRID, offsets, steps, HORIZON, SEASON, unknown(GRID, len(offsets), steps, SEASON, 0))


class _Looked(NamedTuple):
    """A block as a whole, and for each earlier origin with what comes later poisoned, and cut off."""

    block: Aligned
    whole: View
    poisoned: list[View]
    cut: list[View]


@cache
def _looked(*, holes: bool) -> _Looked:
    block = _block(holes=holes)
    whole = _look(block)
    poisoned, cut = [], []
    for end in whole.asked.ends[:-1]:
        held = Aligned(block.index, block.values.copy(), block.observed, block.first)
        held.values[end:] = np.where(block.observed[end:], 1e9, 0.0)
        poisoned.append(_look(held))
        cut.append(_look(_cut(block, int(end))))
    return _Looked(block, whole, poisoned, cut)


@pytest.mark.parametrize("holes", [False, True])
@pytest.mark.parametrize("name", NAMES)
def test_no_forecast_reads_what_comes_later(name: str, *, holes: bool) -> None:
    block, whole, every_poisoned, every_cut = _looked(holes=holes)
    slot = NAMES.index(name)
    for at, (poisoned, cut) in enumerate(zip(every_poisoned, every_cut, strict=True)):
        alive = block.first < whole.asked.ends[at]
        for later in (poisoned, whole):
            available = later.slots.available[at, alive, slot]
            assert np.array_equal(available, cut.slots.available[-1, alive, slot])
        assert np.array_equal(poisoned.slots.earlier[at, :, slot], whole.slots.earlier[at, :, slot])


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
    whole = learn(lambda: [block], GRID, offsets, steps, SEASON, 0, 5)
    halves = [
        Aligned(block.index[part], block.values[:, part], block.observed[:, part], block.first[part])
        for part in (slice(0, 2), slice(2, 5))
    ]
    parts = learn(lambda: halves, GRID, offsets, steps, SEASON, 0, 5)
    np.testing.assert_allclose(whole.slots, parts.slots)
    np.testing.assert_allclose(whole.smoothings[-1].horizon, parts.smoothings[-1].horizon)
    known = whole.slots[-1][np.isfinite(whole.slots[-1])]
    assert 0.2 < np.median(known) < 2, "relative to the median forecast"


def test_what_is_known_before_an_origin_follows_from_rows_before_it() -> None:
    block, offsets, steps = _block(), ladder(HORIZON, SEASON), steps_compared(HORIZON)
    whole = learn(lambda: [block], GRID, offsets, steps, SEASON, 0, 5)
    for at in (3, len(offsets) - 2):
        end = block.rows - int(offsets[at])
        poisoned = Aligned(block.index, block.values.copy(), block.observed, block.first)
        poisoned.values[end:] = 1e9
        found = learn(lambda held=poisoned: [held], GRID, offsets, steps, SEASON, 0, 5)
        assert np.array_equal(found.regression.earlier[: at + 1], whole.regression.earlier[: at + 1])
        assert not np.array_equal(found.regression.final, whole.regression.final)
        assert np.array_equal(found.slots[: at + 1], whole.slots[: at + 1], equal_nan=True)
        for one, other in zip(found.smoothings[: at + 1], whole.smoothings[: at + 1], strict=True):
            assert np.array_equal(one.horizon, other.horizon)
