"""Forecasts of a wide table are scored as those of a long one, in whatever form they are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import forecast as fc
from forecast.datasets.errors import DataError
from forecast.datasets.synthetic import synthetic
from forecast.datasets.tables.readers import flat, read_table, write_table

H = 3
NAMES = {"s0": "b.q10", "s1": "a", "s2": "10"}  # of which one looks like a quantile's column
LONG = synthetic(3, 40, seed=2).assign(unique_id=lambda t: t["unique_id"].map(NAMES))
WIDE = LONG.pivot(index="ds", columns="unique_id", values="y")
FORMS = {
    "time index": (WIDE, {}),
    "time column": (WIDE.rename_axis(columns=None).reset_index(), {"wide": True}),
    "another name": (WIDE.rename_axis(columns=None).reset_index(names="Tag"), {"wide": True, "time": "Tag"}),
    "mapping": ({name: WIDE[name] for name in WIDE}, {}),
}


def _forecasts(table: Any, levels: tuple[float, ...], **roles: Any) -> Any:
    history = {n: s[:-H] for n, s in table.items()} if isinstance(table, dict) else table[:-H]
    return fc.Forecaster(H, model="theta", quantiles=levels, **roles).fit(history).predict()


@pytest.mark.parametrize("levels", [(), (0.1, 0.975)])
@pytest.mark.parametrize("form", ["time index", "mapping"])
def test_wide_forecasts_have_the_scores_of_long_ones(form: str, levels: tuple[float, ...]) -> None:
    history = LONG.groupby("unique_id").head(40 - H)
    expected = fc.score(fc.Forecaster(H, model="theta", quantiles=levels).fit(history).predict(), LONG)
    table, roles = FORMS[form]
    made = _forecasts(table, levels, **roles)
    assert fc.score(made, table) == pytest.approx(expected)
    assert fc.score(flat(made), table) == pytest.approx(expected)


def test_a_series_that_is_not_among_the_actuals_is_refused() -> None:
    made = _forecasts(WIDE, ())
    with pytest.raises(DataError, match="forecasts without actuals") as found:
        fc.score(made.assign(other=1.0), WIDE)
    assert "'other'" in str(found.value)


@pytest.mark.parametrize("levels", [(), (0.1, 0.9)])
@pytest.mark.parametrize("kind", ["csv", "parquet", "jsonl", "arrow"])
@pytest.mark.parametrize("source", [False, True])
@pytest.mark.parametrize("form", ["time column", "another name"])
def test_files_of_wide_forecasts_are_scored(
    form: str, source: bool, kind: str, levels: tuple[float, ...], tmp_path: Path
) -> None:
    from forecast.datasets.tables.columns import Columns
    from forecast.evaluation.scoring import score_arrived

    table, roles = FORMS[form]
    made = flat(_forecasts(table, levels, **roles))
    if source:  # as `forecast run --on-fail` writes it
        made["source"] = "theta"
    file = tmp_path / f"next.{kind}"
    write_table(made, file)
    found = score_arrived(read_table(file, Columns(**roles)), table, Columns(**roles))
    history = LONG.groupby("unique_id").head(40 - H)
    expected = fc.score(fc.Forecaster(H, model="theta", quantiles=levels).fit(history).predict(), LONG)
    assert found.metrics == pytest.approx(expected)
    assert pd.Series(found.steps).value_counts().tolist() == [3] * H
