"""JSON from a file that anyone may have written is read strictly: bounded, without repeats, finite, and text that prints."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, NoReturn

MOST_BYTES = 32 * 2**20
MOST_VALUES = 2_000_000  # a million series have so many names and times; each value costs tens of bytes once it is read
MOST_DEPTH = 12  # what we write is nested four deep
MOST_DIGITS = 20  # of a whole number: 64 bits have as many
MOST_SHOWN = 60  # characters of a value, in a message

# a text without its end reaches to the end of the file, and nothing is tried twice: the search is linear
TEXTS = re.compile(rb'"(?:[^"\\]+|\\.)*+(?:"|\\?\Z)', re.DOTALL)
BRACKETS = re.compile(rb"[\[\]{}]")


def read_json(data: bytes) -> Any:
    """Read JSON without trusting who wrote it.

    Args:
        data: the text in UTF-8.

    Returns:
        Dictionaries, lists, texts, finite numbers, booleans and None.

    Raises:
        ValueError: if it is no JSON; is longer than `MOST_BYTES`, has more than `MOST_VALUES` values, or is nested more
            than `MOST_DEPTH` deep; repeats a key; or has a number that is not finite or has too many digits.
    """
    if len(data) > MOST_BYTES:
        raise ValueError(f"it has {len(data)} bytes of JSON, more than {MOST_BYTES}")
    _check_size(TEXTS.sub(b'""', data))
    try:
        result = json.loads(
            data.decode("utf-8"),
            object_pairs_hook=_without_repeats,
            parse_int=_whole_number,
            parse_float=_finite_number,
            parse_constant=_no_number,
        )
        json.dumps(result, ensure_ascii=False).encode()  # half of a surrogate pair could not be printed
    except UnicodeError as error:
        raise ValueError("it has text that is not Unicode") from error
    except json.JSONDecodeError as error:
        raise ValueError(f"it is no JSON: {error}") from error
    return result


def shown(value: Any) -> str:
    """Return a value of a file as a message may show it: on one line, short, and without control characters."""
    text = value if isinstance(value, str) else repr(value)
    text = "".join(character if character.isprintable() else "?" for character in " ".join(text.split()))
    return text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]}..."


def _check_size(data: bytes) -> None:
    """Count the values and the depth of JSON whose texts are left out, before it is parsed."""
    values = data.count(b",") + data.count(b"[") + data.count(b"{")
    if values > MOST_VALUES:
        raise ValueError(f"it has {values} values, more than {MOST_VALUES}")
    depth = 0
    for bracket in BRACKETS.findall(data):
        depth += 1 if bracket in b"[{" else -1
        if depth > MOST_DEPTH:
            raise ValueError(f"it is nested more than {MOST_DEPTH} deep")


def _without_repeats(pairs: list[tuple[str, Any]]) -> Mapping[str, Any]:
    result = dict(pairs)
    if len(result) < len(pairs):
        names = [name for name, _ in pairs]
        repeated = next(name for number, name in enumerate(names) if name in names[:number])
        raise ValueError(f"the key {shown(repeated)!r} is there twice")
    return result


def _whole_number(text: str) -> int:
    if len(text) > MOST_DIGITS:
        raise ValueError(f"a number has {len(text)} digits, more than {MOST_DIGITS}")
    return int(text)


def _finite_number(text: str) -> float:
    number = float(text)
    if number - number != 0:
        raise ValueError(f"the number {shown(text)} is not finite")
    return number


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is not a finite number")
