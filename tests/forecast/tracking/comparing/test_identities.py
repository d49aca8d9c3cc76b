"""What makes two evaluations comparable: the same target, and the same protocol."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import forecast as fc
from forecast.datasets.fingerprint import target_sha256
from forecast.datasets.tables.columns import Columns
from forecast.datasets.tables.schema import panel_from_table
from forecast.datasets.windows.cutoffs import cutoffs_between, last_cutoffs
from forecast.evaluation.backtest import EvaluationProtocol
from forecast.tracking.comparing.results import Results
from forecast.tracking.journal import due


def _target(frame: pd.DataFrame, **roles: Any) -> str:
    return target_sha256(panel_from_table(frame, Columns(**roles)))


def test_the_order_of_the_table_is_not_part_of_the_target(frame: pd.DataFrame) -> None:
    shuffled = frame.sample(frac=1, random_state=0)[frame.columns[::-1]]
    assert _target(shuffled) == _target(frame)
    assert _target(frame.iloc[::-1]) == _target(frame)


def test_covariates_are_not_part_of_the_target(frame: pd.DataFrame) -> None:
    wider = frame.assign(promo=np.arange(len(frame)) % 7 == 0, store=frame["unique_id"].str[-1])
    assert _target(wider, known=("promo",), static=("store",)) == _target(frame)


@pytest.mark.parametrize("change", ["a value", "a missing value", "a name", "a time", "a row less"])
def test_other_data_are_another_target(frame: pd.DataFrame, change: str) -> None:
    other = frame.copy()
    if change == "a value":
        other.loc[10, "y"] += 1e-9
    elif change == "a missing value":
        other.loc[10, "y"] = np.nan
    elif change == "a name":
        other["unique_id"] = other["unique_id"].replace({other["unique_id"][0]: "zz"})
    elif change == "a time":
        other["ds"] += pd.DateOffset(years=1)
    else:
        other = other.iloc[:-1]
    assert _target(other) != _target(frame)


def test_a_missing_value_is_not_a_zero(frame: pd.DataFrame) -> None:
    frame.loc[10, "y"] = 0.0
    missing = frame.assign(y=frame["y"].mask(frame.index == 10))
    assert _target(missing) != _target(frame)
    assert _target(frame.assign(y=frame["y"].mask(frame.index == 10, -0.0))) == _target(frame)


def _protocol(frame: pd.DataFrame, *, rules: dict[str, Any] | None = None, **cutoffs: Any) -> str:
    panel = panel_from_table(frame, Columns())
    wanted = {"horizon": 6, "n_cutoffs": 3, "step": 6, "gap": 0, **cutoffs}
    values = {"refit": 0, "season_length": 12, "mase_season": 12, **(rules or {})}
    rolling = last_cutoffs(panel, **wanted)
    return EvaluationProtocol(horizon=wanted["horizon"], gap=wanted["gap"], cutoffs=rolling, **values).sha256(panel)


@pytest.mark.parametrize("other", [{"horizon": 5}, {"n_cutoffs": 2}, {"n_cutoffs": 8}, {"step": 3}, {"gap": 1}])
def test_other_cutoffs_are_another_protocol(frame: pd.DataFrame, other: dict[str, int]) -> None:
    assert _protocol(frame, **other) != _protocol(frame) == _protocol(frame.iloc[::-1])


@pytest.mark.parametrize("rules", [{"refit": 1}, {"mase_season": 1}, {"season_length": 1}, {"standardise": True}])
def test_other_rules_are_another_protocol(frame: pd.DataFrame, rules: dict[str, Any]) -> None:
    assert _protocol(frame, rules=rules) != _protocol(frame)


def test_rows_left_out_of_the_scale_matter_only_where_there_is_one(frame: pd.DataFrame) -> None:
    assert _protocol(frame, rules={"val_size": 5}) == _protocol(frame)
    scaled = [_protocol(frame, rules={"val_size": rows, "standardise": True}) for rows in (0, 5)]
    assert scaled[0] != scaled[1]


def test_metrics_are_not_part_of_the_protocol(frame: pd.DataFrame) -> None:
    assert _protocol(frame, rules={"metrics": ["mase"]}) == _protocol(frame)


def test_a_step_is_found_although_series_are_skipped(frame: pd.DataFrame) -> None:
    panel = panel_from_table(frame.groupby("unique_id").tail(20).iloc[7:], Columns())
    rolling = last_cutoffs(panel, horizon=4, n_cutoffs=4, step=3)
    protocol = EvaluationProtocol(horizon=4, gap=0, cutoffs=rolling, refit=0, season_length=1, mase_season=1)
    assert protocol.step == 3
    described = protocol.described(panel)
    assert described["skipped"] == 1, "the short series has 13 rows, and the first cutoff is 13 before the end"
    one = EvaluationProtocol(horizon=4, gap=0, cutoffs=rolling[:1], refit=0, season_length=1, mase_season=1)
    assert one.step is None


def test_cutoffs_by_time_and_by_number_are_the_same_protocol_where_they_are_the_same(frame: pd.DataFrame) -> None:
    panel = panel_from_table(frame, Columns())
    by_number = last_cutoffs(panel, horizon=6, n_cutoffs=2)
    by_time = cutoffs_between(panel, horizon=6, first=sorted(frame["ds"].unique())[80 - 12])
    hashes = {
        EvaluationProtocol(horizon=6, gap=0, cutoffs=c, refit=0, season_length=1, mase_season=1).sha256(panel)
        for c in (by_number, by_time)
    }
    assert len(hashes) == 1


def test_a_run_holds_the_identities_the_protocol_and_the_forecasts(
    frame: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the journal, whatever becomes of the server."""
    monkeypatch.setenv("FORECAST_TRACKING_URI", "http://127.0.0.1:9")
    stored = frame.assign(store=frame["unique_id"].str[-1])
    asked = {"cutoffs": 2, "gap": 1, "quantiles": (0.1, 0.9), "static": ("store",)}
    with pytest.warns(UserWarning, match="kept in .forecast/journal"):
        result = fc.evaluate(stored, 6, models=["naive", "drift"], **asked)
    places = due(None)
    assert len(places) == 2
    entries = [json.loads((place / "run.json").read_text()) for place in places]
    for name in ("forecast.target_sha256", "forecast.protocol_sha256"):
        assert entries[0]["tags"][name] == entries[1]["tags"][name]
    assert entries[0]["tags"]["forecast.target_sha256"] == _target(frame)
    params = entries[0]["params"]
    assert (params["protocol.horizon"], params["protocol.gap"], params["protocol.step"]) == ("6", "1", "6")
    assert (params["protocol.cutoffs"], params["protocol.refit"], params["horizon"]) == ("2", "never", "7")
    assert result.forecasts is not None
    for place, name in zip(places, ("naive", "drift"), strict=True):
        expected = result.forecasts[result.forecasts["model"] == name].drop(columns="model").reset_index(drop=True)
        recorded = pd.read_parquet(place / "artifacts" / "forecasts.parquet")
        pd.testing.assert_frame_equal(recorded, expected, check_exact=True, check_dtype=False)
        by_series = pd.read_parquet(place / "artifacts" / "metrics_by_series.parquet")
        assert by_series["store"].tolist() == [series[-1] for series in by_series["series"]]
        assert len(pd.read_parquet(place / "artifacts" / "metrics_by_horizon.parquet")) == 6


def test_forecasts_that_did_not_become_whole_are_removed(frame: pd.DataFrame, tmp_path: Path) -> None:
    results = Results(tmp_path)
    results.add(frame)
    assert list(tmp_path.iterdir()), "they are written as they come"
    results.close()
    assert list(tmp_path.iterdir()) == []
