"""The environment of a run as tags: versions, machine, code and process."""

from __future__ import annotations

import contextlib
import getpass
import os
import platform
import re
import socket
import subprocess
from importlib.metadata import version

from forecast.datasets import processes
from forecast.datasets.processes import TOKEN, token

PACKAGES = ("torch", "pytorch-lightning", "pandas", "numpy", "scikit-learn", "mlflow")
PROCESS = "forecast.process"  # the tag that names the process that keeps a run open
RECORD = "forecast.record"  # the tag that every run of ours has, and only one run of each record
HEARTBEAT = "forecast.heartbeat"  # milliseconds since 1970 of the last sign of life of an open run
PARENT_RECORD = "forecast.parent_record"  # of the run that a run is a part of, by its record: it may not be sent yet
SCORE = "score/"  # before the metrics that actuals gave a prediction when they arrived
PREDICT_RECORD, PREDICT_RUN = "forecast.predict_record", "forecast.predict_run_id"  # of the prediction that is scored
FIT_RECORD, FIT_RUN = "forecast.fit_record", "forecast.fit_run_id"  # of the fit whose model made a forecast


def environment() -> dict[str, str]:
    """Return tags with the versions of packages and Python, the machine, and the git commit of the working directory.

    They are few, since MLflow's page of a run shows tags above its description.
    """
    versions = {"python": platform.python_version(), **{name: version(name) for name in PACKAGES}}
    tags = toolkit()
    tags |= {"forecast.packages": ", ".join(f"{name} {number}" for name, number in versions.items())}
    tags |= {"forecast.machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} CPUs"}
    commit = _git("rev-parse", "HEAD")
    if commit:
        tags["forecast.git_commit"] = commit + (" (changed)" if _git("status", "--porcelain", "-uno") else "")
    return tags


def toolkit() -> dict[str, str]:
    """Return a tag with the version of this toolkit, which costs nothing."""
    return {"forecast.version": version("forecast-toolkit")}


def process() -> dict[str, str]:
    """Return tags that name this process: for people, and so that another process can close its run if it dies."""
    user = {}
    with contextlib.suppress(Exception):  # a container's user need not have a name
        user = {"mlflow.user": getpass.getuser()}
    return {"forecast.host": socket.gethostname(), "forecast.pid": str(os.getpid()), PROCESS: token(), **user}


def is_dead(tags: dict[str, str]) -> bool:
    """Return whether the process that these tags name has certainly ended; of other machines nothing is certain."""
    return re.fullmatch(TOKEN, tags.get(PROCESS, "")) is not None and processes.is_dead(tags[PROCESS])


def _git(*command: str) -> str:
    """Return what a git command prints; nothing where git or a repository is missing."""
    try:
        completed = subprocess.run(["git", *command], capture_output=True, text=True, timeout=2, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return completed.stdout.strip() if completed.returncode == 0 else ""
