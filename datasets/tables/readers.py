"""Files are read to frames and written from them: CSV, Parquet, JSON lines, Arrow, and stdin."""

from __future__ import annotations

import io
import os
import sys
import warnings
from collections.abc import Callable
from operator import methodcaller
from pathlib import Path
from typing import Any

import pandas as pd

from forecast.datasets.errors import ConfigError, DataError
from forecast.datasets.tables.columns import FILE, IDS, LEFT_OUT, TARGETS, TIMES, Columns, id_names
from forecast.datasets.tables.suspicion import suspicions
from forecast.datasets.temporary import beside

BYTES_AT_ONCE = 8 << 20
MOST_BYTES_READ_AGAIN = 1 << 28
# cells of a CSV that have no value; in ids only blank ones have none, since "NA" is Namibia
MISSING_WORDS = ("", "NA", "N/A", "NaN", "nan", "null", "NULL", "None", "<NA>", "#N/A", "n/a")


def read_table(source: str | Path, columns: Columns | None = None, *, every: bool = False) -> pd.DataFrame:
    """Read a table.

    Args:
        source: path of a .csv, .csv.gz, .tsv, .parquet, .jsonl, .ndjson, .arrow or .feather file, or of a folder of
            .parquet files, whose rows follow each other; "-" reads stdin and recognises Parquet, Arrow, JSON lines and
            CSV by their first bytes.
        columns: the roles of its columns, and how a .csv file writes cells and numbers. The id column is kept as text,
            so that "001" stays "001"; unique_id, item_id and series_id always are.
        every: whether columns without a role are read, too; False by default.

    Returns:
        The table, with column names as text. Its `attrs` name the columns that were not read.

    Raises:
        DataError: if there is no such file, or it is empty, cut off, of another kind than its name says, or seems to be
            written otherwise than `columns` says.
    """
    columns = columns or Columns()
    if str(source) == "-":
        return _parse(_sniff(data := sys.stdin.buffer.read()), io.BytesIO(data), "stdin", columns, True)
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
        whole = read_table(path, columns, every=True)
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


def _csv(place: Any, columns: Columns, every: bool, sep: str = ",") -> pd.DataFrame:
    sep = sep if columns.separator is None else columns.separator.replace("tab", "\t")
    gz: Any = "gzip" if str(place).endswith(".gz") else None
    # the names are read first, because pandas takes types and missing words by name
    names = [str(n) for n in pd.read_csv(place, nrows=0, sep=sep, encoding="utf-8-sig", compression=gz).columns]
    if hasattr(place, "seek"):
        place.seek(0)
    used = None if every else used_columns(names, columns)
    if used is not None and not (isinstance(place, Path) and gz is None and _is_rectangular(place, sep, len(names))):
        used = None  # pandas would leave out the cells that a row has too many
    ids = (*IDS, *id_names(columns.id, names))
    text = [name for name in names if name.lower() in ids or name in ids]
    missing = {name: [""] if name in text else list(MISSING_WORDS) for name in names}
    frame = pd.read_csv(
        place,
        usecols=used,
        sep=sep,
        decimal=columns.decimal,
        encoding="utf-8-sig",
        compression=gz,
        dtype=dict.fromkeys(text, "str"),
        keep_default_na=False,
        na_values=missing,
        low_memory=False,
    )
    return _leaving_out(frame, [] if used is None else [name for name in names if name not in used], place)


def used_columns(names: list[str], columns: Columns) -> list[str] | None:
    """Return the columns of a long table that have a role; None where that cannot be told from their names."""
    if columns.wide:
        return None
    given = (id_names(columns.id, names), *(() if n is None else (n,) for n in (columns.time, columns.target)))
    usual = (IDS, TIMES, TARGETS)
    groups = [g or [n for n in names if n.lower() in u] for g, u in zip(given, usual, strict=True)]
    if not (groups[1] and groups[2]):
        return None
    others = (*columns.static, *columns.covariates, *((columns.observed,) if columns.observed else ()))
    used = {*(name for group in groups for name in group), *others}
    return [name for name in names if name in used] if used <= set(names) else None


def _is_rectangular(path: Path, sep: str, n_cells: int) -> bool:
    """Return whether each line of a file has so many cells, none of which is quoted."""
    rest = b""
    with open(path, "rb") as file:
        while part := file.read(BYTES_AT_ONCE):
            data, _, rest = (rest + part).rpartition(b"\n")
            lines = data.split(b"\n")
            found = set(map(methodcaller("count", sep.encode()), lines))
            is_blank = (
                n_cells > 1 and 0 in found and not any(line.strip() for line in lines if sep.encode() not in line)
            )
            if b'"' in data or not found <= ({n_cells - 1, 0} if is_blank else {n_cells - 1}):
                return False
    return b'"' not in rest and (not rest.strip() or rest.count(sep.encode()) == n_cells - 1)


def _leaving_out(frame: pd.DataFrame, names: list[str], place: Path) -> pd.DataFrame:
    """Remember the columns of a file that were not read."""
    if names:
        frame.attrs |= {LEFT_OUT: names, FILE: str(place)}
    return frame


def _tsv(place: Any, columns: Columns, every: bool) -> pd.DataFrame:
    return _csv(place, columns, every, sep="\t")


def _parquet(place: Any, columns: Columns, every: bool) -> pd.DataFrame:
    import pyarrow.dataset as ds

    if hasattr(place, "seek"):
        return pd.read_parquet(place)
    names = ds.dataset(place, format="parquet").schema.names
    used = None if every else used_columns(names, columns)
    frame = pd.read_parquet(place, columns=used)
    unread = [name for name in names if used is not None and name not in (*used, *frame.index.names)]
    return _leaving_out(frame, unread, place)


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


def write_table(frame: pd.DataFrame, target: str | Path) -> None:
    """Write a table; after an interruption the file is the old one or the new one, never half of one.

    Args:
        frame: the table; an index of times, or of ids and times, becomes columns.
        target: path of a .csv, .parquet, .jsonl or .arrow file; "-" writes CSV to stdout.

    Raises:
        ConfigError: if the name does not end in .csv, .parquet, .jsonl or .arrow.
    """
    if isinstance(frame.index, pd.DatetimeIndex | pd.PeriodIndex | pd.MultiIndex):
        frame = frame.reset_index()
    if isinstance(frame.columns, pd.MultiIndex):  # a wide table with quantiles
        frame.columns = [".".join(filter(None, map(str, name))) for name in frame.columns]
    if str(target) == "-":
        frame.to_csv(sys.stdout, index=False)
        return
    path = Path(target)
    check_writable(path)
    with beside(path) as temporary:
        with open(temporary, "wb") as file:
            with warnings.catch_warnings(action="ignore"):  # pyarrow asks pandas for zoned times in a way that will go
                WRITERS[path.suffix](frame, file)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o644)
        os.replace(temporary, path)


def check_writable(path: Path) -> None:
    """Refuse a file name that no table can have, before any work is done.

    Raises:
        ConfigError: if the name does not end in .csv, .parquet, .jsonl or .arrow.
    """
    if path.suffix not in WRITERS:
        raise ConfigError(
            f"cannot write to {path}", hint=f"Use a name ending in {', '.join(WRITERS)}, or - for stdout."
        )


WRITERS: dict[str, Callable[[pd.DataFrame, Any], Any]] = {
    ".csv": lambda frame, file: frame.to_csv(file, index=False),
    ".parquet": lambda frame, file: frame.to_parquet(file, index=False),
    ".jsonl": lambda frame, file: frame.to_json(file, orient="records", lines=True, date_format="iso"),
    ".arrow": lambda frame, file: frame.reset_index(drop=True).to_feather(file),
}
