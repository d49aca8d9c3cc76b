"""From options, a settings file and --set to one set of settings."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from forecast.datasets.errors import ConfigError, Problem
from forecast.settings import Settings

LISTS = ("static", "known", "past", "quantiles", "dilations")


def settings(options: dict[str, Any], config: Path | None, assignments: list[str] | None) -> dict[str, Any]:
    """Fields of `Settings`: the file's, then --set, then the options that were given, the latter winning.

    Raises:
        ConfigError: for a name that is no setting, a file that cannot be read, or a value out of range.
    """
    given = {**(_file(config) if config is not None else {}), **_assigned(assignments or [])}
    named = {name: value for name, value in options.items() if name in Settings.names() and value is not None}
    for name in LISTS:
        if isinstance(named.get(name), str):
            named[name] = _list(named[name], name)
    values = {**given, **named}
    Settings.of(values)  # refuses what is wrong, before any file is read
    return values


def _list(text: str, name: str) -> tuple[Any, ...]:
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if name == "dilations":
        return tuple(int(part) if part.isdigit() else part for part in parts)
    return as_levels(text) if name == "quantiles" else tuple(parts)


def as_levels(text: str) -> tuple[float, ...]:
    """0.1,0.5,0.9 as numbers."""
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError as error:
        raise ConfigError(f"--quantiles {text}: {error}", hint="Write levels as 0.1,0.5,0.9.") from error


def _assigned(assignments: list[str]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for text in assignments:
        name, equals, value = text.partition("=")
        if not equals:
            raise ConfigError(f"--set {text}: there is no =", hint="Write it as --set name=value.")
        values[name.strip()] = _value(name.strip(), value.strip())
    return values


def _value(name: str, text: str) -> Any:
    if name in LISTS:
        return _list(text.strip("[]"), name)
    if text.lower() in ("none", "null"):
        return None
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def _file(path: Path) -> dict[str, Any]:
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
    return {str(name).replace("-", "_"): value for name, value in values.items()}


def _toml(text: str) -> Any:
    import tomllib

    return tomllib.loads(text)


def _yaml(text: str) -> Any:
    import yaml  # type: ignore[import-untyped]  # its stubs are a package of their own

    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from error
