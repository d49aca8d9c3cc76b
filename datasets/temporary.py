"""Files and folders that are written beside their final place, and never outlive the process that writes them for long.

Their names say which process made them. They are removed when its work is done or interrupted; after a kill, which
leaves no time for that, the next command that writes there removes them.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from forecast.datasets.ending import if_ended
from forecast.datasets.processes import TOKEN, is_dead, token

PART, ASIDE = "part", "old"  # a new one that is being written, and an old one that is out of the way meanwhile
NAME = re.compile(rf"\.(?P<name>.+)\.(?P<token>{TOKEN})-[0-9a-f]{{8}}\.(?P<kind>{PART}|{ASIDE})(?:\.\w+)?")
LONGEST = 150  # characters of a name that are repeated in that of its part; systems allow about 255 in all


@contextmanager
def beside(place: Path, *, folder: bool = False, suffix: str = "") -> Iterator[Path]:
    """Make an empty file or folder beside `place`, within whose file system a rename is atomic.

    It is for the user alone until its mode is changed, and is removed at the end of the `with` block unless it was
    renamed. What dead processes left in the same folder is removed before.

    Args:
        place: the final place; its parents are made.
        folder: whether a folder is made; False by default.
        suffix: what the name ends in, for writers that choose a format by it; nothing by default.
    """
    place.parent.mkdir(parents=True, exist_ok=True)
    sweep(place.parent)
    path = _named(place, PART, suffix)
    with if_ended(lambda: remove(path)):
        try:
            if folder:
                path.mkdir(mode=0o700)
            else:
                os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
            yield path
        finally:
            remove(path)


@contextmanager
def own_tempdir() -> Iterator[None]:
    """Have everything in this process that asks for the system's temporary folder write to one of our own inside it.

    Packages beneath us write there too, and would leave what they wrote when the process is killed.
    """
    before = tempfile.tempdir
    with beside(Path(tempfile.gettempdir()) / "forecast", folder=True) as path:
        tempfile.tempdir = str(path)
        try:
            yield
        finally:
            tempfile.tempdir = before


def aside(place: Path) -> Path:
    """Return a path beside `place` to which it can be moved for a moment."""
    return _named(place, ASIDE, "")


def put_back(moved: Path, place: Path) -> None:
    """Move what was moved aside back, or remove it where something has taken its place."""
    if os.path.lexists(moved):
        if os.path.lexists(place):
            remove(moved)
        else:
            os.replace(moved, place)


def sweep(folder: Path) -> None:
    """Remove what dead processes were writing in a folder, and put back what they had moved aside.

    What cannot be read or removed stays: it is no reason for a command to fail.
    """
    for name in _names(folder):
        match = NAME.fullmatch(name)
        if match is None or not is_dead(match["token"]):
            continue
        try:
            if match["kind"] == ASIDE:
                put_back(folder / name, folder / match["name"])
            else:
                remove(folder / name)
        except OSError:
            continue


def restore(place: Path) -> None:
    """Put back what a process that died had moved from this place, if nothing is there."""
    if not os.path.lexists(place) and place.parent.is_dir():
        sweep(place.parent)


def remove(path: Path) -> None:
    """Remove a file, a link or a folder, if it is there; of a folder as much as can be."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _named(place: Path, kind: str, suffix: str) -> Path:
    name = place.name if kind == ASIDE else place.name[:LONGEST]
    return place.parent / f".{name}.{token()}-{os.urandom(4).hex()}.{kind}{suffix}"


def _names(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []
