"""Rows are laid out in columns that fit a terminal: lines are broken between words, and a table that is too wide in parts."""

from __future__ import annotations

import shutil
import unicodedata
from collections.abc import Container, Iterable, Iterator, Sequence

BETWEEN = "   "  # two columns
MARGIN = " "
USUAL_SIZE = (80, 24)  # of what is no terminal; the variable COLUMNS says another one


def terminal_width() -> int:
    """Return the columns of the terminal, those that the variable COLUMNS names, or 80."""
    return shutil.get_terminal_size(USUAL_SIZE).columns


def laid_out(
    names: Sequence[str], rows: Iterable[Sequence[str]], width: int, *, numbers: Container[str] = ()
) -> Iterator[str]:
    """Lay rows out as lines of a table.

    Args:
        names: headings of the columns.
        rows: cells as text.
        width: letters in a line. Only a word that is longer alone makes a longer line.
        numbers: columns that hold numbers, which are aligned at the right.

    Yields:
        The lines. Where not even the longest words of all columns fit beside each other, a table follows for the
        columns that are left, with the first one before them.
    """
    table = [[" ".join(cell.split()) for cell in row] for row in rows]
    columns = [[name, *cells] for name, cells in zip(names, zip(*table, strict=True), strict=True)] if table else []
    columns = columns or [[name] for name in names]
    least = [max(map(_width, " ".join(column).split() or [""])) for column in columns]
    for number, part in enumerate(_parts(least, width)):
        if number:
            yield ""
        right = [names[k] in numbers for k in part]
        yield from _table([columns[k] for k in part], [least[k] for k in part], right, width)


def _parts(least: Sequence[int], width: int) -> list[list[int]]:
    """Distribute columns, by number, over tables that fit; each begins with the first column."""
    parts = [[0]] if least else []
    for number in range(1, len(least)):
        taken = [*parts[-1], number]
        if len(parts[-1]) > 1 and _total([least[k] for k in taken]) > width:
            parts.append([0, number])
        else:
            parts[-1].append(number)
    return parts


def _table(columns: list[list[str]], least: list[int], right: list[bool], width: int) -> Iterator[str]:
    """Yield the lines of one table: headings, a rule, and the rows."""
    widths = _shared([max(map(_width, column)) for column in columns], least, width)
    for number, row in enumerate(zip(*columns, strict=True)):
        lines = [_wrapped(cell, room) for cell, room in zip(row, widths, strict=True)]
        for k in range(max(map(len, lines))):
            cells = [
                _padded(cell[k] if k < len(cell) else "", room, at_right)
                for cell, room, at_right in zip(lines, widths, right, strict=True)
            ]
            yield (MARGIN + BETWEEN.join(cells)).rstrip()
        if not number:
            yield MARGIN + "─" * (_total(widths) - len(MARGIN))


def _shared(wanted: Sequence[int], least: Sequence[int], width: int) -> list[int]:
    """Return the columns' widths: what is left beside the longest words goes to all alike, as far as they need it."""
    widths, left = list(least), max(0, width - _total(least))
    waiting = sorted(range(len(widths)), key=lambda k: wanted[k] - least[k])
    for place, k in enumerate(waiting):
        more = min(wanted[k] - least[k], left // (len(waiting) - place))
        widths[k] += more
        left -= more
    return widths


def _total(widths: Sequence[int]) -> int:
    return len(MARGIN) + sum(widths) + len(BETWEEN) * (len(widths) - 1)


def _wrapped(cell: str, room: int) -> list[str]:
    """Break a cell between words."""
    lines: list[str] = []
    for word in cell.split():
        if lines and _width(lines[-1]) + 1 + _width(word) <= room:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines or [""]


def _padded(text: str, room: int, at_right: bool) -> str:
    blanks = " " * (room - _width(text))
    return blanks + text if at_right else text + blanks


def _width(text: str) -> int:
    """Return the columns of a terminal that a text takes: letters of East Asia take two, accents that combine none."""
    if text.isascii():
        return len(text)
    wide = sum(unicodedata.east_asian_width(letter) in "WF" for letter in text)
    return len(text) + wide - sum(unicodedata.combining(letter) > 0 for letter in text)
