"""Commands and scripts as a user runs them, each in a process of its own that need not import everything anew.

A server imports what they have in common once, and the system copies it for each of them: arguments, working directory,
environment, streams and exit code are its own. What is about how a process starts or ends is tested with `python -m
forecast.cli`.
"""

from __future__ import annotations

import atexit
import importlib
import json
import os
import runpy
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

COMMON = (
    "forecast.automatic.ensemble",
    "forecast.cli.app",
    "forecast.cli.config",
    "forecast.cli.session",
    "forecast.forecaster",
    "pytorch_lightning",
)
STREAMS = ("stdin", "stdout", "stderr")
Answer = subprocess.CompletedProcess[str]


def run(*words: str, stdin: str = "") -> Answer:
    """Run `forecast WORDS` in the working directory and the environment of the test."""
    return _ordered(["forecast", *words], stdin)


def run_script(script: Path, *words: str) -> Answer:
    """Run `python SCRIPT WORDS` in the working directory and the environment of the test."""
    return _ordered([str(script), *words])


def _ordered(words: list[str], stdin: str = "") -> Answer:
    server = _server()
    assert server.stdin is not None
    assert server.stdout is not None
    with tempfile.TemporaryDirectory(prefix="command") as folder:
        places = [Path(folder) / name for name in STREAMS]
        for place, text in zip(places, (stdin, "", ""), strict=True):
            place.write_bytes(text.encode())
        order = {"words": words, "folder": os.getcwd(), "environment": dict(os.environ), "streams": [*map(str, places)]}
        server.stdin.write(json.dumps(order) + "\n")
        server.stdin.flush()
        code = int(server.stdout.readline())
        return Answer(words, code, *(place.read_bytes().decode() for place in places[1:]))


@cache
def _server() -> subprocess.Popen[str]:
    server = subprocess.Popen([sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    atexit.register(server.kill)
    return server


def _serve() -> None:
    for name in COMMON:
        importlib.import_module(name)
    while order := sys.stdin.readline():
        child = os.fork()
        if not child:
            _become(**json.loads(order))
            return
        sys.stdout.write(f"{os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])}\n")
        sys.stdout.flush()


def _become(*, words: list[str], folder: str, environment: dict[str, str], streams: list[str]) -> None:
    """Be the command or script that the first word names, in a process that was copied for it."""
    for number, place in enumerate(streams):
        os.dup2(os.open(place, os.O_WRONLY if number else os.O_RDONLY), number)
    sys.stdin = os.fdopen(0, encoding="utf-8", closefd=False)
    sys.stdout, sys.stderr = (os.fdopen(number, "w", 1, encoding="utf-8", closefd=False) for number in (1, 2))
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = words
    if words[0] == "forecast":
        from forecast.cli.entry import main

        main()
    else:
        sys.path[0] = str(Path(words[0]).parent)
        runpy.run_path(words[0], run_name="__main__")


if __name__ == "__main__":
    _serve()
