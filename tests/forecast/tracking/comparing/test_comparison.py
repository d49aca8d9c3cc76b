"""Comparing recorded evaluations: what is ranked together, and what is said of differences."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.stats
from typer.testing import CliRunner

import forecast as fc
from forecast.cli.app import app
from forecast.datasets.errors import ConfigError
from forecast.datasets.synthetic import synthetic
from forecast.evaluation.result import Evaluation
from forecast.tracking.comparing.boards import distance
from forecast.tracking.comparing.paired import _sentence, _Test, chance
from forecast.tracking.delivery.job import job

MODELS = ["theta", "naive", "ets", "seasonal_naive", "drift"]


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    """Twelve monthly series in three stores."""
    frame = synthetic(12, 80, seed=1)
    number = frame["unique_id"].str[1:].astype(int)
    return frame.assign(store="s" + (number % 3).astype(str), promo=(frame.index % 5 == 0) * 1.0)


@pytest.fixture(scope="module")
def store(new_store: Callable[[Path], str], tmp_path_factory: pytest.TempPathFactory) -> str:
    """One database for the module."""
    return new_store(tmp_path_factory.mktemp("store") / "runs.db")


@pytest.fixture(scope="module")
def results(store: str, table: pd.DataFrame) -> dict[str, Evaluation]:
    """Five models at six cutoffs, one of them at two, one with covariates, and one on other rows."""

    def evaluated(frame: pd.DataFrame, models: Any, cutoffs: int = 6, **settings: Any) -> Evaluation:
        asked = {"experiment": "all", "tracking_uri": store, "source": "data/sales.csv", **settings}
        return fc.evaluate(frame, 6, models=models, cutoffs=cutoffs, **asked)

    with job():  # all are sent at its end, by one process instead of five
        return {
            "five": evaluated(table, MODELS, quantiles=(0.1, 0.9)),
            "two cutoffs": evaluated(table, "theta", 2),
            "covariates": evaluated(table, "naive2", known=("promo",), static=("store",)),
            "other rows": evaluated(table.iloc[:-1], "theta"),
            "twins": evaluated(table, ["theta", "theta"], 3, experiment="twins"),
        }


@pytest.fixture(scope="module")
def board(store: str, results: dict[str, Evaluation]) -> pd.DataFrame:
    return fc.compare(experiment="all", tracking_uri=store)


def test_only_the_same_target_and_protocol_are_ranked_together(
    board: pd.DataFrame, results: dict[str, Evaluation]
) -> None:
    scores = {name: metrics["mase"] for name, metrics in results["five"].models.items()}
    scores |= {"naive2": results["covariates"].metrics["mase"]}
    tables = [part for _, part in board.groupby(["target", "protocol"], sort=False)]
    assert sorted(map(len, tables)) == [1, 1, 6]
    (six,) = [part for part in tables if len(part) == 6]
    assert six["model"].tolist() == sorted(scores, key=scores.__getitem__), "with covariates and without"
    assert six["rank"].tolist() == [1, 2, 3, 4, 5, 6]
    assert six["mase"].tolist() == pytest.approx(sorted(scores.values()))
    assert (board[board["cutoffs"] == 2]["rank"] == 1).all()
    assert board["protocol"].nunique() == 3, "a row less moves every cutoff"
    assert (board["horizon"] == 6).all()


def test_skill_is_against_seasonal_naive(board: pd.DataFrame, results: dict[str, Evaluation]) -> None:
    five = results["five"]
    row = board[(board["model"] == "ets")].iloc[0]
    assert row["skill"] == pytest.approx(1 - five.models["ets"]["mase"] / five.baselines["seasonal_naive"]["mase"])
    assert board[board["model"] == "seasonal_naive"]["skill"].tolist() == pytest.approx([0])
    assert (row["coverage"], row["interval"]) == pytest.approx((five.models["ets"]["coverage_80"], 0.8))


def test_p_values_are_those_of_the_forecasts(board: pd.DataFrame, results: dict[str, Evaluation]) -> None:
    """Computed anew from the forecasts, with scipy's tests."""
    frame = results["five"].forecasts
    assert frame is not None
    frame = frame.assign(error=(frame["forecast"] - frame["y"]).abs())
    first = frame.groupby("unique_id")["cutoff"].min()
    history = results["five"].panel
    scale = {}
    for k, name in enumerate(history.ids):
        y = history.target[history.indptr[k] : history.indptr[k + 1]][: 80 - 36]
        scale[name] = np.abs(y[12:] - y[:-12]).mean()
    assert first.nunique() == 1
    means = frame.groupby(["model", "unique_id"])["error"].mean().unstack(0)
    cutoffs = frame.groupby(["model", "unique_id", "cutoff"])["error"].mean().unstack(0)
    scaled = means.div(pd.Series(scale), axis=0)
    naive2 = results["covariates"].by_series.set_index("series")["mase"]
    best = str(board[board["model"].isin(MODELS) & (board["rank"] == 1) & (board["cutoffs"] == 6)]["model"].iloc[-1])
    others = [name for name in MODELS if name != best]
    raw = {name: scipy.stats.wilcoxon(scaled[best] - scaled[name], method="exact").pvalue for name in others}
    raw["naive2"] = scipy.stats.wilcoxon(scaled[best] - naive2.reindex(scaled.index), method="exact").pvalue
    expected, highest = {}, 0.0
    for position, name in enumerate(sorted(raw, key=raw.__getitem__)):
        highest = max(highest, raw[name] * (len(raw) - position))
        expected[name] = min(highest, 1.0)
    six = board[(board["cutoffs"] == 6) & board["p"].notna()].set_index("model")
    assert six["p"].to_dict() == pytest.approx(expected)
    for name in others:
        assert six.at[name, "share"] == pytest.approx((scaled[best] < scaled[name]).mean())
        assert six.at[name, "behind"] == pytest.approx(1 - scaled[best].mean() / scaled[name].mean())
        difference = (cutoffs[best] - cutoffs[name]).unstack()
        each = scipy.stats.ttest_1samp(difference, 0, axis=1).pvalue  # cutoffs a horizon apart do not overlap
        order = np.argsort(each)
        adjusted = np.maximum.accumulate(each[order] * np.arange(len(each), 0, -1))
        better = (difference.mean(axis=1).to_numpy() < 0)[order]
        assert six.at[name, "alone"] == ((adjusted < 0.05) & better).sum()


def test_identical_models_are_never_significant(store: str, results: dict[str, Evaluation]) -> None:
    assert len(results["twins"].models) == 2
    twins = fc.compare(experiment="twins", tracking_uri=store)
    assert twins["rank"].tolist() == [1, 1]
    assert (twins["p"].iloc[1], twins["share"].iloc[1]) == (1.0, 0.0)
    assert (
        twins["verdict"].iloc[1]
        == f"{twins['model'][0]} and {twins['model'][1]}: no difference that could not be chance, p = 1"
    )


def test_groups_are_those_of_the_evaluation(store: str, results: dict[str, Evaluation]) -> None:
    five, wide = results["five"], results["covariates"]
    for by, expected, key in (
        ("horizon", five.by_horizon, "step"),
        ("cutoff", five.by_cutoff, "cutoff"),
        ("series", five.by_series, "series"),
    ):
        found = fc.compare(experiment="all", by=by, metric="mae", tracking_uri=store)
        found = found[(found["model"] == "ets")]
        of_ets = expected[expected["model"] == "ets"]
        assert found[by].tolist() == of_ets[key].tolist()
        assert found["mae"].tolist() == pytest.approx(of_ets["mae"].tolist())
    stores = fc.compare(experiment="all", by="store", tracking_uri=store)
    own = wide.by("store")
    assert stores[stores["model"] == "naive2"]["mase"].tolist() == pytest.approx(own["mase"].tolist())
    by_hand = five.by_series[five.by_series["model"] == "ets"].set_index("series")["mase"]
    groups = by_hand.groupby([f"s{int(name[1:]) % 3}" for name in by_hand.index]).mean()
    assert stores[stores["model"] == "ets"]["mase"].tolist() == pytest.approx(groups.tolist()), "told by another run"
    with pytest.raises(ConfigError, match="no run has the column 'shop'") as refused:
        fc.compare(experiment="all", by="shop", tracking_uri=store)
    assert "store" in str(refused.value.hint)


def test_two_runs_differ_in_their_settings(store: str, board: pd.DataFrame) -> None:
    runs = [str(board[board["model"] == name]["run_id"].iloc[-1]) for name in ("ets", "drift")]
    found = fc.compare(runs, tracking_uri=store).attrs["settings"]
    assert found["model"] == ("ets", "drift"), "the better one first"
    assert "protocol.horizon" not in found
    thetas = board[board["model"] == "theta"].groupby("cutoffs")["run_id"].last()  # of the same rows
    assert {"protocol.cutoffs", "protocol.first_cutoff"} <= set(
        fc.compare(thetas.tolist(), tracking_uri=store).attrs["settings"]
    )


def test_other_quantiles_are_another_wql(store: str, results: dict[str, Evaluation]) -> None:
    found = fc.compare(experiment="all", metric="wql", tracking_uri=store)
    ranked = found[found["rank"].notna()]
    assert ranked["levels"].unique().tolist() == ["0.1, 0.9"]
    assert set(ranked["model"]) == set(MODELS)


def test_the_command_is_readable_at_80_columns(
    store: str, board: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")

    def run(*words: str) -> str:
        done = CliRunner().invoke(app, ["compare", "--experiment", "all", "--tracking-uri", store, *words])
        assert done.exit_code == 0, done.output
        return done.stdout

    text = run()
    assert max(map(len, text.splitlines())) <= 80
    assert text.count("sales: horizon 6, 6 cutoffs every 6 rows") == 2
    assert text.count("sales: horizon 6, 2 cutoffs every 6 rows") == 1
    assert " is better than " in " ".join(text.split())
    rows = json.loads(run("--json"))["runs"]
    assert [row["run_id"] for row in rows] == board["run_id"].tolist()
    assert rows[0]["rank"] == 1
    lines = run("--csv").splitlines()
    assert lines[0].split(",") == list(board.columns)
    assert len(lines) == 1 + len(board)
    lines = run("--md", "--no-paired").splitlines()
    assert lines[0].startswith("| target | protocol | rank | model | skill | mase |")
    assert len(lines) == 2 + len(board)
    assert max(map(len, run("--by", "store").splitlines())) <= 80
    refused = CliRunner().invoke(app, ["compare", "--tracking-uri", store, "--csv", "--md"])
    assert isinstance(refused.exception, ConfigError)


def test_a_metric_is_as_good_as_it_is_near_to_its_best_value() -> None:
    assert distance("mase", 0.7) == 0.7
    assert distance("bias", -3.0) == 3.0
    assert distance("coverage_80", 0.95) == pytest.approx(0.15)
    assert np.isnan(distance("mase", None))


def test_what_is_said_of_a_difference() -> None:
    test = _Test(0.71, 0.001, np.array([0.01, -0.01, 0.2, np.nan]), 30)
    assert _sentence("auto", "theta", 0.06, test, 0.003) == (
        "auto is better than theta by 6%, on 71% of series (on 1 of 30 by themselves), p = .003"
    )
    assert _sentence("auto", "theta", 0.06, test, 0.41).endswith("no difference that could not be chance, p = .41")
    few = _Test(0.29, 0.001, series=30)
    assert (
        _sentence("a", "b", 0.001, few, 0.0001)
        == "a is better than b by less than 1%, but only on 29% of series, p < .001"
    )
    assert _sentence("a", "b", 0.1, _Test(series=1), float("nan")) == "a and b: too few series and cutoffs to tell"
    assert chance(0.05) == "p = .050"
