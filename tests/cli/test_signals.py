"""Ctrl-C and SIGTERM end a command at once, whatever it is doing, and what stood before is whole."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import forecast as fc
from forecast.datasets.errors import RunError
from forecast.datasets.synthetic import synthetic

AT_ONCE = 8.0  # seconds, on a machine that is busy with other tests; what the commands are doing takes longer
COMMAND = "import forecast.cli.app as app\napp.app = lambda **options: work()\napp.main()\n"
WRITING = """
import time, forecast.storage.directory as directory
write = directory._write_files
def slowly(path, artifact):
    write(path, artifact)
    print("ready", flush=True)
    time.sleep(20)
directory._write_files = slowly
from forecast.cli.app import main
main()
"""
FIT = ["fit", "sales.csv", "--horizon", "3", "--model", "naive", "--no-track", "-q", "--overwrite", "-o"]


def _started(code: str, *words: str) -> subprocess.Popen[str]:
    """Start a command, and wait until it is at the moment of which the code prints something.

    Whoever runs tests in the background has Ctrl-C switched off for all they start, and Python leaves it so; the
    command gets it back.
    """
    begin = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
    own = {**os.environ, "TMPDIR": str(Path("tmp").absolute())}
    Path("tmp").mkdir(exist_ok=True)
    process = subprocess.Popen(
        [sys.executable, "-c", begin + code, *words],
        env=own,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n", process.communicate()[1][-2000:]
    return process


def _ends(process: subprocess.Popen[str], number: signal.Signals) -> tuple[int, str]:
    """Send a signal, and return exit code and the last line on stderr; the process ends before its work does, or the test fails."""
    process.send_signal(number)
    try:
        process.wait(timeout=AT_ONCE)
    finally:
        process.kill()
    return process.returncode, (process.communicate()[1].splitlines() or [""])[-1]


@pytest.fixture
def model() -> Path:
    """A model that stands before a command overwrites it."""
    synthetic(2, 40, seed=1).to_csv("sales.csv", index=False)
    return fc.Forecaster(3, model="drift").fit(synthetic(2, 40, seed=2)).save("model")


def test_an_interruption_that_a_package_would_swallow_ends_the_command() -> None:
    """Python prints an exception that comes up in a destructor, and goes on."""
    work = "import time\nclass Last:\n    def __del__(self):\n        print('ready', flush=True); time.sleep(10)\n"
    process = _started(f"{work}def work():\n    Last()\n    time.sleep(10)\n{COMMAND}")
    assert _ends(process, signal.SIGINT) == (130, "error[run]: interrupted")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_long_call_outside_python_does_not_hold_an_ending_up(number: signal.Signals, code: int) -> None:
    work = "import hashlib\ndef work():\n    print('ready', flush=True)\n"
    work += "    hashlib.pbkdf2_hmac('sha256', b'', b'', 40_000_000)\n"
    process = _started(work + COMMAND, "--json")
    word = {130: "interrupted", 143: "terminated"}[code]
    ended, line = _ends(process, number)
    assert (ended, json.loads(line)) == (code, {"error": RunError(word).as_dict()})


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_while_files_are_written_the_old_model_stands_and_nothing_else(
    model: Path, number: signal.Signals, code: int
) -> None:
    before = fc.verify(model)
    process = _started(WRITING, *FIT, "model")
    assert [path.name for path in Path().glob(".model.*")], "it is being written"
    assert _ends(process, number)[0] == code
    assert fc.verify(model) == before
    assert {path.name for path in Path().iterdir()} == {"model", "sales.csv", "tmp"}
    assert not list(Path("tmp").iterdir())


def test_what_a_kill_leaves_the_next_command_removes(model: Path) -> None:
    before = fc.verify(model)
    process = _started(WRITING, *FIT, "model")
    process.kill()
    process.wait()
    assert len(list(Path().glob(".model.*"))) == 1, "nobody had time to remove it"
    assert fc.verify(model) == before
    own = {**os.environ, "TMPDIR": str(Path("tmp").absolute())}
    subprocess.run([sys.executable, "-m", "forecast.cli", *FIT, "next"], env=own, check=True)
    assert {path.name for path in Path().iterdir()} == {"model", "next", "sales.csv", "tmp"}
    assert not list(Path("tmp").iterdir())


def test_signals_are_answered_before_anything_is_imported_that_takes_time() -> None:
    code = "import sys, forecast.cli.entry\nprint(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert "forecast.cli.signals" in loaded
    assert not {"typer", "rich", "pandas", "numpy", "torch", "dataclasses"} & set(loaded)


@pytest.mark.parametrize("code", [0, 2, 6])
def test_a_command_that_is_not_disturbed_keeps_its_exit_code(code: int) -> None:
    script = "import sys, forecast.cli.app as app\nfrom forecast.cli.entry import main\nimport atexit\n"
    script += f"app.main = lambda: (atexit.register(print, 'bye'), print('done'), sys.exit({code}))\nmain()"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (code, "done\nbye\n")
