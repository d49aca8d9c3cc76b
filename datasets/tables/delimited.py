"""Files of separated cells, such as .csv, are read block by block: only the columns with a role, no line less strictly."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecast.datasets.tables.columns import FILE, IDS, LEFT_OUT, TARGETS, TIMES, Columns, id_names

BYTES_AT_ONCE = 1 << 20  # what the processor keeps at hand
CELLS_AT_ONCE = 1 << 19  # in a part of the table; a line has at least one
BITS = 64  # of a word
# cells that have no value; in ids only blank ones have none, since "NA" is Namibia
MISSING_WORDS = ("", "NA", "N/A", "NaN", "nan", "null", "NULL", "None", "<NA>", "#N/A", "n/a")


def read_delimited(place: Any, columns: Columns, sep: str, *, every: bool = False) -> pd.DataFrame:
    """Read a file of separated cells.

    Args:
        place: path of the file, or its bytes as a stream.
        columns: the roles of its columns, and how it writes cells and numbers.
        sep: the sign between its cells, where `columns` names none.
        every: whether columns without a role are read, too; False by default.

    Returns:
        The table. It lacks the columns without a role, which its attrs name, if the file tells them from the others.

    Raises:
        ValueError: if it is no such file.
    """
    sep = _sign(columns, sep)
    gz: Any = "gzip" if str(place).endswith(".gz") else None
    # the names are read first, because pandas takes types and missing words by name
    head = pd.read_csv(place, nrows=0, sep=sep, encoding="utf-8-sig", compression=gz)
    names = [str(name) for name in head.columns]
    used = None if every else used_columns(names, columns)
    if used is not None and not (isinstance(place, Path) and gz is None and is_rectangular(place, sep, len(names))):
        used = None  # pandas would leave out the cells that a row has too many
    ids = (*IDS, *id_names(columns.id, names))
    text = [name for name in names if name.lower() in ids or name in ids]
    missing = {name: [""] if name in text else list(MISSING_WORDS) for name in names}
    how: dict[str, Any] = {
        "usecols": used,
        "sep": sep,
        "decimal": columns.decimal,
        "encoding": "utf-8-sig",
        "compression": gz,
        "dtype": dict.fromkeys(text, "str"),
        "keep_default_na": False,
        "na_values": missing,
    }
    frame = _in_parts(place, max(1, CELLS_AT_ONCE // len(names)), how)
    frame = _whole(place, how) if frame is None else frame
    return leaving_out(frame, [] if used is None else [name for name in names if name not in used], place)


def write_delimited(frame: pd.DataFrame, place: Any, columns: Columns) -> None:
    """Write a table as `columns` says that files of separated cells are written, so that it can be read like them."""
    frame.to_csv(place, index=False, sep=_sign(columns, ","), decimal=columns.decimal)


def _sign(columns: Columns, usual: str) -> str:
    """Return the sign between cells; the usual one where none is named."""
    return usual if columns.separator is None else columns.separator.replace("tab", "\t")


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


def leaving_out(frame: pd.DataFrame, names: list[str], place: Path) -> pd.DataFrame:
    """Remember the columns of a file that were not read, for a note, and the file, from which they can be read."""
    if names:
        frame.attrs |= {LEFT_OUT: names, FILE: str(place)}
    return frame


def is_rectangular(path: Path, sep: str, n_cells: int) -> bool:
    """Return whether each line of a file has so many cells, none of which is quoted; blank lines do not count."""
    sign = sep.encode()
    if len(sign) != 1:
        return False
    return all(_has_cells(lines, sign, n_cells) for lines in _lines(path))


def _lines(path: Path) -> Iterator[bytes]:
    """Yield a file in blocks of whole lines, each of which ends in a line feed."""
    rest = b""
    with open(path, "rb") as file:
        while part := file.read(BYTES_AT_ONCE):
            lines, feed, rest = (rest + part).rpartition(b"\n")
            if feed:
                yield lines + feed
    if rest:
        yield rest + b"\n"


def _has_cells(lines: bytes, sign: bytes, n_cells: int) -> bool:
    """Return whether each of some whole lines has so many cells, or is blank."""
    if b'"' in lines:
        return False
    signs = np.frombuffer(lines, np.uint8)
    ends = np.flatnonzero(signs == ord("\n"))
    counts = np.diff(_counts_before(signs == ord(sign), ends), prepend=0)
    odd = np.flatnonzero(counts != n_cells - 1)
    if n_cells == 1 or counts[odd].any():
        return not len(odd)
    starts = np.append(0, ends[:-1] + 1)
    return not any(lines[starts[k] : ends[k]].strip() for k in odd)


def _counts_before(found: NDArray[np.bool_], places: NDArray[np.int64]) -> NDArray[np.int64]:
    """Count how often a sign was found before each place; a bit a letter, and a word at a time, is twice as fast as sums."""
    bits = np.packbits(found, bitorder="little")
    words = np.pad(bits, (0, -len(bits) % 8 + 8)).view("<u8")
    before = np.cumsum(np.bitwise_count(words), dtype=np.int64)
    word, bit = places // BITS, (places % BITS).astype(np.uint64)
    return before[word] - np.bitwise_count(words[word] >> bit)


def _in_parts(place: Any, rows: int, how: dict[str, Any]) -> pd.DataFrame | None:
    """Read a table in parts of so many rows, which is faster than in one and takes less memory.

    Returns:
        The table; None where a column's parts are of several types, of which only the whole column decides.
    """
    _rewind(place)
    with pd.read_csv(place, chunksize=rows, low_memory=False, **how) as reader:
        parts = [next(reader)]
        for part in reader:
            if not part.dtypes.equals(parts[0].dtypes):
                return None
            parts.append(part)
    return parts[0] if len(parts) == 1 else pd.concat(parts)


def _whole(place: Any, how: dict[str, Any]) -> pd.DataFrame:
    _rewind(place)
    return pd.read_csv(place, low_memory=False, **how)


def _rewind(place: Any) -> None:
    if hasattr(place, "seek"):
        place.seek(0)
