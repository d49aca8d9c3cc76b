"""Arrays that a saved model is restored from are compared with what its settings say they are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from forecast.datasets.errors import ModelError
from forecast.datasets.strict_json import read_json, shown

REMEDY = "The model was changed or damaged: restore its directory from a copy, or fit it again."
MOST_NAMED = 3  # names of arrays in a message


@dataclass(frozen=True)
class Expected:
    """What an array must be.

    Args:
        dtype: its dtype.
        shape: its shape; None stands for an axis of any length.
        least: the least value; None, the default, for none.
        most: the greatest value; None, the default, for none.
        finite: whether every value is finite; True by default.
    """

    dtype: DTypeLike
    shape: tuple[int | None, ...]
    least: float | None = None
    most: float | None = None
    finite: bool = True

    def problem(self, array: NDArray[Any]) -> str | None:
        """Say in a clause what is wrong with an array; None where nothing is."""
        if array.dtype != np.dtype(self.dtype):
            return f"has the dtype {array.dtype}, not {np.dtype(self.dtype)}"
        fits = len(array.shape) == len(self.shape)
        if not fits or any(n not in (None, m) for n, m in zip(self.shape, array.shape, strict=True)):
            return f"has the shape {_shape(array.shape)}, not {_shape(self.shape)}"
        if self.finite and array.dtype.kind == "f" and not np.isfinite(array).all():
            return "has values that are not finite"
        if self.least is not None and (array < self.least).any():
            return f"has values below {self.least:g}"
        if self.most is not None and (array > self.most).any():
            return f"has values above {self.most:g}"
        return None


def check_arrays(arrays: Mapping[str, NDArray[Any]], expected: Mapping[str, Expected]) -> None:
    """Refuse arrays that are not exactly the expected ones.

    Raises:
        ModelError: if an array is missing, is one too many, or is another than expected; it names the array.
    """
    for what, names in (
        ("lacks", [*expected.keys() - arrays.keys()]),
        ("has also", [*arrays.keys() - expected.keys()]),
    ):
        if names:
            listed = ", ".join(shown(name) for name in sorted(names)[:MOST_NAMED])
            more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
            raise ModelError(f"the model {what} the array {listed}{more}", hint=REMEDY)
    for name, line in expected.items():
        problem = line.problem(arrays[name])
        if problem is not None:
            raise ModelError(f"the array {shown(name)} {problem}", hint=REMEDY)


def json_of(arrays: Mapping[str, NDArray[Any]], name: str) -> Any:
    """Read the JSON that an array of bytes holds.

    Raises:
        ModelError: if there is no such array, or it holds no JSON that `read_json` reads.
    """
    if name not in arrays:
        raise ModelError(f"the model lacks the array {name}", hint=REMEDY)
    problem = Expected(np.uint8, (None,)).problem(arrays[name])
    if problem is not None:
        raise ModelError(f"the array {name} {problem}", hint=REMEDY)
    try:
        return read_json(arrays[name].tobytes())
    except ValueError as error:
        raise ModelError(f"the array {name}: {shown(str(error))}", hint=REMEDY) from error


def _shape(sizes: tuple[int | None, ...]) -> str:
    return f"({', '.join('any' if size is None else str(size) for size in sizes)})"
