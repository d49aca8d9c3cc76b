"""Files are read to frames and written from them: CSV, Parquet, JSON lines, Arrow, and stdin."""

from __future__ import annotations

import io
import os
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

from forecast.datasets.errors import ConfigError, DataError
from forecast.datasets.tables.columns import ENCODED, FILE, IDS, LEFT_OUT, TIMES, Columns, id_names
from forecast.datasets.tables.delimited import leaving_out, read_delimited, used_columns, write_delimited
from forecast.datasets.tables.forms import to_pandas
from forecast.datasets.tables.suspicion import suspicions
from forecast.datasets.temporary import beside

MOST_BYTES_READ_AGAIN = 1 << 28
UNNAMED_INDEX = "__index_level_0__"  # as pandas calls an index that it keeps in a Parquet file


def read_table(source: str | Path, columns: Columns | None = None) -> pd.DataFrame:
    """Read a table.

    Args:
        source: path of a .csv, .csv.gz, .tsv, .parquet, .jsonl, .ndjson, .arrow or .feather file, or of a folder of
            .parquet files, whose rows follow each other; "-" reads stdin and recognises Parquet, Arrow, JSON lines and
            CSV by their first bytes.
        columns: the roles of its columns, and how a .csv file writes cells and numbers. Id columns are kept as text,
            so that "001" stays "001"; unique_id, item_id and series_id always are.

    Returns:
        The table, with column names as text. Its `attrs` name the columns that were not read.

    Raises:
        DataError: if there is no such file, or it is empty, cut off, of another kind than its name says, or seems to be
            written otherwise than `columns` says.
    """
    frame = read_encoded(source, columns or Columns())
    return frame.astype(frame.attrs.pop(ENCODED, {}))


def read_encoded(source: str | Path, columns: Columns, *, every: bool = False) -> pd.DataFrame:
    """Read a table as `read_table` does, but with ids and times as categories where a file holds each text once.

    A panel is made of such a table in half the time. Its attrs say of which dtype the columns are for people. `every`
    reads columns without a role, too, and has no categories.
    """
    if str(source) == "-":
        return _parse(_sniff(data := sys.stdin.buffer.read()), io.BytesIO(data), "stdin", columns, every)
    path = Path(source)
    if path.is_dir() and any(path.glob("*.parquet")):
        return _parse("parquet", path, str(path), columns, every)
    if not path.is_file():
        kind = "is a folder" if path.is_dir() else "does not exist"
        hint = "Name a file, a bundled data set (`forecast datasets list`), or - for stdin."
        raise DataError(f"{path} {kind}", hint=hint)
    kind = path.name.lower().removesuffix(".gz").rpartition(".")[2]
    if kind not in READERS:
        raise DataError(f"{path}: files ending in .{kind} cannot be read", hint=f"Known: {', '.join(READERS)}.")
    if path.stat().st_size == 0:
        raise DataError(f"{path} is empty", hint="Write a header and rows into it.")
    return _parse(kind, path, str(path), columns, every)


def with_columns_left_out(frame: pd.DataFrame, columns: Columns) -> pd.DataFrame:
    """Return a table with the columns of its file that were not read; as it is if there are none, or the file is large."""
    names, path = frame.attrs.get(LEFT_OUT, []), frame.attrs.get(FILE)
    if not names or path is None:
        return frame
    parts = list(Path(path).glob("*.parquet")) if Path(path).is_dir() else [Path(path)]
    if sum(part.stat().st_size for part in parts if part.exists()) > MOST_BYTES_READ_AGAIN:
        return frame
    try:
        whole = read_encoded(path, columns, every=True)
    except DataError:  # the file is no longer what it was
        return frame
    others = [name for name in names if name in whole.columns and name not in frame.columns]
    return frame.join(whole[others]) if len(whole) == len(frame) and whole.index.equals(frame.index) else frame


def _parse(kind: str, place: Any, name: str, columns: Columns, every: bool) -> pd.DataFrame:
    try:
        frame = READERS[kind](place, columns, every)
    except UnicodeDecodeError as error:
        hint = "Save it as UTF-8; spreadsheets call that CSV UTF-8."
        raise DataError(f"{name} is not written in UTF-8: {error.reason} at byte {error.start}", hint=hint) from error
    except (ValueError, OSError, EOFError) as error:  # pyarrow's and pandas' errors are ValueErrors
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        hint = "The file is damaged, cut off, or of another kind than its name says."
        raise DataError(f"{name} cannot be read as {kind}: {reason}", hint=hint) from error
    frame.columns = frame.columns.astype(str)
    if kind in ("csv", "tsv"):
        problems = suspicions(frame, columns)
        if problems:
            raise DataError(f"{name} seems to be written in another way", problems=problems)
        if not isinstance(frame.index, pd.RangeIndex):  # pandas takes what has no name for an index
            hint = "Remove lines before the header, signs at the end of lines, and separators inside of cells."
            raise DataError(f"{name}: its rows have more cells than its first line has names", hint=hint)
    return frame


def _csv(place: Any, columns: Columns, every: bool) -> pd.DataFrame:
    return read_delimited(place, columns, ",", every=every)


def _tsv(place: Any, columns: Columns, every: bool) -> pd.DataFrame:
    return read_delimited(place, columns, "\t", every=every)


def _parquet(place: Any, columns: Columns, every: bool) -> pd.DataFrame:
    import pyarrow.dataset as ds

    if hasattr(place, "seek"):
        return pd.read_parquet(place)
    schema = ds.dataset(place, format="parquet").schema
    used = None if every else used_columns(schema.names, columns)
    if used is None:
        return pd.read_parquet(place)
    # ids and times repeat: a file holds each of them once, and as categories they need not be spelled out and compared
    encoded = _repeated_text(schema, used, columns)
    frame = pd.read_parquet(place, columns=used, read_dictionary=encoded)
    frame.attrs[ENCODED] = {name: str(frame[name].cat.categories.dtype) for name in encoded}
    index = (*frame.index.names, UNNAMED_INDEX)
    return leaving_out(frame, [name for name in schema.names if name not in (*used, *index)], place)


def _repeated_text(schema: Any, used: list[str], columns: Columns) -> list[str]:
    """Return the columns of ids and of times of a Parquet file that are text, and are no index of pandas."""
    import pyarrow.types as kinds

    roles = (*IDS, *TIMES, *id_names(columns.id, schema.names), columns.time)
    index = (schema.pandas_metadata or {}).get("index_columns", [])  # a RangeIndex is described, and no column
    others = {*columns.static, *columns.covariates, *(name for name in index if isinstance(name, str))}
    named = [name for name in used if (name in roles or name.lower() in roles) and name not in others]
    return [name for name in named if kinds.is_string(kind := schema.field(name).type) or kinds.is_large_string(kind)]


def _json_lines(place: Any, columns: Columns, every: bool) -> pd.DataFrame:
    return pd.read_json(place, lines=True, dtype=False)


def _arrow(place: Any, columns: Columns, every: bool) -> pd.DataFrame:
    return pd.read_feather(place)


READERS: dict[str, Callable[[Any, Columns, bool], pd.DataFrame]] = {
    "csv": _csv,
    "tsv": _tsv,
    "parquet": _parquet,
    "jsonl": _json_lines,
    "ndjson": _json_lines,
    "arrow": _arrow,
    "feather": _arrow,
}


def _sniff(data: bytes) -> str:
    """Recognise the kind of a table by its first bytes; what is nothing else is taken for CSV."""
    if not data.strip():
        raise DataError("stdin is empty", hint="Pipe a table into it.")
    heads = {b"PAR1": "parquet", b"ARROW1": "arrow"}
    binary = next((kind for head, kind in heads.items() if data.startswith(head)), None)
    return binary or ("jsonl" if data.lstrip()[:1] == b"{" else "csv")


def write_table(
    frame: Any, target: str | Path, columns: Columns | None = None, *, facts: dict[str, str] | None = None
) -> None:
    """Write a table; after an interruption the file is the old one or the new one, never half of one.

    Args:
        frame: the table, in any form that `predict` returns; an index of times, or of ids and times, becomes columns.
        target: path of a .csv, .parquet, .jsonl or .arrow file; "-" writes CSV to stdout.
        columns: how a .csv file writes cells and numbers; by default with commas between cells, and points in numbers.
        facts: texts by name that a .parquet file carries (pandas reads them into `attrs`), and the others cannot; None
            for none.

    Raises:
        ConfigError: if the name does not end in .csv, .parquet, .jsonl or .arrow.
    """
    columns = columns or Columns()
    frame = flat(frame)
    if str(target) == "-":
        write_delimited(frame, sys.stdout, columns)
        return
    path = Path(target)
    check_writable(path)
    frame = frame.copy(deep=False)
    frame.attrs = dict(facts or {})
    with beside(path) as temporary:
        with open(temporary, "wb") as file:
            with warnings.catch_warnings(action="ignore"):  # pyarrow asks pandas for zoned times in a way that will go
                WRITERS[path.suffix](frame, file, columns)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o644)
        os.replace(temporary, path)


def flat(frame: Any) -> pd.DataFrame:
    """Return a table as it is written: a pandas frame, whose index of times, or of ids and times, has become columns."""
    frame = pd.concat(frame, axis=1) if isinstance(frame, dict) else to_pandas(frame)[0]
    if isinstance(frame.index, pd.DatetimeIndex | pd.PeriodIndex | pd.MultiIndex):
        frame = frame.reset_index()
    if isinstance(frame.columns, pd.MultiIndex):  # a wide table with quantiles
        frame.columns = [".".join(filter(None, map(str, name))) for name in frame.columns]
    return frame


def check_writable(path: Path) -> None:
    """Refuse a file name that no table can have, before any work is done.

    Raises:
        ConfigError: if the name does not end in .csv, .parquet, .jsonl or .arrow.
    """
    if path.suffix not in WRITERS:
        raise ConfigError(
            f"cannot write to {path}", hint=f"Use a name ending in {', '.join(WRITERS)}, or - for stdout."
        )


WRITERS: dict[str, Callable[[pd.DataFrame, Any, Columns], Any]] = {
    ".csv": write_delimited,
    ".parquet": lambda frame, file, columns: frame.to_parquet(file, index=False),
    ".jsonl": lambda frame, file, columns: frame.to_json(file, orient="records", lines=True, date_format="iso"),
    ".arrow": lambda frame, file, columns: frame.reset_index(drop=True).to_feather(file),
}
