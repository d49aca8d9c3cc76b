"""Hostile model.safetensors: arrays that are not those of the settings, and headers that lie."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hostile import (
    TENSORS,
    change_tensors,
    refused,
    sign,
)

ARRAYS = {  # an array of numbers of each model
    "gru": "highway.weight",
    "auto": "0.0.core.layers.0.layer.weight_ih_l0",
    "theta": "horizon",
    "boosting": "trees.value",
    "deepar": "highway.weight",
    "calibrated": "calibration.weights",
}
TEXTS = {"gru": "network_settings", "auto": "parts", "deepar": "covariates", "calibrated": "calibration.trained"}


def _more(array: Any) -> Any:
    return np.concatenate([array, array])


def _another_dtype(array: Any) -> Any:
    return array.astype(np.float32 if array.dtype == np.float64 else np.float64)


def _not_finite(array: Any) -> Any:
    array = array.astype(np.float64) if array.dtype.kind == "i" else array
    array.flat[-1] = np.inf
    return array


def _another_rank(array: Any) -> Any:
    return array[None]


@pytest.mark.parametrize("model", ARRAYS)
@pytest.mark.parametrize("way", [_more, _another_dtype, _not_finite, _another_rank, None])
def test_an_array_that_is_another(copy: Callable[[str], Path], model: str, way: Callable[[Any], Any] | None) -> None:
    directory, name = copy(model), ARRAYS[model]

    def change(state: dict[str, Any]) -> None:
        array = state.pop(name)
        if way is not None:
            state[name] = way(array)

    change_tensors(directory, change)
    refused(directory, TENSORS)


@pytest.mark.parametrize("model", ARRAYS)
@pytest.mark.parametrize("name", ["surprise", "0.surprise", "9.highway.weight", "calibration.surprise"])
def test_an_array_too_many(copy: Callable[[str], Path], model: str, name: str) -> None:
    directory = copy(model)
    change_tensors(directory, lambda state: state.update({name: np.zeros(3)}))
    refused(directory, TENSORS)


@pytest.mark.parametrize("model", TEXTS)
@pytest.mark.parametrize("text", ["[" * 5000, "{}", "[1]", '{"masked": 1, "masked": 1}', '[{"name": NaN}]', "\x00"])
def test_json_in_an_array(copy: Callable[[str], Path], model: str, text: str) -> None:
    directory = copy(model)
    content = np.frombuffer(text.encode(), np.uint8)
    change_tensors(directory, lambda state: state.update({TEXTS[model]: content}))
    refused(directory, TENSORS)


@pytest.mark.parametrize("name", ["trees.feature", "trees.kept", "trees.threshold", "trees.base", "errors"])
@pytest.mark.parametrize("value", [0, 1000])
def test_trees_that_would_look_up_what_is_not_there(copy: Callable[[str], Path], name: str, value: int) -> None:
    if (name, value) not in {("trees.feature", 1000), ("trees.kept", 0)}:
        return
    directory = copy("boosting")
    change_tensors(directory, lambda state: state.update({name: np.full_like(state[name], value)}))
    refused(directory, TENSORS)


HEADERS: dict[str, Any] = {
    "a shape that is larger than its bytes": {"dtype": "I64", "shape": [10**9], "data_offsets": [0, 8]},
    "a shape whose bytes overflow": {"dtype": "I64", "shape": [2**32, 2**32], "data_offsets": [0, 8]},
    "a shape below zero": {"dtype": "I64", "shape": [-1], "data_offsets": [0, 8]},
    "bytes behind the end": {"dtype": "I64", "shape": [10**9], "data_offsets": [0, 8 * 10**9]},
    "bytes that begin later": {"dtype": "I64", "shape": [1], "data_offsets": [8, 16]},
    "an unknown dtype": {"dtype": "C64", "shape": [1], "data_offsets": [0, 8]},
    "no place": {"dtype": "I64", "shape": [1]},
    "no object": [1, 2, 3],
}


@pytest.mark.parametrize("name", HEADERS)
def test_headers_of_tensors(copy: Callable[[str], Path], name: str) -> None:
    directory = copy("theta")
    header = json.dumps({"horizon": HEADERS[name]}).encode()
    (directory / TENSORS).write_bytes(len(header).to_bytes(8, "little") + header + bytes(8))
    sign(directory)
    refused(directory, TENSORS)


@pytest.mark.parametrize("length", [0, 7, 2**31, 2**40, 2**64 - 1])
def test_a_header_of_another_length(copy: Callable[[str], Path], length: int) -> None:
    directory = copy("theta")
    path = directory / TENSORS
    path.write_bytes(length.to_bytes(8, "little") + path.read_bytes()[8:])
    sign(directory)
    refused(directory, TENSORS)
