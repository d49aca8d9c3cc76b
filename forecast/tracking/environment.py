"""What a run was made with: versions, machine, code."""

from __future__ import annotations

import os
import platform
import socket
import subprocess
from importlib.metadata import version
from pathlib import Path

PACKAGES = ("forecast-toolkit", "torch", "pytorch-lightning", "pandas", "numpy", "scikit-learn", "mlflow")


def environment() -> dict[str, str]:
    """Tags: versions, Python, threads, the git commit of the working directory."""
    tags = {f"version.{name}": version(name) for name in PACKAGES}
    tags |= {"forecast.version": version("forecast-toolkit"), "python": platform.python_version()}
    tags |= {"machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} CPUs"}
    commit = _git("rev-parse", "HEAD")
    if commit:
        tags["forecast.git_commit"] = commit + (" (changed)" if _git("status", "--porcelain", "-uno") else "")
    return tags


def process() -> dict[str, str]:
    """Tags that name this process, so that its run can be closed by another if it dies."""
    return {"forecast.host": socket.gethostname(), "forecast.boot": _boot(), "forecast.pid": str(os.getpid())}


def is_dead(tags: dict[str, str]) -> bool:
    """Whether the process that these tags name is known to be gone."""
    if tags.get("forecast.host") != socket.gethostname() or "forecast.pid" not in tags:
        return False
    if tags.get("forecast.boot") != _boot():
        return True
    try:
        os.kill(int(tags["forecast.pid"]), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False


def _boot() -> str:
    path = Path("/proc/sys/kernel/random/boot_id")
    return path.read_text().strip() if path.exists() else "unknown"


def _git(*command: str) -> str:
    try:
        answer = subprocess.run(["git", *command], capture_output=True, text=True, timeout=2, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return answer.stdout.strip() if answer.returncode == 0 else ""
