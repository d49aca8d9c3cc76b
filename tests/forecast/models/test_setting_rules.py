"""Facts are measured on rows; rules fill in every open setting from them; an allowance limits a run."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from forecast.datasets.panel import Panel
from forecast.datasets.synthetic import random_walks, synthetic
from forecast.datasets.tables.columns import Columns
from forecast.datasets.tables.schema import panel_from_table
from forecast.datasets.windows.facts import Facts, best_base, is_intermittent
from forecast.models.deepar import RecursiveModel
from forecast.models.setting_rules import NO_LIMIT, RULES, Allowance, resolve
from forecast.settings import Settings


def _panel(*rows: list[float]) -> Panel:
    parts = [pd.DataFrame({"unique_id": f"s{k}", "ds": range(len(y)), "y": y}) for k, y in enumerate(rows)]
    return panel_from_table(pd.concat(parts), Columns())


def test_facts_are_counts_of_the_rows() -> None:
    facts = Facts.of(_panel([1.0, 2, 3], [1.0, 2, 3, 4, 5]), 2, 1)
    assert (facts.n_series, facts.n_rows, facts.length, facts.base) == (2, 8, 4, "last")


@pytest.mark.parametrize(
    ("demand", "intermittent"),
    [
        ([0.0, 0, 3, 0], True),
        ([1.0, 2, 0, 3], True),  # three demands in four steps: one in 1.33
        ([1.0, 2, 0, 3, 4], False),  # one in 1.25
        ([-1.0, 0, 0, 0], False),  # demand is never negative
    ],
)
def test_demand_is_intermittent_from_a_mean_interval_of_1_32(demand: list[float], intermittent: bool) -> None:
    assert is_intermittent(_panel(demand)) is intermittent


def test_the_base_is_what_forecasts_the_training_rows_best() -> None:
    seasons = panel_from_table(synthetic(3, 120, season_length=12, noise=0.01), Columns())
    walks = panel_from_table(random_walks(3, 120), Columns())
    assert best_base(seasons, 6, 12) == "season"
    assert best_base(seasons, 6, 1) == "last"
    assert best_base(walks, 6, 12) == "last"


def test_rules_leave_nothing_open_and_what_is_set_alone(panel: Panel) -> None:
    resolved, reasons = resolve(Settings(horizon=6, hidden_size=5), Facts.of(panel, 6, 12))
    assert not [name for name in RULES if getattr(resolved, name) in ("auto", None)]
    assert resolved.hidden_size == 5
    assert set(reasons) == set(RULES) - {"hidden_size"}


@pytest.mark.parametrize(
    ("length", "horizon", "n_series", "held"),
    [(23, 6, 1, 0), (24, 6, 1, 6), (400, 6, 1, 50), (400, 6, 1000, 30), (4000, 6, 2, 500)],
)
def test_validation_rows_grow_with_the_history(length: int, horizon: int, n_series: int, held: int) -> None:
    facts = Facts(
        n_series=n_series, n_rows=n_series * length, length=length, season_length=1, base="last", intermittent=False
    )
    assert resolve(Settings(horizon=horizon), facts)[0].val_size == held


def test_an_allowance_limits_steps_that_are_open_and_time() -> None:
    settings = Settings(horizon=6, max_time="60s")
    assert NO_LIMIT.limit(settings) == (settings, {})
    limited, reasons = Allowance(steps_share=0.25, seconds=1.5).limit(settings)
    assert (limited.steps, limited.max_time) == (200, "1.500s")
    assert reasons == {"steps": "preset balanced"}
    assert Allowance(steps_share=0.25).limit(Settings(horizon=6, steps=50))[0].steps == 50
    assert Allowance(steps_share=1e-9).limit(settings)[0].steps == 1


def test_planning_leaves_a_models_settings_as_they_are(panel: Panel) -> None:
    model = RecursiveModel("deepar", "lstm", Settings(horizon=6, head="normal"), 12)
    before = model.settings
    planned, reasons = model.plan(panel)
    assert model.settings is before
    assert (planned.segment, planned.lookback, planned.memory) == (1, 24, 24)
    assert {"lookback", "memory"} <= set(reasons)
    assert np.isfinite(planned.learning_rate)
