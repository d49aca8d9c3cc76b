"""A blend of two parts is worked out by hand, and comes back from its state."""

from __future__ import annotations

from dataclasses import FrozenInstanceError

import numpy as np
import pytest

from forecast.automatic.blend import Blend, Committee
from forecast.baselines.simple import Naive, SeasonalNaive
from forecast.datasets.panel import Panel
from forecast.datasets.windows.origins import Origins
from forecast.protocol import Prediction
from forecast.settings import Settings

LEVELS = (0.1, 0.9)
TWO_ORIGINS = Origins(np.array([0, 1]), np.array([3, 83]))


class Fixed:
    """A part that always forecasts the same row, with quantiles 1 below and 2 above it."""

    def __init__(self, *row: float, levels: tuple[float, ...] = LEVELS, context: int | None = 5) -> None:
        self.row, self.levels, self.context, self.name = np.array(row), levels, context, "fixed"
        self.asked = 0

    def predict(self, panel: Panel, origins: Origins) -> Prediction:
        self.asked += 1
        point = np.tile(self.row, (len(origins), 1))
        quantiles = np.stack([point - 1, point + 2], axis=2) if self.levels else None
        return Prediction(point, self.levels, quantiles)

    def state(self) -> dict[str, np.ndarray]:
        return {"row": self.row}


def test_a_blend_of_two_parts_is_their_weighted_mean(panel: Panel) -> None:
    blend = Blend((Fixed(10.0, 20.0), Fixed(30.0, 0.0)), (0.25, 0.75))
    prediction = blend.predict(panel, TWO_ORIGINS)
    assert prediction.point.tolist() == [[25.0, 5.0]] * 2  # 10/4 + 90/4, 20/4 + 0
    assert prediction.levels == LEVELS
    assert prediction.quantiles is not None
    assert prediction.quantiles[0].tolist() == [[24.0, 27.0], [4.0, 7.0]]


def test_points_alone_blend_without_quantiles(panel: Panel) -> None:
    blend = Blend((Fixed(2.0, levels=()), Fixed(4.0, levels=())), (0.5, 0.5))
    prediction = blend.predict(panel, TWO_ORIGINS)
    assert prediction.point.tolist() == [[3.0]] * 2
    assert prediction.quantiles is None


def test_a_part_without_weight_is_not_asked(panel: Panel) -> None:
    silent = Fixed(1e9)
    assert Blend((silent, Fixed(4.0)), (0.0, 1.0)).predict(panel, TWO_ORIGINS).point.tolist() == [[4.0]] * 2
    assert silent.asked == 0


def test_a_committee_forecasts_its_median_quantile_by_quantile(panel: Panel) -> None:
    committee = Committee((Fixed(1.0), Fixed(2.0), Fixed(40.0)))  # type: ignore[arg-type]  # it only predicts
    prediction = committee.predict(panel, TWO_ORIGINS)
    assert prediction.point.tolist() == [[2.0]] * 2
    assert prediction.quantiles is not None
    assert prediction.quantiles[1].tolist() == [[1.0, 4.0]]


def test_a_blend_reads_what_its_most_curious_part_reads() -> None:
    assert Blend((Fixed(1.0, context=5), Fixed(1.0, context=9)), (0.5, 0.5)).context == 9
    assert Blend((Fixed(1.0, context=5), Fixed(1.0, context=None)), (0.5, 0.5)).context is None


def test_a_blend_is_a_value() -> None:
    blend = Blend.of([Fixed(1.0), None, Fixed(2.0)], np.array([0.25, 0.0, 0.75]))
    assert [len(blend.parts), blend.weights] == [2, (0.25, 0.75)]
    with pytest.raises(FrozenInstanceError, match="weights"):
        blend.weights = (1.0, 0.0)  # type: ignore[misc]


def test_a_blend_comes_back_from_its_state(panel: Panel) -> None:
    settings = Settings(horizon=4, blend="on", quantiles=LEVELS)
    naives = [kind(4, season_length=12, levels=LEVELS).fit(panel) for kind in (Naive, SeasonalNaive)]
    blend = Blend(tuple(naives), (0.3, 0.7))
    again = Blend.restore(blend.state(), settings, 12)
    assert again.weights == (0.3, 0.7)
    assert [part.name for part in again.parts] == ["naive", "seasonal_naive"]
    origins = Origins.last(panel)
    first, second = blend.predict(panel, origins), again.predict(panel, origins)
    assert np.array_equal(first.point, second.point)
    assert np.array_equal(first.quantiles, second.quantiles)  # type: ignore[arg-type]
