"""A model is chosen by what was known then, and scored by what came after: numbers by hand, by pandas, and by poison."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from forecast.datasets.errors import ConfigError
from forecast.datasets.synthetic import synthetic
from forecast.evaluation.result import Evaluation
from forecast.evaluator import Rules, backtest_of, named_candidates, run_backtest
from forecast.forecaster import Forecaster
from forecast.jobs.choosing import Choice, choose
from forecast.jobs.kept import Kept

BY_HAND = [10, 11, 12, 13, 13, 14, 17, 20, 23, 23.0]  # three cutoffs of two steps, the first after the fourth row
MODELS = ("naive", "drift", "theta")


def _chosen(
    table: pd.DataFrame, models: tuple[Any, ...], *, metric: str | None = None, settings: Any = None, **rules: Any
) -> tuple[Choice, Evaluation]:
    kept, values = Kept(), {"horizon": rules["horizon"], **(settings or {})}
    candidates = named_candidates(list(models), values, rules["horizon"] + rules.get("gap", 0))
    backtest = backtest_of(table, candidates, Rules(**rules), watch=kept)
    evaluation = run_backtest(backtest)
    return choose(evaluation, backtest, kept, metric), evaluation


def _series(values: list[float]) -> pd.DataFrame:
    return pd.DataFrame({"ds": range(1, len(values) + 1), "y": values})


def test_numbers_by_hand() -> None:
    """Seasons have one step, and the scale, from 10 to 13, is 1; errors are those of the last value and of the drift."""
    choice, _ = _chosen(_series(BY_HAND), ("naive", "drift"), horizon=2, cutoffs=3, settings={"season_length": 1})
    second, third = choice.by_cutoff
    assert (second.cutoff, second.time, second.model) == (1, "6", "naive")
    assert second.scores == pytest.approx({"naive": 0.5, "drift": 1.0})  # (0 + 1) / 2 and (1 + 1) / 2
    assert (third.cutoff, third.time, third.model) == (2, "8", "drift")
    assert third.scores == pytest.approx({"naive": 2.5, "drift": 2.15})  # (0 + 1 + 3 + 6) / 4, (1 + 1 + 2.2 + 4.4) / 4
    assert choice.metrics["mase"] == pytest.approx((3 + 6 + 11 / 7 + 1 / 7) / 4)  # naive's errors, then the drift's
    assert choice.models["naive"]["mase"] == pytest.approx((3 + 6 + 3 + 3) / 4)
    assert choice.baselines["seasonal_naive"]["mase"] == choice.models["naive"]["mase"]
    assert (choice.n_forecasts, choice.model, choice.times_chosen) == (4, "drift", 1)


def test_scores_are_those_of_the_logged_forecasts() -> None:
    """Pandas computes them again: means over series of the means of each, with scales from before the first cutoff."""
    table = synthetic(4, 60, seed=3)
    choice, evaluation = _chosen(table, MODELS, horizon=4, cutoffs=4)
    forecasts = evaluation.forecasts
    assert forecasts is not None
    first = forecasts.groupby("unique_id")["cutoff"].min()
    history = table[table["ds"] <= table["unique_id"].map(first)]
    season = evaluation.outcomes["naive"].fitted.season_length
    scale = history.groupby("unique_id")["y"].apply(lambda y: y.diff(season).abs().mean())
    error = (forecasts["forecast"] - forecasts["y"]).abs() / forecasts["unique_id"].map(scale)
    rows = forecasts.assign(error=error, number=forecasts["cutoff"].rank(method="dense").astype(int) - 1)

    def mase(part: pd.DataFrame) -> float:
        return float(part.groupby("unique_id")["error"].mean().mean())

    parts = []
    for chosen in choice.by_cutoff:
        before = rows[rows["number"] < chosen.cutoff]
        scores = {model: mase(before[before["model"] == model]) for model in MODELS}
        assert chosen.scores == pytest.approx(scores, rel=1e-5)
        assert chosen.model == min(scores, key=lambda model: scores[model])
        parts.append(rows[(rows["number"] == chosen.cutoff) & (rows["model"] == chosen.model)])
    composed = pd.concat(parts)
    assert choice.metrics["mase"] == pytest.approx(mase(composed), rel=1e-5)
    assert choice.n_forecasts == len(composed) == 3 * 4 * 4
    assert choice.model == evaluation.best


@pytest.mark.parametrize(("step", "gap"), [(1, 0), (2, 1), (3, 0)])
@pytest.mark.parametrize("poison", [np.nan, 1e9])
def test_nothing_after_a_cutoff_touches_what_is_chosen_there(step: int, gap: int, poison: float) -> None:
    """Horizons reach beyond the next cutoffs, so that the actuals of earlier forecasts lie after them, too."""
    table, rules = synthetic(3, 40, seed=8), {"horizon": 3, "cutoffs": 5, "step": step, "gap": gap}
    clean, evaluation = _chosen(table, MODELS, **rules)
    assert evaluation.forecasts is not None
    times = np.sort(evaluation.forecasts["cutoff"].unique())
    assert len({chosen.model for chosen in clean.by_cutoff}) > 1, "there is something to choose"
    for number in range(1, 5):
        after = table.assign(y=table["y"].mask(table["ds"] > times[number], poison))
        again, _ = _chosen(after, MODELS, **rules)
        known = [chosen for chosen in clean.by_cutoff if chosen.cutoff <= number]
        assert [chosen for chosen in again.by_cutoff if chosen.cutoff <= number] == known


def test_one_model_is_scored_everywhere_as_it_was_evaluated() -> None:
    settings = {"quantiles": (0.1, 0.9)}
    choice, evaluation = _chosen(synthetic(3, 60, seed=1), ("theta",), horizon=3, cutoffs=3, settings=settings)
    assert [chosen.cutoff for chosen in choice.by_cutoff] == [0, 1, 2]
    assert choice.metrics == choice.models["theta"] == pytest.approx(evaluation.metrics)
    assert choice.baselines["naive2"] == pytest.approx(evaluation.baselines["naive2"])
    assert {"owa", "coverage_80"} <= choice.metrics.keys()
    assert choice.best == "theta"


def test_a_metric_of_the_users_chooses() -> None:
    rules: dict[str, Any] = {"horizon": 2, "cutoffs": 3, "settings": {"season_length": 1}}
    choice, _ = _chosen(_series(BY_HAND), ("naive", "drift"), metric="bias", **rules)
    assert choice.by_cutoff[0].scores == pytest.approx({"naive": -0.5, "drift": 1.0})
    assert choice.by_cutoff[0].model == "naive", "the bias nearest to zero"
    choice, _ = _chosen(synthetic(2, 60, seed=1), ("naive", "theta"), metric="owa", horizon=3, cutoffs=3)
    assert choice.model == "theta"
    assert choice.by_cutoff[0].scores["theta"] < choice.by_cutoff[0].scores["naive"]


def test_levels_that_not_all_models_have_are_not_scored() -> None:
    with_levels = Forecaster(3, model="theta", quantiles=(0.1, 0.9))
    good, _ = _chosen(synthetic(2, 60, seed=1), (Forecaster(3, model="naive"), with_levels), horizon=3, cutoffs=3)
    assert {chosen.model for chosen in good.by_cutoff} == {"theta"}
    assert "coverage_80" in good.metrics
    poor = Forecaster(3, model="naive", quantiles=(0.1, 0.9))
    mixed, _ = _chosen(_series(BY_HAND), (poor, Forecaster(2, model="drift", season_length=1)), horizon=2, cutoffs=3)
    assert {chosen.model for chosen in mixed.by_cutoff} == {"naive", "drift"}
    assert "wql" in mixed.models["naive"]
    assert "wql" not in mixed.metrics


def test_there_must_be_something_to_choose_by() -> None:
    with pytest.raises(ConfigError, match="no actual was known before any cutoff"):
        _chosen(synthetic(1, 40, seed=1), ("naive", "theta"), horizon=3, cutoffs=2, step=1, gap=2)
