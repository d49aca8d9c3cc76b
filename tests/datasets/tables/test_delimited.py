"""Files of separated cells: read in parts as in one piece, and no line of another length is read in silence."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecast.datasets.errors import DataError
from forecast.datasets.tables import delimited
from forecast.datasets.tables.columns import Columns
from forecast.datasets.tables.delimited import is_rectangular, read_delimited
from forecast.datasets.tables.readers import read_encoded, read_table
from forecast.datasets.tables.schema import panel_from_table

N = 60
NUMBERS = np.random.default_rng(0).normal(size=N)
COVARIATES = {
    "floats": [repr(value) for value in NUMBERS],
    "integers, then floats": [*map(str, range(N - 1)), "0.1"],
    "integers, then one that is too large": [*map(str, range(N - 1)), str(2**63 + 1)],
    "numbers, then text": [*map(str, range(N - 1)), "many"],
    "missing, then text": [*[""] * (N - 1), "name"],
    "truths, then missing": [*["True", "False"] * (N // 2 - 1), "True", "NA"],
    "nothing": [""] * N,
}


@pytest.mark.parametrize("name", COVARIATES)
def test_a_file_read_in_parts_is_the_file_read_whole(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Types, values to the last bit, and the index; also where only the last part shows what a column holds."""
    days = pd.date_range("2024-01-01", periods=N).strftime("%Y-%m-%d")
    columns = {"unique_id": ["001"] * 30 + ["NA"] * 30, "ds": days, "y": [repr(v) for v in NUMBERS]}
    pd.DataFrame({**columns, "price": COVARIATES[name], "unread": 1}).to_csv("parts.csv", index=False)
    roles = Columns(known=("price",))
    whole = read_table("parts.csv", roles)
    monkeypatch.setattr(delimited, "CELLS_AT_ONCE", 35)  # seven lines
    parts = read_table("parts.csv", roles)
    pd.testing.assert_frame_equal(parts, whole, check_exact=True, check_index_type="exact")
    assert list(parts.columns) == ["unique_id", "ds", "y", "price"]
    stream = io.BytesIO(Path("parts.csv").read_bytes())
    pd.testing.assert_frame_equal(read_delimited(stream, roles, ",")[list(whole)], whole, check_exact=True)


def test_a_part_names_the_line_of_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delimited, "CELLS_AT_ONCE", 12)
    Path("long.csv").write_text("unique_id,ds,y,x\n" + "a,2024-01-01,1,2\n" * 30 + "a,2024-01-01,1,2,3\n")
    with pytest.raises(DataError, match="line 32, saw 5"):
        read_table("long.csv")


def _is_rectangular(data: bytes, n_cells: int) -> bool:
    """What must hold, a line at a time."""
    lines = data.split(b"\n")
    lines = lines if lines[-1] else lines[:-1]
    kept = [line for line in lines if line.strip() or n_cells == 1 or b"," in line]
    return b'"' not in data and all(line.count(b",") == n_cells - 1 for line in kept)


@settings(max_examples=300, deadline=None)
@given(
    st.binary().map(lambda data: bytes(b'a,,,\n\n "'[byte % 8] for byte in data)), st.integers(1, 4), st.integers(1, 99)
)
def test_lines_of_another_length_are_found_wherever_blocks_end(data: bytes, n_cells: int, block: int) -> None:
    Path("odd.csv").write_bytes(data)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(delimited, "BYTES_AT_ONCE", block)
        assert is_rectangular(Path("odd.csv"), ",", n_cells) == _is_rectangular(data, n_cells)


@pytest.mark.parametrize("n_cells", [1, 2, 20, 300])
def test_long_and_short_lines_that_make_up_for_each_other_are_found(n_cells: int) -> None:
    line = b",".join([b"1"] * n_cells) + b"\n"
    for lines, expected in ((line * 9, True), (line * 4 + b"1," + line + line[2:] + line * 4, False)):
        Path("lines.csv").write_bytes(lines)
        assert is_rectangular(Path("lines.csv"), ",", n_cells) is expected


@pytest.mark.parametrize("sorted_rows", [True, False])
@pytest.mark.parametrize("id", [None, ("store", "unique_id"), ("unique_id", "store")])
def test_a_table_read_for_a_panel_gives_that_of_the_table_for_people(
    sorted_rows: bool, id: tuple[str, ...] | None
) -> None:
    """Ids and times of a Parquet file come as categories; every array, dtype and note is as if they had not."""
    days = pd.date_range("2024-01-01", periods=30).strftime("%d/%m/%Y")
    table = pd.DataFrame({"unique_id": np.repeat(["b", "a"], 30), "ds": np.tile(days, 2), "y": NUMBERS, "z": 0})
    table.insert(0, "store", table["unique_id"].map({"b": "10", "a": "9"}))
    table = table if sorted_rows else table.sample(frac=1, random_state=0)
    table.to_parquet("table.parquet", index=False)
    roles, ids = Columns(id=id), id or ("unique_id",)
    encoded, plain = read_encoded("table.parquet", roles), read_table("table.parquet", roles)
    assert {str(encoded[name].dtype) for name in (*ids, "ds")} == {"category"}
    pd.testing.assert_frame_equal(
        plain, table[[name for name in table if name in {*ids, "ds", "y"}]].reset_index(drop=True)
    )
    left, right = panel_from_table(encoded, roles), panel_from_table(plain, roles)
    assert left.format == right.format
    assert left.format.id_dtypes == ("str",) * len(ids)
    assert (left.notes, left.grid) == (right.notes, right.grid)
    for name in ("values", "observed", "target", "offset", "indptr", "ids", "starts"):
        assert np.array_equal(getattr(left, name), getattr(right, name)), name


def test_what_was_not_read_is_noted_after_rows_were_merged() -> None:
    days = pd.date_range("2024-01-01", periods=30)
    table = pd.DataFrame({"ds": days[[*range(30), 29]], "y": 1.0, "z": 0})
    table.to_parquet("twice.parquet", index=False)
    roles = Columns(on_duplicate="last")
    assert "columns not used: z" in panel_from_table(read_encoded("twice.parquet", roles), roles).notes


def test_parts_of_a_file_keep_all_ids_as_text_and_name_a_blank_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the last part shows that an id is no number, or that it is blank."""
    monkeypatch.setattr(delimited, "CELLS_AT_ONCE", 20)  # four lines
    days = pd.date_range("2024-01-01", periods=30).strftime("%Y-%m-%d")
    table = pd.DataFrame(
        {"store": "01", "item": np.repeat(["1", "NA"], 30), "ds": np.tile(days, 2), "y": NUMBERS, "z": 0}
    )
    table.to_csv("stores.csv", index=False)
    roles = Columns(id="store,item")
    found = read_encoded("stores.csv", roles)
    pd.testing.assert_frame_equal(found, table[["store", "item", "ds", "y"]])
    assert panel_from_table(found, roles).ids.tolist() == ["01|1", "01|NA"]
    table.assign(item=table["item"].where(table.index != 57)).to_csv("stores.csv", index=False)
    with pytest.raises(DataError, match="row 58 has no item, which is a part of its id"):
        panel_from_table(read_encoded("stores.csv", roles), roles)


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_what_is_odd_in_ids_times_and_columns_is_noted_together(kind: str) -> None:
    hours = pd.date_range("2024-03-30 12:00", periods=30, freq="h", tz="Europe/Berlin")  # clocks change in between
    text = [hour.isoformat() for hour in hours]
    table = pd.DataFrame({"store": "x", "item": np.repeat(["nan", "b"], 30), "ds": text * 2, "y": NUMBERS, "z": 0})
    table.to_csv("odd.csv", index=False)
    table.to_parquet("odd.parquet", index=False)
    roles = Columns(id=("store", "item"))
    notes = panel_from_table(read_encoded(f"odd.{kind}", roles), roles).notes
    assert notes[:2] == ("columns not used: z", "ids that look like missing ones in item: 'nan'")
    assert "times have several offsets" in notes[2]
