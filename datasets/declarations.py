"""A setting declares itself once; checks, parsing, options and descriptions follow from the declaration.

A field of a settings class is one call of `setting`: its default, its meaning, the group it is shown in, and the range
or the choices of its values. The type that stands before it says the rest: `int | Auto` may be "auto", `str | None` may
be left out, `tuple[str, ...]` is a list, `str | tuple[str, ...]` is one name or several.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable
from dataclasses import MISSING, dataclass, field, fields, replace
from difflib import get_close_matches
from functools import cache
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from forecast.datasets.errors import Problem

T = TypeVar("T")
DATA, MODEL, TRAINING, BACKTEST, OUTPUT, TRACKING, HELP = GROUPS = (  # headings, in the order they are shown
    "data",
    "model",
    "training",
    "backtest",
    "output",
    "tracking",
    "settings and help",
)
METADATA_KEY = "declaration"  # in a dataclass field
TEXTS_FOR_NONE = ("", "none", "null")
TEXTS_FOR_BOOLEANS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
DOCSTRING_WIDTH = 100
MAX_CHOICES_WIDTH = 24  # characters of choices that are spelled out beside an option; longer ones become NAME


@dataclass(frozen=True)
class Range:
    """The numbers from `least` to `most` that are smaller than `below`."""

    least: float = 0
    most: float = float("inf")
    below: float = float("inf")

    def __contains__(self, value: float) -> bool:
        return self.least <= value <= self.most and value < self.below

    def __str__(self) -> str:
        ends = (("at most", self.most), ("below", self.below))
        return f"of at least {self.least:g}" + "".join(
            f" and {word} {end:.15g}" for word, end in ends if end != float("inf")
        )


@dataclass(frozen=True, kw_only=True)
class Declaration:
    """One setting: its meaning, its values, and where it is shown.

    Args:
        help: its meaning in a sentence or two.
        group: heading that the setting is shown under, one of `GROUPS`.
        values: range of a number, or choices of a text; empty admits all.
        flags: names of its option on the command line; empty takes `--` and the setting's name.
        metavar: word for the value in the option's help; empty takes one that fits the type.
        everyday: whether the short `--help` shows it; False by default.
        repeats: whether its option may be given several times, an item of the list each time; False by default.
        name: name of the field.
        required: whether the user must give a value.
        default: default of the field; None for a required one.
        kinds: types that a value, or an item of a list, may have.
        words: texts that a value of another type may be, such as "auto".
        optional: whether None is a value.
        many: whether the value is a tuple.
        either: whether the value is one item, or a tuple of several.
    """

    help: str
    group: str
    values: Range | tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    metavar: str = ""
    everyday: bool = False
    repeats: bool = False
    name: str = ""
    required: bool = False
    default: Any = None
    kinds: tuple[type, ...] = ()
    words: tuple[str, ...] = ()
    optional: bool = False
    many: bool = False
    either: bool = False

    @property
    def choices(self) -> tuple[str, ...]:
        """Return the texts that the value must be one of; empty admits all."""
        return self.values if isinstance(self.values, tuple) else ()

    @property
    def options(self) -> tuple[str, ...]:
        """Return the names of its option on the command line, the long one first."""
        return self.flags or (f"--{self.name.replace('_', '-')}",)

    @property
    def placeholder(self) -> str:
        """Return the word that stands for the value in an option's help."""
        if self.metavar:
            return self.metavar
        choices = "|".join(self.choices)
        if choices and len(choices) <= MAX_CHOICES_WIDTH:
            return choices
        word = {int: "N", float: "X", bool: "true|false"}.get(self.kinds[0], "NAME")
        return f"{word},..." if self.many else word

    @property
    def default_text(self) -> str:
        """Return the default as a user would type it; empty for a required setting."""
        return "" if self.required else self.text(self.default)

    @property
    def expected(self) -> str:
        """Say in words what a value must be."""
        if self.choices:
            return f"one of {', '.join(self.choices)}"
        nouns = {int: "a whole number", float: "a number", bool: "true or false", str: "a text"}
        plurals = {int: "whole numbers", float: "numbers", str: "names"}
        noun = plurals[self.kinds[0]] if self.many else " or ".join(nouns[kind] for kind in self.kinds)
        noun = f"{noun} or several" if self.either else noun
        noun = f"{noun} {self.values}" if isinstance(self.values, Range) else noun
        return ", or ".join([noun, *self.words, *(["none"] if self.optional else [])])

    def coerced(self, value: Any) -> Any:
        """Return a list's value, or its single item, as a tuple; values of other settings stay as they are.

        Where a value is one item or several, a list of several becomes a tuple, a list of one its item, and no item none.
        """
        single = isinstance(value, str) or not isinstance(value, Iterable)
        if self.either and not single:
            items = tuple(value)
            return items if len(items) > 1 else next(iter(items), None)
        if not self.many:
            return value
        if value is None:
            return ()
        return (value,) if single else tuple(value)

    def problems(self, value: Any) -> list[Problem]:
        """List what is wrong with a value that `coerced` returned."""
        if (value is None and self.optional) or (isinstance(value, str) and value in self.words):
            return []
        several = self.many or (self.either and isinstance(value, tuple))
        if all(self._admits(item) for item in (value if several else (value,))):
            return []
        return [Problem(what=f"{self.name}={value!r}", expected=self.expected)]

    def parse(self, text: str) -> Any:
        """Read a value from text; text that cannot be read is returned as it is, and `problems` refuses it."""
        text = text.strip()
        if self.many:
            inner = text.strip("[]()").strip()
            parts = [] if inner.lower() in TEXTS_FOR_NONE else inner.split(",")
            return tuple(self._item(part.strip()) for part in parts if part.strip())
        return None if self.optional and text.lower() in TEXTS_FOR_NONE else self._item(text)

    def text(self, value: Any) -> str:
        """Return a value as text that `parse` reads."""
        if value is None or value == ():
            return "none"
        if isinstance(value, tuple):
            return ",".join(map(str, value))
        return str(value).lower() if isinstance(value, bool) else str(value)

    def _admits(self, item: Any) -> bool:
        """Return whether a value, or an item of a list, has the type and the range that are declared."""
        if isinstance(item, bool):
            return bool in self.kinds
        kinds = (*self.kinds, int) if float in self.kinds else self.kinds
        if not isinstance(item, kinds) or (self.choices and item not in self.choices):
            return False
        return not isinstance(self.values, Range) or (isinstance(item, int | float) and item in self.values)

    def _item(self, text: str) -> Any:
        """Read a value, or an item of a list; text that cannot be read is returned as it is."""
        if text in self.words or str in self.kinds:
            return text
        if bool in self.kinds:
            return TEXTS_FOR_BOOLEANS.get(text.lower(), text)
        try:
            return self.kinds[0](text)
        except ValueError:
            return text


def described(
    help: str,
    *,
    group: str,
    values: Range | tuple[str, ...] = (),
    flags: tuple[str, ...] = (),
    metavar: str = "",
    everyday: bool = False,
    repeats: bool = False,
) -> dict[str, Declaration]:
    """Build the metadata of a required field, as in `horizon: int = field(metadata=described(...))`.

    The arguments are those of `Declaration`.
    """
    return {
        METADATA_KEY: Declaration(
            help=help, group=group, values=values, flags=flags, metavar=metavar, everyday=everyday, repeats=repeats
        ),
    }


def setting(
    default: T,
    help: str,
    *,
    group: str,
    values: Range | tuple[str, ...] = (),
    flags: tuple[str, ...] = (),
    metavar: str = "",
    everyday: bool = False,
    repeats: bool = False,
) -> T:
    """Declare a field with a default; the other arguments are those of `Declaration`."""
    shown: dict[str, Any] = {"metavar": metavar, "everyday": everyday, "repeats": repeats}
    metadata = described(help, group=group, values=values, flags=flags, **shown)
    return field(default=default, metadata=metadata)


def declarations(kind: type) -> dict[str, Declaration]:
    """Return the declarations of a dataclass by the fields' names, in their order.

    Raises:
        TypeError: for a type that no text can be parsed into.
    """
    return _declarations(kind)


@cache
def _declarations(kind: type) -> dict[str, Declaration]:
    hints = get_type_hints(kind)
    lines = [line for line in fields(kind) if METADATA_KEY in line.metadata]
    given = {line.name: {"default": line.default} for line in lines if line.default is not MISSING}
    return {
        line.name: replace(
            line.metadata[METADATA_KEY],
            name=line.name,
            **given.get(line.name, {"required": True}),
            **_typed(line.name, hints[line.name]),
        )
        for line in lines
    }


def defaults(kind: type) -> dict[str, Any]:
    """Return the defaults of a dataclass by the fields' names; None for a field that must be given."""
    return {name: line.default for name, line in declarations(kind).items()}


def check(kind: type, values: dict[str, Any]) -> list[Problem]:
    """List what is wrong with values of settings, given by name; each is checked on its own."""
    lines = declarations(kind)
    return [problem for name, value in values.items() for problem in lines[name].problems(lines[name].coerced(value))]


def grouped(kind: type) -> dict[str, list[Declaration]]:
    """Return the declarations by group, the groups in their order and the declarations in that of the fields."""
    groups: dict[str, list[Declaration]] = {group: [] for group in GROUPS}
    for line in declarations(kind).values():
        groups[line.group].append(line)
    return {group: lines for group, lines in groups.items() if lines}


def docstring(summary: str, kind: type) -> str:
    """Return a class's docstring: a summary, then each setting with its default and meaning, group by group."""
    blocks = [summary]
    for group, lines in grouped(kind).items():
        entries = [
            textwrap.fill(
                f"{line.name} ({'required' if line.required else line.default_text}): {line.help}",
                DOCSTRING_WIDTH,
                initial_indent=" " * 4,
                subsequent_indent=" " * 8,
            )
            for line in lines
        ]
        blocks.append("\n".join([f"{group.capitalize()}:", *entries]))
    return "\n\n".join(blocks)


def _typed(name: str, hint: Any) -> dict[str, Any]:
    """Read from a field's type the kinds and words that a value may have, and whether it may be None or a list."""
    parts = get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)
    tuples = [part for part in parts if get_origin(part) is tuple]
    items = [get_args(part)[0] for part in tuples]
    either = bool(tuples) and all(item in parts for item in items)
    parts = tuple(get_args(part)[0] if get_origin(part) is tuple else part for part in parts)
    words = tuple(word for part in parts if get_origin(part) is Literal for word in get_args(part))
    kinds = tuple(dict.fromkeys(p for p in parts if p is not NoneType and get_origin(p) is not Literal))
    if not kinds or not set(kinds) <= {int, float, str, bool}:
        raise TypeError(f"the setting {name} has the type {hint}, which no text can be parsed into")
    several = {"many": bool(tuples) and not either, "either": either}
    return {"kinds": kinds, "words": words, "optional": NoneType in parts, **several}


def quantile_problems(levels: tuple[float, ...]) -> list[Problem]:
    """List what is wrong with quantile levels, which must lie in (0, 1) and ascend."""
    bad = [level for level in levels if not isinstance(level, int | float) or not 0 < level < 1]
    problems = [
        Problem(what=f"quantile level {level!r}", expected="a probability in (0, 1), such as 0.9") for level in bad
    ]
    if not bad and list(levels) != sorted(set(levels)):
        problems.append(Problem(what=f"quantiles={levels!r}", expected="ascending levels without repeats"))
    return problems


def seconds(text: str | float) -> float | None:
    """Return a time such as 90s, 5m, 1h or a number of seconds in seconds; None if it cannot be read."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([smh]?)", str(text).strip())
    return float(match[1]) * {"": 1, "s": 1, "m": 60, "h": 3600}[match[2]] if match and float(match[1]) else None


def unknown_name(name: str, known: tuple[str, ...]) -> Problem:
    """Say that no setting has this name, and which is the nearest of those that there are."""
    near = get_close_matches(name, known, n=1)
    return Problem(what=f"unknown setting {name!r}", expected=f"{near[0]!r}?" if near else f"one of {', '.join(known)}")
