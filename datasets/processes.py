"""A process is named so that another one can tell, much later, whether it still lives."""

from __future__ import annotations

import hashlib
import os
import socket
import sys
from functools import cache
from pathlib import Path

TOKEN = r"[0-9a-f]{8}-[0-9]+-[0-9a-f]{8}"  # what `token` returns, as a regular expression


def token() -> str:
    """Return this process's name: where it runs, its id there, and when it began.

    The id alone is soon another's: in containers every start begins with the same ones.
    """
    pid = os.getpid()
    return f"{_place()}-{pid}-{_birth(pid)}"


def is_dead(name: str) -> bool:
    """Return whether the process of this name has certainly ended; of other machines nothing is certain.

    Args:
        name: what `token` returned in that process.
    """
    place, number, birth = name.split("-")
    if place != _place() or sys.platform == "win32":  # there os.kill ends the process, whatever the signal
        return False
    pid = int(number)
    try:
        os.kill(pid, 0)  # signal 0 only asks whether the process exists
    except (ProcessLookupError, OverflowError):
        return True
    except PermissionError:  # it exists, and belongs to another user
        pass
    return _birth(pid) != birth


@cache
def _place() -> str:
    """Return a hash of the machine's name and of the namespace of its process ids, which containers have for their own."""
    try:
        namespace = os.readlink("/proc/self/ns/pid")
    except OSError:
        namespace = ""
    return _hash(socket.gethostname(), namespace)


def _birth(pid: int) -> str:
    """Return a hash of the machine's boot and of the process's start since then; the same for all where none is known."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text()
        # the 22nd field of the line; the second one is a name in brackets that may hold anything
        started = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return _hash()
    return _hash(boot, started)


def _hash(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:8]
