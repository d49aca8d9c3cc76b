"""A Parquet file that pandas wrote is read, whatever index the frame had."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from forecast.datasets.synthetic import synthetic
from forecast.datasets.tables.columns import Columns
from forecast.datasets.tables.readers import read_table
from forecast.datasets.tables.schema import panel_from_table

TABLE = synthetic(2, 20, seed=1).assign(extra=1.0)
INDEXES: dict[str, Callable[[pd.DataFrame], pd.DataFrame]] = {
    "the usual one": lambda t: t,
    "every second row": lambda t: pd.concat([t, t]).reset_index(drop=True)[: len(t)],
    "filtered": lambda t: pd.concat([t.assign(y=0.0), t], ignore_index=True)[lambda both: both["y"] != 0.0],
    "named": lambda t: t.rename_axis("row"),
    "times": lambda t: t.set_index("ds"),
    "text": lambda t: t.set_axis([f"r{k}" for k in range(len(t))]),
}


@pytest.mark.parametrize("text", [False, True])
@pytest.mark.parametrize("index", INDEXES)
def test_any_index_is_read(index: str, text: bool, tmp_path: Path) -> None:
    table = TABLE.astype({"ds": str}) if text and index != "times" else TABLE
    INDEXES[index](table).to_parquet(tmp_path / "t.parquet")
    found = panel_from_table(read_table(tmp_path / "t.parquet"), Columns())
    expected = panel_from_table(TABLE, Columns())
    assert found.target.tolist() == expected.target.tolist()
    assert [note for note in found.notes if "not used" in note] in ([], ["columns not used: extra"])
