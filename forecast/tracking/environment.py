"""The environment of a run as tags: versions, machine, code and process."""

from __future__ import annotations

import os
import platform
import socket
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

PACKAGES = ("forecast-toolkit", "torch", "pytorch-lightning", "pandas", "numpy", "scikit-learn", "mlflow")


def environment() -> dict[str, str]:
    """Return tags with the versions of packages and Python, the machine, and the git commit of the working directory."""
    tags = {f"version.{name}": version(name) for name in PACKAGES}
    tags |= {"forecast.version": version("forecast-toolkit"), "python": platform.python_version()}
    tags |= {"machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} CPUs"}
    commit = _git("rev-parse", "HEAD")
    if commit:
        tags["forecast.git_commit"] = commit + (" (changed)" if _git("status", "--porcelain", "-uno") else "")
    return tags


def process() -> dict[str, str]:
    """Return tags that name this process, so that another process can close its run if it dies."""
    return {"forecast.host": socket.gethostname(), "forecast.boot": _boot(), "forecast.pid": str(os.getpid())}


def is_dead(tags: dict[str, str]) -> bool:
    """Return whether the process that these tags name has certainly ended; of other machines nothing is certain."""
    if tags.get("forecast.host") != socket.gethostname() or "forecast.pid" not in tags:
        return False
    if tags.get("forecast.boot") != _boot():  # this machine was started again, and process ids begin anew
        return True
    if sys.platform == "win32":  # there os.kill ends the process, whatever the signal
        return False
    try:
        os.kill(int(tags["forecast.pid"]), 0)  # signal 0 only asks whether the process exists
    except ProcessLookupError:
        return True
    except PermissionError:  # it exists, and belongs to another user
        return False
    return False


def _boot() -> str:
    """Return the id of this machine's boot; "unknown" where the system gives none."""
    path = Path("/proc/sys/kernel/random/boot_id")
    return path.read_text().strip() if path.exists() else "unknown"


def _git(*command: str) -> str:
    """Return what a git command prints; nothing where git or a repository is missing."""
    try:
        completed = subprocess.run(["git", *command], capture_output=True, text=True, timeout=2, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return completed.stdout.strip() if completed.returncode == 0 else ""
