"""Options, a settings file and --set become one set of settings."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from forecast.datasets.declarations import Declaration, declarations
from forecast.datasets.errors import ConfigError, Problem
from forecast.settings import Settings

Assignment = tuple[str, str, Any]  # the place that it comes from, the setting's name, its value


def read_settings(
    options: Mapping[str, str], config: Path | None = None, assignments: list[str] | None = None
) -> dict[str, Any]:
    """Return the fields of `Settings` that a user set: an option wins over --set, and --set wins over the file.

    Args:
        options: text of each setting whose option was used.
        config: settings file; None for no file.
        assignments: texts of --set, such as "steps=200"; none by default.

    Returns:
        Values by name, of the settings' types.

    Raises:
        ConfigError: with every name that is no setting and every value that is wrong, or for a file that cannot be read.
    """
    content = {} if config is None else content_of(config)
    return checked_settings(entries_of(content, str(config), assignments, options))


def entries_of(
    file: Mapping[str, Any], place: str, assignments: list[str] | None, options: Mapping[str, str]
) -> list[Assignment]:
    """Return what sets settings, what wins last: the file, --set, the options."""
    lines = declarations(Settings)
    entries = [(place, str(name).replace("-", "_"), value) for name, value in file.items()]
    entries += assigned(assignments or [])
    return entries + [(lines[name].options[0], name, text) for name, text in options.items()]


def checked_settings(entries: Sequence[Assignment], beside: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return the values of settings by name, and refuse all that is wrong with them, also beside others."""
    lines = declarations(Settings)
    values: dict[str, Any] = {}
    problems = Settings.unknown(dict.fromkeys(name for _, name, _ in entries))
    message = "unknown setting" if problems else "the settings do not fit together"
    bad = set()
    for place, name, raw in entries:
        if name in lines:
            values[name], wrong = value_of(lines[name], place, raw)
            problems += wrong
            bad |= {name} if wrong else set()
    problems += _together({**(beside or {}), **values}, bad) if problems else []
    if problems:
        raise ConfigError(message, problems=problems)
    Settings.of({**(beside or {}), **values})  # refuses what does not go together, before any table is read
    return values


def _together(values: dict[str, Any], bad: set[str]) -> Sequence[Problem]:
    """List what is wrong with the other settings when those in `bad` are left out."""
    good = {name: value for name, value in values.items() if name not in bad}
    try:
        Settings.of({**good, "horizon": 1} if "horizon" in bad else good)
    except ConfigError as error:
        return error.problems or [Problem(what=error.message, remedy=error.hint)]
    return []


def value_of(line: Declaration, place: str, raw: Any) -> tuple[Any, list[Problem]]:
    """Return a setting's value, and what is wrong with it."""
    value = line.coerced(line.parse(raw) if isinstance(raw, str) else raw)
    return value, [
        Problem(what=f"{problem.what} ({place})", expected=problem.expected) for problem in line.problems(value)
    ]


def assigned(assignments: list[str]) -> Iterator[Assignment]:
    """Read the texts of --set."""
    for text in assignments:
        name, equals, value = text.partition("=")
        if not equals:
            raise ConfigError(f"--set {text}: there is no =", hint="Write it as --set name=value.")
        yield "--set", name.strip(), value


def content_of(path: Path) -> dict[str, Any]:
    """Read a settings file by its suffix."""
    kinds: dict[str, Callable[[str], Any]] = {".toml": _toml, ".json": json.loads, ".yaml": _yaml, ".yml": _yaml}
    if path.suffix not in kinds:
        raise ConfigError(f"{path}: settings files end in {', '.join(kinds)}")
    try:
        values = kinds[path.suffix](path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path} cannot be read: {error}") from error
    if not isinstance(values, dict):
        raise ConfigError(
            f"{path} does not hold names and values", problems=[Problem(what=f"found {type(values).__name__}")]
        )
    return values


def _toml(text: str) -> Any:
    """Parse TOML."""
    import tomllib

    return tomllib.loads(text)


def _yaml(text: str) -> Any:
    """Parse YAML; its errors become those that JSON and TOML raise."""
    import yaml  # type: ignore[import-untyped]  # its stubs are a package of their own

    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from error
