"""Tensors are read from a safetensors file once its header says that each lies inside the file, and nothing else does."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import safetensors.numpy
from numpy.typing import NDArray

from forecast.datasets.strict_json import read_json, shown

MOST_HEADER_BYTES = 32 * 2**20
MOST_TENSORS = 100_000  # a thousand networks have so many
MOST_AXES = 4
BYTES_OF_LENGTH = 8  # the length of the header stands before it
BYTES = {"F32": 4, "F64": 8, "I64": 8, "U8": 1, "U32": 4, "BOOL": 1}  # of a number, by the types that models save
KEYS = {"dtype", "shape", "data_offsets"}


def read_tensors(data: bytes) -> dict[str, NDArray[Any]]:
    """Read the content of a safetensors file.

    Args:
        data: the file.

    Returns:
        Arrays by name, which together have as many bytes as the file has behind its header.

    Raises:
        ValueError: if the header is no list of tensors of the types that models save, or the tensors do not fill the
            file one after the other.
    """
    check_header(_header(data), len(data))
    arrays: dict[str, NDArray[Any]] = safetensors.numpy.load(data)
    return arrays


def check_header(header: Mapping[str, Any], end: int) -> None:
    """Refuse a header whose tensors do not fill a file.

    Args:
        header: by name, dtype, shape and place of each tensor.
        end: bytes of the file, its header included.

    Raises:
        ValueError: if a tensor is described otherwise than models describe it, overlaps another one, or leaves a gap.
    """
    if len(header) > MOST_TENSORS:
        raise ValueError(f"it has {len(header)} tensors, more than {MOST_TENSORS}")
    places = sorted(_place(name, line) for name, line in header.items())
    begins = [0, *(place[1] for place in places)]
    for begin, (first, _, name) in zip(begins, places, strict=False):
        if first != begin:
            raise ValueError(f"the tensor {shown(name)} does not begin where the one before it ends")
    if begins[-1] > end:
        raise ValueError("the tensors are longer than the file")


def _header(data: bytes) -> Mapping[str, Any]:
    length = int.from_bytes(data[:BYTES_OF_LENGTH], "little")
    if len(data) < BYTES_OF_LENGTH or length > min(MOST_HEADER_BYTES, len(data) - BYTES_OF_LENGTH):
        raise ValueError("its header is longer than the file may have it")
    header = read_json(data[BYTES_OF_LENGTH : BYTES_OF_LENGTH + length])
    if not isinstance(header, dict):
        raise ValueError("its header does not list tensors by name")
    return header


def _place(name: str, line: Any) -> tuple[int, int, str]:
    """Return the first byte of a tensor, the one past its last, counted from the header's end, and its name."""
    if not isinstance(line, dict) or line.keys() != KEYS:
        raise ValueError(f"the tensor {shown(name)} is not described by {', '.join(sorted(KEYS))}")
    dtype, shape, place = line["dtype"], line["shape"], line["data_offsets"]
    if not isinstance(dtype, str) or dtype not in BYTES:
        raise ValueError(f"the tensor {shown(name)} has the dtype {shown(dtype)}, none of {', '.join(BYTES)}")
    if not _are_sizes(shape) or len(shape) > MOST_AXES:
        raise ValueError(f"the tensor {shown(name)} has the shape {shown(shape)}")
    if not _are_sizes(place) or len(place) != 2 or place[1] - place[0] != math.prod(shape) * BYTES[dtype]:
        raise ValueError(f"the tensor {shown(name)} has other bytes than its shape {shown(shape)} takes")
    return place[0], place[1], name


def _are_sizes(values: Any) -> bool:
    return isinstance(values, list) and all(type(value) is int and value >= 0 for value in values)
