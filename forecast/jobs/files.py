"""A job as a file: it is written as TOML for people to read and to keep, and read strictly."""

from __future__ import annotations

import json
import math
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import date
from typing import Any

from forecast.datasets.addresses import without_password
from forecast.datasets.declarations import unknown_name
from forecast.datasets.errors import Problem
from forecast.jobs.declared import KEYS, OF_MODELS, Order

SETTINGS, MODELS, REPLAY, STEPS = "settings", "models", "replay", "steps"
ALWAYS = ("data", "model", "cutoffs", "require", "on_fail")  # are written even where they are the defaults
INSTEAD_OF_CUTOFFS = "start"
PLACES = ("lock",)  # of a run, and not of the job
HEAD = "# A forecasting job: forecast run -c FILE runs it, and options of the command line win over it."
ABOUT_SETTINGS = "# Settings of the models; `forecast settings` explains them."
ABOUT_REPLAY = "# What --max-time came to: the steps of each network, in the order of training."
WIDTH = 100  # of comments


def to_toml(order: Order) -> str:
    """Write a job as TOML: what differs from the defaults, and what everybody asks for. Passwords are left out."""
    values = _plain(asdict(order.job))
    shown = [name for name, line in KEYS.items() if values[name] != _default(line.default) or name in ALWAYS]
    hidden = {*PLACES, *(("cutoffs",) if values[INSTEAD_OF_CUTOFFS] is not None else ())}
    lines = [HEAD]
    for name in shown:
        if name not in hidden and values[name] is not None:
            lines += ["", *_comment(KEYS[name].help), f"{name} = {_text(values[name])}"]
    lines += ["", ABOUT_SETTINGS, f"[{SETTINGS}]"]
    lines += [f"{name} = {_text(value)}" for name, value in _plain(order.settings).items() if value is not None]
    for model, values in order.own.items():
        lines += ["", f"[{MODELS}.{_text(model)}]"]
        lines += [f"{name} = {_text(value)}" for name, value in _plain(values).items() if value is not None]
    if order.replay:
        lines += ["", ABOUT_REPLAY, f"[{REPLAY}]", f"{STEPS} = {_text(list(order.replay))}"]
    return "\n".join(lines) + "\n"


def replaying(order: Order, steps: list[int]) -> Order:
    """Return the job that takes these steps instead of measuring a time."""
    return replace(order, replay=tuple(steps) or None)


@dataclass(kw_only=True)
class Parts:
    """The content of a job file.

    Args:
        job: values of `Job` by name.
        settings: values of `Settings` by name.
        own: by model, values of `Settings` that hold for it alone.
        replay: steps to replay; None where there are none.
        problems: every name that is not known, or stands in the wrong place.
    """

    job: dict[str, Any] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    own: dict[str, dict[str, Any]] = field(default_factory=dict)
    replay: tuple[int, ...] | None = None
    problems: list[Problem] = field(default_factory=list)

    @classmethod
    def of(cls, content: Mapping[str, Any]) -> Parts:
        """Take the content of a job file apart."""
        parts = cls()
        for name, value in _named(content).items():
            if name in (SETTINGS, MODELS, REPLAY):
                parts._add_table(name, value)
            elif name in OF_MODELS:
                expected = f"it in the table [{SETTINGS}]"
                parts.problems.append(Problem(what=f"{name!r} is a setting of models", expected=expected))
            elif name not in KEYS:
                parts.problems.append(unknown_name(name, (*KEYS, SETTINGS, MODELS, REPLAY)))
            else:
                parts.job[name] = value
        return parts

    def _add_table(self, name: str, table: Any) -> None:
        if not isinstance(table, dict):
            self.problems.append(Problem(what=f"{name} = {table!r}", expected=f"a table, [{name}]"))
        elif name == SETTINGS:
            self.settings = self._settings(table)
        elif name == REPLAY:
            self._add_replay(table)
        else:
            for model, values in table.items():
                if isinstance(values, dict):
                    self.own[str(model)] = self._settings(values)
                else:
                    problem = Problem(what=f"{MODELS}.{model} = {values!r}", expected=f"a table, [{MODELS}.NAME]")
                    self.problems.append(problem)

    def _settings(self, table: Mapping[str, Any]) -> dict[str, Any]:
        """Return the settings of a table, without the keys of the job that stand there by mistake."""
        values = _named(table)
        expected = "it before the first table"
        wrong = [name for name in values if name in KEYS]
        self.problems += [Problem(what=f"{name!r} is no setting of models", expected=expected) for name in wrong]
        return {name: value for name, value in values.items() if name not in KEYS}

    def _add_replay(self, table: Mapping[str, Any]) -> None:
        self.problems += [unknown_name(str(name), (STEPS,)) for name in table if name != STEPS]
        steps = table.get(STEPS)
        if steps is None or _are_steps(steps):
            self.replay = None if steps is None else tuple(steps)
        else:
            self.problems.append(Problem(what=f"{STEPS} = {steps!r}", expected="a list of whole numbers of at least 1"))


def _named(table: Mapping[str, Any]) -> dict[str, Any]:
    """Return a table with names as they are written in Python, and with dates and times of TOML as text."""
    return {
        str(name).replace("-", "_"): value.isoformat() if isinstance(value, date) else value
        for name, value in table.items()
    }


def _comment(text: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent="# ", subsequent_indent="# ")


def _are_steps(values: Any) -> bool:
    """Return whether these are counts of steps."""
    return isinstance(values, list) and all(type(value) is int and value >= 1 for value in values)


def _default(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return values as TOML knows them, without passwords in addresses."""
    return {name: _without_password(_default(value)) for name, value in values.items()}


def _without_password(value: Any) -> Any:
    if isinstance(value, list):
        return [_without_password(item) for item in value]
    return without_password(value) if isinstance(value, str) and "://" in value else value


def _text(value: Any) -> str:
    """Write a value as TOML."""
    if isinstance(value, list):
        return f"[{', '.join(map(_text, value))}]"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, int | float):
        return repr(value)
    return "".join(_letters(json.dumps(value, ensure_ascii=False)))


def _letters(text: str) -> Iterator[str]:
    """Spell out what TOML does not take inside quotes as it is, and JSON does."""
    for letter in text:
        yield "\\u007f" if letter == "\x7f" else letter
