"""A new directory takes the place of an old one, at no moment of which both are gone."""

from __future__ import annotations

import ctypes
import os
import sys
from pathlib import Path

from forecast.datasets.ending import if_ended
from forecast.datasets.temporary import aside, put_back

AT_FDCWD, RENAME_EXCHANGE = -100, 2  # of Linux, <fcntl.h> and <stdio.h>


def swap(fresh: Path, directory: Path) -> None:
    """Put `fresh` in the directory's place; where there was an old one, it may stand in `fresh`'s place afterwards.

    Where the system cannot exchange the two at once, the old directory is moved aside for a moment, and back if the
    process ends or the second rename fails; after a kill, the next command that reads or writes there moves it back.

    Args:
        fresh: the new directory.
        directory: its final place, in the same folder.
    """
    if not os.path.lexists(directory):
        os.replace(fresh, directory)
    elif not exchange(fresh, directory):
        moved = aside(directory)
        with if_ended(lambda: put_back(moved, directory)):
            try:
                os.replace(directory, moved)
                os.replace(fresh, directory)
            finally:
                put_back(moved, directory)


def exchange(one: Path, other: Path) -> bool:
    """Exchange two paths at once; return False where the system or the file system cannot.

    References:
        Linux manual, rename(2): renameat2 with RENAME_EXCHANGE.
    """
    if not sys.platform.startswith("linux"):
        return False
    call = getattr(ctypes.CDLL(None), "renameat2", None)  # older C libraries have none
    return call is not None and call(AT_FDCWD, os.fsencode(one), AT_FDCWD, os.fsencode(other), RENAME_EXCHANGE) == 0
