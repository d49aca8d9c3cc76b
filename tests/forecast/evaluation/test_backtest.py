"""Rolling origins: what is scored is what a user would have got, to the last bit."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from house import MODELS, QUICK, same

import forecast as fc
from forecast.datasets.errors import ConfigError, DataError, ModelError
from forecast.evaluation.metrics import Points

H = 5


@pytest.mark.parametrize("model", ["gru", "theta", "boosting", "seasonal_naive"])
def test_evaluate_is_fit_on_the_truncated_table_and_predict(model: str, frame: pd.DataFrame) -> None:
    ragged = frame[(frame["unique_id"] != "s1") | (frame["ds"] < "2006-03-01")]
    result = fc.evaluate(ragged, H, models=model, cutoffs=3, refit="each", **QUICK)
    assert result.forecasts is not None
    last = ragged.groupby("unique_id")["ds"].transform("max")
    for number, cutoff in enumerate((15, 10, 5)):
        known = ragged[ragged["ds"] <= last - pd.DateOffset(months=cutoff)]
        expected = fc.Forecaster(H, model=model, **QUICK).fit(known).predict()
        part = result.forecasts.groupby("unique_id")["cutoff"].transform(lambda c: c.rank(method="dense")) == number + 1
        assert same(result.forecasts[part][["unique_id", "ds", "forecast"]].reset_index(drop=True), expected)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("poison", [np.nan, 1e9])
def test_nothing_after_a_cutoff_changes_a_bit(model: str, poison: float, frame: pd.DataFrame) -> None:
    """The first cutoff of two: fitted before it, it must not know what comes after."""
    asked = {"cutoffs": 2, "quantiles": (0.1, 0.9), **QUICK}
    clean = fc.evaluate(frame, H, models=model, **asked)
    # the newest rows stay, so that the table has the same rows; between them and the cutoff all is poison
    row = frame.groupby("unique_id").cumcount()
    after = (row >= 70) & (row < 79)
    spoilt = fc.evaluate(frame.assign(y=frame["y"].mask(after, poison)), H, models=model, **asked)
    assert clean.forecasts is not None
    assert spoilt.forecasts is not None
    names = ["unique_id", "ds", "forecast", "q10", "q90"]
    first = clean.forecasts["cutoff"] == clean.forecasts["cutoff"].min()
    assert same(clean.forecasts[first][names], spoilt.forecasts[first][names])
    left, right = clean.fitted.resolved, spoilt.fitted.resolved
    assert left == right, "no setting was taken from later rows"


def test_fit_and_predict_read_nothing_after_the_last_row(frame: pd.DataFrame) -> None:
    """Rows without a target after the end are the future; the model fitted before them is the same."""
    known = frame[frame["ds"] < "2005-01-01"]
    plain = fc.Forecaster(H, model="gru", **QUICK).fit(known)
    newer = plain.predict(frame)
    again = fc.Forecaster(H, model="gru", **QUICK).fit(known.sample(frac=1, random_state=0))
    assert same(again.predict(frame), newer)


def test_by_hand() -> None:
    table = pd.DataFrame({"ds": range(1, 11), "y": np.arange(1.0, 11)})
    result = fc.evaluate(table, 2, models="naive", cutoffs=2, gap=1, season_length=1)
    assert result.forecasts is not None
    assert result.forecasts["cutoff"].tolist() == [5, 5, 7, 7]
    assert result.forecasts["ds"].tolist() == [7, 8, 9, 10]
    assert result.forecasts["forecast"].tolist() == [5, 5, 7, 7]
    assert result.forecasts["y"].tolist() == [7, 8, 9, 10]
    assert result.metrics["mae"] == 2.5
    assert result.metrics["mase"] == 2.5
    assert result.by_horizon["mae"].tolist() == [2, 3]
    assert result.by_cutoff["mae"].tolist() == [2.5, 2.5]


def test_leaderboard_and_references(frame: pd.DataFrame) -> None:
    result = fc.evaluate(frame, H, models=["theta", "naive"], cutoffs=2)
    assert set(result.leaderboard["model"]) == {"theta", "naive", "seasonal_naive", "naive2"}
    assert result.leaderboard["mase"].is_monotonic_increasing
    assert result.best == result.leaderboard["model"][result.leaderboard["model"].isin(["theta", "naive"])].iloc[0]
    assert result.baselines["naive2"]["smape"] > 0
    owa = (result.metrics["smape"] / result.baselines["naive2"]["smape"]) / 2
    owa += (result.metrics["mase"] / result.baselines["naive2"]["mase"]) / 2
    assert result.metrics["owa"] == pytest.approx(owa)
    assert "seasonal naive" in result.summary


def test_groups_of_a_static_column(frame: pd.DataFrame) -> None:
    table = frame.assign(store=frame["unique_id"].map({"s0": "x", "s1": "x", "s2": "y"}))
    result = fc.evaluate(table, H, models="theta", static=("store",))
    groups = result.by("store").set_index("store")["mae"]
    assert groups["x"] == pytest.approx(result.by_series["mae"][:2].mean())
    with pytest.raises(KeyError, match="Static columns: store"):
        result.by("city")


def test_output_goes_to_a_file(frame: pd.DataFrame) -> None:
    kept = fc.evaluate(frame, H, models=["theta", "naive"], cutoffs=2).forecasts
    result = fc.evaluate(frame, H, models=["theta", "naive"], cutoffs=2, output="f.parquet")
    assert result.forecasts is None
    assert kept is not None
    pd.testing.assert_frame_equal(pd.read_parquet("f.parquet"), kept, check_dtype=False)


def test_scaled_errors_are_those_of_standardised_values(frame: pd.DataFrame) -> None:
    result = fc.evaluate(frame, H, models="naive", scale="train", val_size=10)
    assert result.forecasts is not None
    row = frame.groupby("unique_id").cumcount()
    deviation = frame[row < 65].groupby("unique_id")["y"].std(ddof=0)
    error = (result.forecasts["forecast"] - result.forecasts["y"]) / result.forecasts["unique_id"].map(deviation)
    assert result.metrics["mse_scaled"] == pytest.approx((error**2).mean())
    assert "mse_scaled" not in fc.evaluate(frame, H, models="naive").metrics


def test_a_fitted_model_that_has_seen_the_future_is_refused(frame: pd.DataFrame) -> None:
    fc.Forecaster(H, model="theta").fit(frame).save("all")
    with pytest.raises(ModelError, match="seen"):
        fc.evaluate(frame, H, models="all")
    fc.Forecaster(H, model="theta").fit(frame[frame.groupby("unique_id").cumcount() < 75]).save("early")
    assert fc.evaluate(frame, H, models="early").metrics == fc.evaluate(frame, H, models="theta").metrics


def test_refusals(frame: pd.DataFrame) -> None:
    with pytest.raises(DataError, match="longer than every series"):
        fc.evaluate(frame, 100, models="naive")
    with pytest.raises(ConfigError, match="refit"):
        fc.evaluate(frame, H, models="naive", refit="sometimes")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="cutoffs=0"):
        fc.evaluate(frame, H, models="naive", cutoffs=0)
    with pytest.raises(ConfigError, match="no model"):
        fc.evaluate(frame, H, models=[])


def test_other_seeds_are_compared_with_the_first(frame: pd.DataFrame) -> None:
    result = fc.evaluate(frame, H, models=["gru", "naive"], cutoffs=2, seeds=3, **QUICK)
    spread, still = result.seeds["gru"], result.seeds["naive"]
    alone = [fc.evaluate(frame, H, models="gru", cutoffs=2, seed=seed, **QUICK) for seed in range(3)]
    scores = [one.metrics["mase"] for one in alone]
    assert result.models["gru"]["mase"] == scores[0], "the metrics are the first seed's"
    assert spread.mean["mase"] == pytest.approx(np.mean(scores))
    assert spread.deviation["mase"] == pytest.approx(np.std(scores, ddof=1))
    tables = [one.forecasts for one in alone if one.forecasts is not None]
    first = tables[0]
    changes = [(table["forecast"] - first["forecast"]).abs().groupby(first["unique_id"]).sum() for table in tables[1:]]
    errors = (first["forecast"] - first["y"]).abs().groupby(first["unique_id"]).sum()
    assert spread.difference == pytest.approx(float((sum(changes) / 2 / errors).median()), rel=1e-4)
    assert still.difference == 0
    assert still.deviation["mase"] == 0
    with pytest.raises(ConfigError, match="seeds"):
        fc.evaluate(frame, H, models="naive", seeds=0)


def in_stock(points: Points) -> np.ndarray:
    """1.0 where the forecast would have covered demand."""
    return (points.forecast >= points.actual).astype(float)


def test_metrics_are_chosen_and_a_users_own_stands_among_them(frame: pd.DataFrame) -> None:
    result = fc.evaluate(frame, H, models=["theta", "naive"], cutoffs=2, metrics=["mae", in_stock, "owa"])
    assert list(result.leaderboard.columns) == ["model", "mae", "in_stock", "smape", "mase", "owa"]
    assert result.forecasts is not None
    naive = result.forecasts[result.forecasts["model"] == "naive"]
    assert result.models["naive"]["in_stock"] == pytest.approx((naive["forecast"] >= naive["y"]).mean())
    assert "in_stock" in result.by_horizon
    whole = fc.evaluate(frame, H, models=["theta", "naive"], cutoffs=2)
    assert result.models["theta"]["owa"] == whole.models["theta"]["owa"]


def test_models_are_ranked_by_the_first_metric_where_mase_is_not_chosen(frame: pd.DataFrame) -> None:
    result = fc.evaluate(frame, H, models=["theta", "naive"], metrics=["rmse", "mae"])
    assert list(result.leaderboard.columns) == ["model", "rmse", "mae"]
    assert result.leaderboard["rmse"].is_monotonic_increasing
    assert result.best == min(result.models, key=lambda name: result.models[name]["rmse"])


def test_a_metric_that_cannot_be_is_refused_before_any_model_is_fitted(frame: pd.DataFrame) -> None:
    with pytest.raises(ConfigError, match="unknown metric 'mosa'") as refused:
        fc.evaluate(frame, H, models="gru", metrics=["mosa", "wql"], steps=10**9)
    assert "quantiles=" in str(refused.value)
