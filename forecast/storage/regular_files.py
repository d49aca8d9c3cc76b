"""Files of a model directory are opened so that nothing else than a regular file of a sane size is ever read."""

from __future__ import annotations

import os
import stat
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from forecast.datasets.errors import ForecastError, ModelError
from forecast.datasets.saved_arrays import REMEDY

MOST_WORDS = 300  # characters of what is wrong with a file
# a link is not followed, a pipe without a writer is not waited for, a terminal does not become ours
FLAGS = os.O_RDONLY | sum(
    getattr(os, name, 0) for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_NOCTTY", "O_CLOEXEC", "O_BINARY")
)


def read_regular(path: Path, most_bytes: int) -> bytes:
    """Read a regular file.

    Args:
        path: the file.
        most_bytes: how many bytes it may have; a larger one is refused before it is read.

    Raises:
        ModelError: if it is missing, is a link, a pipe, a device or a directory, or is too large.
    """
    try:
        number = os.open(path, FLAGS)
    except OSError as error:
        what = "is a link, not a regular file" if path.is_symlink() else f"cannot be read: {error.strerror}"
        raise ModelError(f"{path} {what}", hint=REMEDY) from error
    try:
        about = os.fstat(number)
        if not stat.S_ISREG(about.st_mode):
            raise ModelError(f"{path} is not a regular file", hint=REMEDY)
        if about.st_size > most_bytes:
            raise ModelError(f"{path} has {about.st_size} bytes, more than {most_bytes}", hint=REMEDY)
        return _read(number, path, most_bytes)
    finally:
        os.close(number)


def refused(path: Path, why: str) -> ModelError:
    """Return the error that says what is wrong with a file, on one line."""
    words = "".join(letter if letter.isprintable() else "?" for letter in " ".join(why.split()))
    words = words if len(words) <= MOST_WORDS else f"{words[:MOST_WORDS]}..."
    return ModelError(f"{path}: {words}", hint=REMEDY)


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turn whatever goes wrong while the content of a file is used into a `ModelError` that names the file.

    The content may be anything that somebody could write, so that no list of exceptions would be complete.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # of numpy, at numbers that are refused in the end
            yield
    except ForecastError as error:
        problem = f": {error.problems[0]}" if error.problems else ""
        found = refused(path, f"{error.message}{problem}")
        raise ModelError(found.message, hint=error.hint or found.hint) from error
    except Exception as error:
        why = str(error) if isinstance(error, ValueError) else f"{type(error).__name__}: {error}"
        raise refused(path, why) from error


def _read(number: int, path: Path, most_bytes: int) -> bytes:
    """Read an open file to its end, which may have moved since its size was asked for."""
    parts: list[bytes] = []
    size = 0
    while True:
        try:
            part = os.read(number, min(2**24, most_bytes + 1 - size))
        except OSError as error:
            raise ModelError(f"{path} cannot be read: {error.strerror}", hint=REMEDY) from error
        if not part:
            return b"".join(parts)
        size += len(part)
        parts.append(part)
        if size > most_bytes:
            raise ModelError(f"{path} has more than {most_bytes} bytes", hint=REMEDY)
