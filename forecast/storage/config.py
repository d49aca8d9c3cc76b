"""The schema of config.json: what its keys are, what their values are, and how long a text may be."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Set
from typing import Any

from forecast.datasets.errors import ModelError
from forecast.datasets.strict_json import shown
from forecast.datasets.tables.columns import TableFormat
from forecast.datasets.tables.forms import LIBRARIES
from forecast.datasets.time.grid import Grid
from forecast.datasets.windows.support import Support
from forecast.settings import Settings

Check = Callable[[Any], bool]
ANOTHER_VERSION = "The model was written by another version, or changed since: fit it again."
MOST_FACTS = 20
MOST_LETTERS = 100_000  # of a text: a note may name every column of a wide table
# what the settings of the user and the resolved ones have in common, whatever a model resolves
IN_BOTH = ("horizon", "model", "quantiles", "static", "known", "past", "point", "calibrate", "seed")


def _text(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= MOST_LETTERS


def _text_or_none(value: Any) -> bool:
    return value is None or _text(value)


def _texts(value: Any) -> bool:
    return isinstance(value, list) and all(_text(item) for item in value)


def _texts_or_none(value: Any) -> bool:
    return value is None or _texts(value)


def _texts_by_name(value: Any) -> bool:
    return isinstance(value, dict) and all(_text(item) for item in value.values())


def _flag(value: Any) -> bool:
    return isinstance(value, bool)


def _count(value: Any) -> bool:
    return type(value) is int and value >= 1


def _number_or_none(value: Any) -> bool:
    return value is None or type(value) in (int, float)


def _object(value: Any) -> bool:
    return isinstance(value, dict)


def _objects(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, dict) for item in value)


def _facts(value: Any) -> bool:
    """Return whether a value is a few texts and numbers by name, as the model card shows them."""
    if not isinstance(value, dict) or len(value) > MOST_FACTS:
        return False
    return all(item is None or _text(item) or type(item) in (int, float, bool) for item in value.values())


CONFIG: dict[str, Check] = {
    "schema": _text,
    "version": _text,
    "settings": _object,
    "resolved": _object,
    "reasons": _texts_by_name,
    "season_length": _count,
    "fills_from_season": _flag,
    "support": _object,
    "learned_from": _facts,
    "evaluated": lambda value: value is None or _facts(value),
    "run_id": _text_or_none,
    "panel": _object,
}
SUPPORT: dict[str, Check] = {
    "lower": _number_or_none,
    "upper": _number_or_none,
    "is_open": _flag,
    "whole": _flag,
    "inferred": _flag,
}
PANEL: dict[str, Check] = {"grid": _object, "format": _object, "channels": _objects, "notes": _texts}
GRID: dict[str, Check] = {"kind": _text, "freq": _text, "step": _count}
FORMAT: dict[str, Check] = {
    "kind": lambda value: value in ("long", "wide", "series"),
    "ids": _texts,
    "time": _text,
    "target": _text,
    "id_dtypes": _texts,
    "time_dtype": _text,
    "zone": _text_or_none,
    "time_form": _text_or_none,
    "order": _texts,
    "columns_name": _text_or_none,
    "index_freq": _flag,
    "time_in_columns": _flag,
    "levels": _texts,
    "library": lambda value: value in ("pandas", "dict", *LIBRARIES),
}
CHANNEL: dict[str, Check] = {
    "name": _text,
    "role": lambda value: value in ("target", "known", "past"),
    "categories": _texts_or_none,
}


def check_config(config: Any) -> None:
    """Refuse a config that `save` cannot have written.

    Args:
        config: JSON primitives.

    Raises:
        ValueError: if a key has a value of another kind; it names the key.
        ModelError: if a key is missing or unknown, as those of other versions are, or if settings contradict one another.
        ConfigError: if a setting is out of its range.
    """
    _keys(config, CONFIG, "the file")
    _keys(config["support"], SUPPORT, "support")
    _keys(config["panel"], PANEL, "panel")
    _keys(config["panel"]["grid"], GRID, "panel.grid")
    _keys(config["panel"]["format"], FORMAT, "panel.format")
    for number, channel in enumerate(config["panel"]["channels"]):
        _keys(channel, CHANNEL, f"panel.channels[{number}]")
    _check_format(TableFormat.from_json(config["panel"]["format"]))
    _check_support(Support.from_json(config["support"]))
    _check_grid(Grid.from_json(config["panel"]["grid"]))
    _check_settings(config)


def _keys(value: Any, schema: Mapping[str, Check], place: str) -> None:
    """Refuse an object that has not exactly the keys of a schema, or a value of another kind."""
    if not isinstance(value, dict):
        raise ValueError(f"{place} is no JSON object")
    _same_keys(value.keys(), schema.keys(), place)
    for name, check in schema.items():
        if not check(value[name]):
            raise ValueError(f"{place} has a {name} of the wrong kind: {shown(value[name])}")


def _same_keys(found: Set[str], expected: Set[str], place: str) -> None:
    for what, names in (("lacks the", expected - found), ("has the unknown", found - expected)):
        if names:
            raise ModelError(f"{place} {what} key {shown(min(names))!r}", hint=ANOTHER_VERSION)


def _check_settings(config: dict[str, Any]) -> None:
    """Check both sets of settings, and that they go together with each other and with the panel."""
    both = []
    for place in ("settings", "resolved"):
        _same_keys(config[place].keys(), set(Settings.names()), place)
        both.append(Settings.of(config[place]))
    asked, resolved = both
    for name in IN_BOTH:
        if getattr(asked, name) != getattr(resolved, name):
            raise ModelError(f"settings and resolved have another {name}")
    if asked.freq is not None:
        Grid.of(asked.freq)
    grid = config["panel"]["grid"]
    if (resolved.season_length, resolved.freq) != (config["season_length"], grid["freq"]):
        raise ModelError("resolved has another season_length or freq than the model")
    channels = [(channel["role"], channel["name"]) for channel in config["panel"]["channels"]]
    named = [*(("known", name) for name in asked.known), *(("past", name) for name in asked.past)]
    if not channels or channels[0][0] != "target" or channels[1:] != named:
        raise ModelError("the panel's channels are not the target and the covariates that the settings name")


def _check_support(support: Support) -> None:
    if not support.lower < support.upper:
        raise ModelError("support leaves no room between lower and upper")


def _check_format(fmt: TableFormat) -> None:
    """Refuse a form that no table has: a result could not be given back in it."""
    is_one = len(fmt.ids) == 1 if fmt.kind == "wide" else not fmt.ids
    if len(fmt.ids) != len(fmt.id_dtypes) or (fmt.kind != "long" and not is_one):
        raise ModelError("the panel's format has ids that a table of its kind does not have")
    if not set(fmt.levels) <= {*fmt.ids, fmt.time}:
        raise ModelError("the panel's format has levels that are neither ids nor times")


def _check_grid(grid: Grid) -> None:
    """Refuse a grid that its own frequency does not give: its kind and its step decide what times cost."""
    if Grid.of(grid.freq) != grid:
        raise ModelError(f"the grid is not that of the frequency {shown(grid.freq)}")
