"""Tuning: a panel's own origins adapt the combiner, and rows that it is judged by are not learnt from."""

from __future__ import annotations

import contracts
import numpy as np
import pandas as pd
import pytest
import torch

import forecast as fc
from forecast.baselines.observed import filled
from forecast.combining.training import tuning
from forecast.combining.training.examples import Examples
from forecast.combining.training.panel_examples import examples_before
from forecast.combining.weights import fingerprint, shipped
from forecast.combining.zero import Zero
from forecast.datasets.panel import Panel
from forecast.datasets.synthetic import synthetic
from forecast.datasets.tables.columns import Columns
from forecast.datasets.tables.schema import panel_from_table
from forecast.datasets.windows.origins import Origins
from forecast.settings import Settings

HORIZON = 6


class Tuned(Zero):
    """`zero` with `tune="auto"`."""

    def __init__(self, horizon: int, **given: object) -> None:
        super().__init__(horizon, **{"tunes": True, **given})


@pytest.fixture(autouse=True)
def _few_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tuning, "STEPS", 40)


def _overshooting(n: int = 24, rows: int = 80) -> pd.DataFrame:
    """Series that fall back by half of every step: what came last misleads, and no smoothing knows how far."""
    random = np.random.default_rng(5)
    values = np.zeros((n, rows))
    for t in range(1, rows):
        values[:, t] = -0.9 * values[:, t - 1] + random.normal(size=n)
    times = np.tile(pd.date_range("2020-01-01", periods=rows), n)
    return pd.DataFrame(
        {"unique_id": np.repeat([f"s{i:02d}" for i in range(n)], rows), "ds": times, "y": 20 + values.ravel()}
    )


def _examples(panel: Panel) -> list[Examples]:
    model = Zero(HORIZON, season_length=7).fit(panel)
    return examples_before(model.trial, panel, Origins.last(panel), model.experience)


def test_contract() -> None:
    contracts.check_baseline(Tuned)


def test_it_gains_where_the_panel_is_unlike_what_was_learnt() -> None:
    panel = panel_from_table(_overshooting(), Columns())
    known = panel.truncate(panel.indptr[1:] - HORIZON)
    actual = filled(panel).reshape(panel.n_series, -1)[:, -HORIZON:]
    errors = []
    for kind in (Zero, Tuned):
        model = kind(HORIZON, season_length=7).fit(known)
        errors.append(np.abs(model.predict(known, Origins.last(known)).point - actual).mean())
    assert model.tuned_steps > 0
    assert errors[1] < 0.97 * errors[0]


def test_the_newest_origins_are_judged_by_rows_that_are_not_learnt() -> None:
    for examples in _examples(panel_from_table(synthetic(3, 90, seed=2), Columns())):
        learnt, checked = tuning.apart(examples)
        assert np.isfinite(learnt.actual).any()
        assert np.isfinite(checked.actual).any()
        row = examples.steps - examples.ahead[:, None]  # after the end of the history, (origins, steps)
        first_checked = (1 - examples.ahead)[np.isfinite(checked.actual).any(axis=(0, 2))].min()
        assert row[np.isfinite(learnt.actual).any(axis=0)].max() < first_checked
        assert first_checked <= 1 - HORIZON


def test_nothing_is_changed_where_nothing_is_better(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tuning, "LEARNING_RATE", 10.0)
    examples = _examples(panel_from_table(synthetic(3, 90, seed=2), Columns()))
    weights, steps = tuning.tune(shipped(), examples, [], seed=0)
    assert steps == 0
    assert fingerprint(weights) == fingerprint(shipped())


def test_a_seed_decides_and_nobody_elses_draws_are_moved() -> None:
    panel = panel_from_table(_overshooting(8), Columns())
    torch.manual_seed(3)
    before = torch.get_rng_state()
    one, same, other = (Tuned(HORIZON, season_length=7, seed=seed).fit(panel).weights for seed in (0, 0, 1))
    assert torch.equal(before, torch.get_rng_state())
    assert fingerprint(one) == fingerprint(same)
    assert fingerprint(one) != fingerprint(other)


def test_the_setting_reaches_the_model() -> None:
    assert Zero.make(Settings(horizon=3, tune="auto"), 1).tunes
    assert not Zero.make(Settings(horizon=3), 1).tunes
    table = synthetic(3, 60, seed=1)
    fc.Forecaster(HORIZON, model="zero", tune="auto").fit(table).predict()
    with pytest.raises(fc.ForecastError, match="tune"):
        fc.Forecaster(HORIZON, model="zero", tune="yes")


def test_short_and_single_histories() -> None:
    for rows in (2, 3, 8, 30):
        panel = panel_from_table(synthetic(1, rows, seed=1), Columns())
        found = Tuned(HORIZON, season_length=7).fit(panel).predict(panel, Origins.last(panel))
        assert np.isfinite(found.point).all()
