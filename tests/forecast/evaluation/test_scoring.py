"""Scores of forecasts made earlier are those of the backtest that made them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

import forecast as fc
from forecast.datasets.synthetic import synthetic

H = 4
LEVELS = (0.05, 0.1, 0.5, 0.9, 0.95)


def _ragged(kind: str) -> pd.DataFrame:
    """Return three series that are not alike: other ends, other beginnings, holes."""
    table = synthetic(3, 60, seed=3, freq=None if kind == "integers" else "MS")
    row = table.groupby("unique_id").cumcount()
    name = table["unique_id"]
    if kind == "ragged":
        return table[((name != "s1") | (row < 53)) & ((name != "s2") | (row >= 47))].reset_index(drop=True)
    if kind == "holes":
        table["y"] = table["y"].mask((name == "s0") & row.isin([20, 55, 59]))
        return table[(name != "s1") | ~row.isin([30, 54])].reset_index(drop=True)
    return table


def _assert_equal(result: fc.Evaluation, scores: dict[str, Any]) -> None:
    assert set(scores) == set(result.models)
    for model, metrics in scores.items():
        both = metrics.keys() & result.models[model].keys()
        assert {"mase", "smape", "rmsse", "wape", "mape", "bias", "rmse"} <= both
        expected = {name: result.models[model][name] for name in both}
        assert {name: metrics[name] for name in both} == pytest.approx(expected, rel=1e-9, abs=1e-9, nan_ok=True)


@pytest.mark.parametrize("kind", ["even", "ragged", "holes", "integers"])
@pytest.mark.parametrize("gap", [0, 2])
@pytest.mark.parametrize("models", [["theta", "naive"], ["theta", "naive2"]])
def test_scores_equal_those_of_evaluate(kind: str, gap: int, models: list[str]) -> None:
    table = _ragged(kind)
    result = fc.evaluate(table, H, models=models, cutoffs=4, step=3, gap=gap, quantiles=LEVELS)
    assert result.forecasts is not None
    scores = fc.score(result.forecasts.sample(frac=1, random_state=0), table)
    _assert_equal(result, scores)
    assert {"wql", "crps", "coverage_80", "winkler_90"} <= scores["theta"].keys()
    assert ("owa" in scores["theta"]) == ("naive2" in models)


def test_a_horizon_that_reaches_beyond_a_series_end_is_scored_as_far_as_there_are_actuals() -> None:
    table = _ragged("ragged")
    start = table["ds"].sort_values().unique()[50]
    result = fc.evaluate(table, H, models=["theta", "drift"], start=start, quantiles=(0.1, 0.9))
    assert result.forecasts is not None
    assert result.forecasts["y"].isna().any()
    _assert_equal(result, fc.score(result.forecasts, table))


def test_without_a_column_model_the_metrics_are_of_all_forecasts(frame: pd.DataFrame) -> None:
    result = fc.evaluate(frame, H, models=["theta", "naive"], cutoffs=2, mase_season=1)
    assert result.forecasts is not None
    theta = result.forecasts[result.forecasts["model"] == "theta"]
    scores = fc.score(theta.drop(columns="model"), frame, mase_season=1)
    assert scores == pytest.approx({name: result.models["theta"][name] for name in scores})
    assert fc.score(theta, frame, mase_season=1) == {"theta": scores}


def test_models_without_quantiles_stand_beside_those_that_have_some(frame: pd.DataFrame) -> None:
    forecasts = fc.evaluate(frame, H, models=["theta", "naive"], quantiles=(0.1, 0.9)).forecasts
    assert forecasts is not None
    forecasts.loc[forecasts["model"] == "naive", ["q10", "q90"]] = np.nan
    scores = fc.score(forecasts, frame)
    assert "wql" in scores["theta"]
    assert "wql" not in scores["naive"]
    forecasts.loc[0, "q10"] = np.nan
    with pytest.raises(fc.ForecastError, match="row 1 is not finite"):
        fc.score(forecasts, frame)


def test_filled_in_targets_are_left_out(frame: pd.DataFrame) -> None:
    table = frame.assign(seen=frame.index % 7 != 0)
    result = fc.evaluate(table, H, models=["theta", "naive"], cutoffs=3, observed="seen")
    assert result.forecasts is not None
    _assert_equal(result, fc.score(result.forecasts, table, observed="seen"))


def test_other_names_are_those_of_the_actuals(frame: pd.DataFrame) -> None:
    one = frame[frame["unique_id"] == "s0"].set_index("ds")["y"].rename_axis("when")
    result = fc.evaluate(one, H, models=["theta", "naive"])
    assert result.forecasts is not None
    _assert_equal(result, fc.score(result.forecasts, one))
