"""A job as a file: it is written as TOML for people to read and to keep, and read strictly."""

from __future__ import annotations

import json
import math
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace
from datetime import date
from typing import Any

from forecast.datasets.addresses import without_password
from forecast.datasets.declarations import unknown_name
from forecast.datasets.errors import Problem
from forecast.jobs.declared import KEYS, OF_MODELS, Order

SETTINGS, REPLAY, STEPS = "settings", "replay", "steps"
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
    if order.replay:
        lines += ["", ABOUT_REPLAY, f"[{REPLAY}]", f"{STEPS} = {_text(list(order.replay))}"]
    return "\n".join(lines) + "\n"


def replaying(order: Order, steps: list[int]) -> Order:
    """Return the job that takes these steps instead of measuring a time."""
    return replace(order, replay=tuple(steps) or None)


def parts(content: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any], tuple[int, ...] | None, list[Problem]]:
    """Take the content of a job file apart.

    Args:
        content: the file as a mapping.

    Returns:
        Values of `Job` by name, values of `Settings` by name, the steps to replay, and every name that is wrong.
    """
    tables: dict[str, dict[str, Any]] = {SETTINGS: {}, REPLAY: {}}
    job, problems = {}, []
    for raw_name, value in content.items():
        name = str(raw_name).replace("-", "_")
        if name in tables and isinstance(value, dict):
            tables[name] = {str(key).replace("-", "_"): _dated(item) for key, item in value.items()}
        elif name in tables:
            problems.append(Problem(what=f"{name} = {value!r}", expected=f"a table, [{name}]"))
        elif name in OF_MODELS:
            problems.append(Problem(what=f"{name!r} is a setting of models", expected=f"it in the table [{SETTINGS}]"))
        elif name not in KEYS:
            problems.append(unknown_name(name, (*KEYS, *tables)))
        else:
            job[name] = _dated(value)
    settings, replay = tables[SETTINGS], tables[REPLAY]
    for name in [name for name in settings if name in KEYS]:
        problems.append(Problem(what=f"{name!r} is no setting of models", expected=f"it before the table [{SETTINGS}]"))
        del settings[name]
    problems += [unknown_name(name, (STEPS,)) for name in replay if name != STEPS]
    steps = replay.get(STEPS)
    if steps is not None and not _are_steps(steps):
        problems.append(Problem(what=f"{STEPS} = {steps!r}", expected="a list of whole numbers of at least 1"))
        steps = None
    return job, settings, None if steps is None else tuple(steps), problems


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


def _dated(value: Any) -> Any:
    """Return a date or time of TOML as text, which is how times are given everywhere else."""
    return value.isoformat() if isinstance(value, date) else value


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
