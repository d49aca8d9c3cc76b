"""What `auto` does for histories of 1, 3, 10 and 100 horizons, each decision stated as a table."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from forecast.automatic.companions import choose_blend
from forecast.automatic.members import kinds_of_networks
from forecast.automatic.short_history import (
    horizons_of_history,
    prior_weights,
    prior_worth,
    spares_first_rows,
    trees_join,
)
from forecast.datasets.panel import Panel
from forecast.datasets.synthetic import synthetic
from forecast.datasets.tables.columns import Columns
from forecast.datasets.tables.schema import panel_from_table
from forecast.settings import Settings

HORIZON = 6


def _panel(horizons: int, n_series: int) -> Panel:
    return panel_from_table(synthetic(n_series, horizons * HORIZON, seed=1, freq=None), Columns())


@pytest.mark.parametrize(
    ("horizons", "n_series", "counted"),
    [
        (1, 1000, 1.0),  # 6000 rows teach fully
        (3, 1000, 3.0),
        (10, 100, 10.0),
        (100, 10, 100.0),
        (100, 1, 12.0),  # 600 of 5000 rows: an eighth of what long histories promise
        (10, 1, 0.12),
    ],
)
def test_horizons_are_counted_as_far_as_they_teach(horizons: int, n_series: int, counted: float) -> None:
    panel = _panel(horizons, n_series)
    assert horizons_of_history(panel, HORIZON, "season") == pytest.approx(counted)
    assert horizons_of_history(panel, HORIZON, "last") == pytest.approx(min(counted, 8.0)), "nothing returns"


@pytest.mark.parametrize(
    ("horizons", "alone", "on", "boosted"),
    [  # the networks' weight beside no, one trusted and two trusted companions
        (1, 1.0, 1 / 2, 1 / 3),
        (3, 1.0, 1 / 2, 1 / 3),
        (8, 1.0, 1 / 2, 1 / 2),  # equal trust
        (10, 1.0, 10 / 18, 10 / 18),
        (100, 1.0, 100 / 108, 100 / 108),
    ],
)
def test_networks_are_trusted_more_the_longer_histories_are(
    horizons: float, alone: float, on: float, boosted: float
) -> None:
    assert prior_weights(1, 0, 0, horizons).tolist() == [alone]
    assert prior_weights(1, 3, 1, horizons) == pytest.approx([on, 1 - on, 0, 0])
    half = (1 - boosted) / 2
    assert prior_weights(2, 4, 2, horizons) == pytest.approx([boosted / 2, boosted / 2, half, half, 0, 0])


@pytest.mark.parametrize(
    ("horizons", "origins"), [(1, 6.0), (3, 6.0), (8, 6.0), (10, 6 * 1.25**0.5), (32, 12.0), (100, 6 * 12.5**0.5)]
)
def test_the_prior_is_worth_more_origins_the_longer_histories_are(horizons: float, origins: float) -> None:
    assert prior_worth(horizons) == pytest.approx(origins)


@pytest.mark.parametrize(
    ("rows", "horizons", "join"),
    [
        (199, 1, False),  # too few rows to learn from
        (200, 1, True),
        (6000, 3, True),
        (50_000, 10, True),
        (50_000, 12.1, False),
        (20_000, 100, True),  # cheap
        (20_001, 100, False),
    ],
)
def test_trees_join_where_histories_are_short_or_trees_are_cheap(rows: int, horizons: float, join: bool) -> None:
    assert trees_join(rows, horizons) is join


@pytest.mark.parametrize(
    ("horizons", "spares"), [(1, False), (3, False), (10, False), (23, False), (24, True), (100, True)]
)
def test_four_lookbacks_spare_their_first_rows(horizons: int, spares: bool) -> None:
    assert spares_first_rows(_panel(horizons, 2), lookback=36) is spares


@pytest.mark.parametrize(
    ("horizons", "n_series", "blend", "kinds"),
    [
        (1, 40, "boosted", 1),
        (1, 4, "on", 1),  # 24 rows are too few for trees
        (3, 40, "boosted", 1),
        (10, 40, "boosted", 1),
        (100, 4, "boosted", 2),  # 2400 rows, so trees are cheap
        (100, 40, "on", 2),
    ],
)
def test_blend_and_kinds_follow_from_the_history(horizons: int, n_series: int, blend: str, kinds: int) -> None:
    panel, settings = _panel(horizons, n_series), Settings(horizon=HORIZON)
    assert choose_blend(settings, panel, "season")[0] == blend
    planned = Settings(horizon=HORIZON, lookback=36, segment=6, origins=5, members=2, base="season")
    assert len(kinds_of_networks(settings, planned, panel)) == kinds


def test_what_the_user_fixes_is_obeyed() -> None:
    panel = _panel(100, 4)
    assert choose_blend(Settings(horizon=HORIZON, blend="off"), panel, "season") == ("off", "set by the user")
    assert choose_blend(Settings(horizon=HORIZON, preset="fast"), panel, "season")[0] == "on", "there is no time"
    assert choose_blend(Settings(horizon=HORIZON, max_time="59s"), panel, "season")[0] == "on"
    assert choose_blend(Settings(horizon=HORIZON, max_time="60s"), panel, "season")[0] == "boosted"
    planned = Settings(horizon=HORIZON, lookback=36, segment=6, origins=5, members=2, base="season")
    assert len(kinds_of_networks(Settings(horizon=HORIZON, origins=5), planned, panel)) == 1


def test_intermittent_demand_has_companions_of_its_own() -> None:
    demand = np.tile([0.0, 0, 0, 2], 20)
    table = pd.DataFrame({"unique_id": "a", "ds": np.arange(80), "y": demand})
    assert choose_blend(Settings(horizon=4), panel_from_table(table, Columns()), "last")[0] == "intermittent"
