"""Commands and scripts as a user runs them, each in a process of its own that need not import everything anew.

A server imports what they have in common once, and the system copies it for each of them: arguments, working directory,
environment, streams and exit code are its own. What is about how a process starts or ends is tested with `python -m
forecast.cli`, and the README runs what is installed.
"""

from __future__ import annotations

import atexit
import contextlib
import importlib
import json
import os
import runpy
import select
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

from asking import ask

COMMON = (
    "forecast.automatic.ensemble",
    "forecast.cli.app",
    "forecast.cli.config",
    "forecast.cli.session",
    "forecast.forecaster",
    "pytorch_lightning",
)
Answer = subprocess.CompletedProcess[str]


def run(*words: str, stdin: str = "") -> Answer:
    """Run `forecast WORDS` in the working directory and the environment of the test."""
    return _answer(["forecast", *words], stdin)


def run_script(script: Path, *words: str) -> Answer:
    """Run `python SCRIPT WORDS` in the working directory and the environment of the test."""
    return _answer([str(script), *words])


@cache
def folder() -> Path:
    """Make a folder for the search path of a shell, whose `forecast` is a copy of the server."""
    made = _server().parent / "bin"
    made.mkdir()
    asking = [sys.executable, "-IS", str(Path(__file__).with_name("asking.py")), str(_server()), "forecast"]
    (made / "forecast").write_text(f'#!/bin/sh\nexec {shlex.join(asking)} "$@"\n')
    (made / "forecast").chmod(0o755)
    return made


def _answer(words: list[str], stdin: str = "") -> Answer:
    with contextlib.ExitStack() as stack:
        streams = [stack.enter_context(tempfile.TemporaryFile()) for _ in range(3)]
        streams[0].write(stdin.encode())
        streams[0].seek(0)
        code = ask(str(_server()), words, [stream.fileno() for stream in streams])
        for stream in streams[1:]:
            stream.seek(0)
        return Answer(words, code, *(stream.read().decode() for stream in streams[1:]))


@cache
def _server() -> Path:
    """Start the server, and return the path of its socket."""
    place = Path(tempfile.mkdtemp(prefix="commands")) / "socket"
    atexit.register(shutil.rmtree, place.parent, ignore_errors=True)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(place))
        listener.listen(64)
        number = listener.fileno()
        server = subprocess.Popen([sys.executable, __file__, str(number)], stdin=subprocess.PIPE, pass_fds=[number])
    atexit.register(server.wait)
    atexit.register(server.kill)
    return place


def _serve(number: int) -> None:
    """Copy this process for each request, until whoever started it is gone, which ends stdin."""
    sys.path.pop(0)  # the folder of tests, whose folder `forecast` would be taken for the package
    for name in COMMON:
        importlib.import_module(name)
    with socket.socket(fileno=number) as listener:
        while sys.stdin not in select.select([sys.stdin, listener], [], [])[0]:
            connection, _ = listener.accept()
            with contextlib.suppress(ChildProcessError):
                while os.waitpid(-1, os.WNOHANG)[0]:
                    pass
            if os.fork():
                connection.close()
                continue
            listener.close()
            _attend(connection)
            return


def _attend(connection: socket.socket) -> None:
    """Be the command that is asked for in a copy of this process, and answer its exit code in this one."""
    _, streams, _, _ = socket.recv_fds(connection, 1, 3)
    with connection.makefile() as request:
        order = json.loads(request.readline())
    child = os.fork()
    if not child:
        connection.close()
        _become(streams=streams, **order)
        return
    connection.sendall(f"{os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])}\n".encode())
    os._exit(0)


def _become(*, words: list[str], folder: str, environment: dict[str, str], streams: list[int]) -> None:
    """Be the command or script that the first word names."""
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
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
        sys.path.insert(0, str(Path(words[0]).parent))
        runpy.run_path(words[0], run_name="__main__")


if __name__ == "__main__":
    _serve(int(sys.argv[1]))
