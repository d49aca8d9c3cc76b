"""Hostile config.json: values, keys and settings that no `save` has written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hostile import (
    CONFIG,
    CONTEXT,
    TENSORS,
    at_place,
    change_config,
    refused,
    sign,
)

from forecast.datasets.tables.columns import TableFormat

PLACES = ["season_length", "settings.horizon", "panel.grid.freq", "support.lower", "resolved.hidden_size"]
OBJECTS = ["settings", "resolved", "panel", "panel.format", "support"]
VALUES: dict[str, Any] = {
    "a text": "x\n\x1b[31m",
    "a list": [1, 2],
    "an object": {"a": 1},
    "a truth": True,
    "a fraction": 0.5,
    "below zero": -1,
    "64 bits": 2**63,
    "a billion": 10**9,
}
ADMITTED = {  # values that a setting or a support may have
    ("support.lower", "a fraction"),
    ("support.lower", "below zero"),
    ("support.lower", "64 bits"),
    ("support.lower", "a billion"),
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("value", VALUES)
def test_values_of_another_kind_or_size(copy: Callable[[str], Path], place: str, value: str) -> None:
    if (place, value) in ADMITTED:
        return
    directory = copy("gru")

    def change(config: Any) -> None:
        part, key = at_place(config, place)
        part[key] = VALUES[value]

    change_config(directory, change)
    refused(directory, CONFIG)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("text", ["NaN", "1e999", "-Infinity", "9" * 5000, "[" * 200 + "]" * 200, '"\\ud800"'])
def test_json_that_is_no_plain_value(copy: Callable[[str], Path], place: str, text: str) -> None:
    directory = copy("gru")

    def change(config: Any) -> None:
        part, key = at_place(config, place)
        part[key] = "HERE"

    change_config(directory, change)
    path = directory / CONFIG
    path.write_text(path.read_text().replace('"HERE"', text))
    sign(directory)
    refused(directory, CONFIG)


@pytest.mark.parametrize("place", PLACES)
def test_a_key_that_is_missing(copy: Callable[[str], Path], place: str) -> None:
    directory = copy("gru")

    def change(config: Any) -> None:
        part, key = at_place(config, place)
        del part[key]

    change_config(directory, change)
    error = refused(directory, CONFIG)
    assert place.rpartition(".")[2] in error.message
    assert error.hint == "The model was written by another version, or changed since: fit it again."


@pytest.mark.parametrize("place", OBJECTS)
def test_a_key_that_is_unknown(copy: Callable[[str], Path], place: str) -> None:
    directory = copy("gru")

    def change(config: Any) -> None:
        part, key = at_place(config, place)
        part[key]["surprise"] = 1

    change_config(directory, change)
    error = refused(directory, CONFIG)
    assert "surprise" in error.message
    assert error.hint == "The model was written by another version, or changed since: fit it again."


@pytest.mark.parametrize("place", OBJECTS)
def test_a_key_that_is_there_twice(copy: Callable[[str], Path], place: str) -> None:
    directory = copy("gru")

    def change(config: Any) -> None:
        part, key = at_place(config, place)
        part[key]["HERE"] = 1

    change_config(directory, change)
    path = directory / CONFIG
    path.write_text(path.read_text().replace('"HERE": 1', '"twice": 1, "twice": 2'))
    sign(directory)
    assert "twice" in refused(directory, CONFIG).message


@pytest.mark.parametrize(
    "text", ["[]", "null", "3", '"text"', '{"schema": ' + "[" * 100_000, "[" + "[]," * 3_000_000 + "1]"]
)
def test_a_config_that_is_no_object(copy: Callable[[str], Path], text: str) -> None:
    directory = copy("theta")
    (directory / CONFIG).write_text(text)
    sign(directory)
    refused(directory, CONFIG)


PANELS: dict[str, tuple[str, Any]] = {
    "another frequency": ("panel.grid.step", 7),
    "an unknown frequency": ("panel.grid.freq", "fortnight"),
    "an unknown zone": ("panel.format.zone", "Mars/Olympus"),
    "an unknown dtype of times": ("panel.format.time_dtype", "period[x]"),
    "an unknown dtype of ids": ("panel.format.id_dtypes", ["nonsense"]),
    "an id of other parts": ("panel.format", TableFormat(ids=("a", "b"), id_dtypes=("str", "str")).to_json()),
    "an id without a dtype": ("panel.format.ids", ["unique_id", "shop"]),
    "a level that is no column": ("panel.format.levels", ["unique_id", "when"]),
    "another role": ("panel.channels.1.role", "past"),
    "no channel": ("panel.channels", []),
    "names that do not suffice": ("panel.channels.1.categories", ["high"]),
    "numbers for names": ("panel.channels.1.categories", None),
    "bounds without room": ("support", {"lower": 1, "upper": 1, "is_open": False, "whole": False, "inferred": False}),
}


@pytest.mark.parametrize("name", PANELS)
def test_a_panel_that_contradicts_its_rows(copy: Callable[[str], Path], name: str) -> None:
    directory, (place, value) = copy("gru"), PANELS[name]

    def change(config: Any) -> None:
        part, key = at_place(config, place)
        part[key] = value

    change_config(directory, change)
    refused(directory, f"({CONFIG}|{CONTEXT})")


SIZES = {
    "hidden_size": 60_000,
    "layers": 200,
    "memory": 90_000,
    "horizon": 90_000,
    "lookback": 90_000,
    "head": "normal",
    "decoder": "attention",
    "quantiles": [0.1, 0.2, 0.9],
    "season_length": 900_000,
    "model": "lstm",
}
READ = {  # which of these a forecast reads, where it does not read all: the networks of auto have settings of their own
    "auto": ("horizon", "quantiles"),
    "theta": ("horizon", "model"),
    "boosting": ("horizon", "model", "quantiles"),
    "deepar": tuple(name for name in SIZES if name != "quantiles"),
}


@pytest.mark.parametrize("model", ["gru", "auto", "theta", "boosting", "deepar", "calibrated"])
@pytest.mark.parametrize("name", SIZES)
def test_settings_that_the_tensors_are_not_of(copy: Callable[[str], Path], model: str, name: str) -> None:
    if name not in READ.get(model, SIZES) or (model, name) == ("deepar", "memory"):  # it has all of its lookback
        return
    directory = copy(model)

    def change(config: Any) -> None:
        for part in ("settings", "resolved"):
            config[part][name] = SIZES[name]
        if name == "season_length":
            config[name] = SIZES[name]

    change_config(directory, change)
    refused(directory, f"({CONFIG}|{TENSORS}|{CONTEXT})")
