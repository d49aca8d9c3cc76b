"""What a command is doing: one line that changes on a terminal, a line a stage elsewhere, nothing with -q."""

from __future__ import annotations

import fcntl
import logging
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from itertools import pairwise

import pytest
from commands import run

import forecast as fc
from forecast.cli.stages import stages
from forecast.datasets.synthetic import synthetic
from forecast.progress import LineProgress, doing, named

FIT = "fit sales.csv -H 6 --set members=2 --set steps=4 --set hidden_size=8 --no-track -o model"


def _on_a_terminal(*words: str) -> str:
    """Run a command whose stdout and stderr are a terminal of 80 columns, and return what it writes there."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 80, 0, 0))
    environment = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")}
    process = subprocess.Popen(
        [sys.executable, "-m", "forecast.cli", *words],
        stdout=theirs,
        stderr=theirs,
        env={**environment, "TERM": "xterm"},
    )
    os.close(theirs)
    written = b""
    while True:
        try:
            part = os.read(ours, 1 << 16)
        except OSError:  # Linux's way of saying that the other end is closed
            break
        if not part:
            break
        written += part
    os.close(ours)
    assert process.wait() == 0, written
    return written.decode().replace("\r\n", "\n")


def _left_over(written: str) -> list[str]:
    """The lines that stand on a terminal in the end: a carriage return begins a line anew."""
    lines = [re.split(r"\r\x1b\[2?K", line)[-1] for line in written.split("\n")]
    return [line for line in (re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", line).rstrip() for line in lines) if line]


def test_stages_of_a_fit() -> None:
    synthetic(3, 80, seed=1).to_csv("sales.csv", index=False)
    done = run(*FIT.split())
    assert done.returncode == 0
    lines = done.stderr.splitlines()
    assert lines[0] == "reading sales.csv"
    told = ["probing", "training member 1 of 2", "training member 2 of 2", "writing model"]
    assert [line for line in lines if line in told] == told
    assert all(line != after for line, after in pairwise(lines))
    assert not re.search(r"[\x00-\x09\x0b-\x1f]", done.stderr), "no control characters"


def test_quiet_is_quiet() -> None:
    synthetic(2, 60, seed=1).to_csv("sales.csv", index=False)
    fc.Forecaster(3, model="naive").fit(synthetic(2, 60, seed=1)).save("model")
    for words in ("check sales.csv", "predict model --no-track", "evaluate sales.csv -H 3 --model naive --no-track",
                  "run sales.csv -H 3 --model naive --no-track"):  # fmt: skip
        done = run(*words.split(), "-q")
        assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("words", "first"),
    [
        ("check sales.csv", "reading sales.csv"),
        ("predict model --no-track", "loading model"),
        ("evaluate sales.csv -H 3 --model naive --no-track", "reading sales.csv"),
        ("run sales.csv -H 3 --model naive,theta --no-track --require mase<9 -o f.csv --save m", "reading sales.csv"),
        ("models list", "looking up the models"),
        ("datasets list", "looking up the data sets"),
    ],
)
def test_a_terminal_keeps_no_stage(words: str, first: str) -> None:
    synthetic(2, 60, seed=1).to_csv("sales.csv", index=False)
    fc.Forecaster(3, model="naive").fit(synthetic(2, 60, seed=1)).save("model")
    written = _on_a_terminal(*words.split())
    assert written.startswith(f"\r\x1b[K{first}"), "it is the first thing that is said"
    left = _left_over(written)
    assert left
    assert not [
        line
        for line in left
        if line.startswith(("looking up", "reading", "loading", "checking", "forecasting", "fitting"))
    ]
    assert max(map(len, left)) <= 80


def test_stages_are_told_to_nobody_but_the_command_line(
    capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    doing("reading")
    with stages():
        doing("reading")
        doing("reading")
        doing("")
        doing("probing")
    with stages(quiet=True):
        doing("training")
    doing("training")
    assert capsys.readouterr().err == "reading\nprobing\n"
    assert caplog.text == ""
    assert not logging.getLogger("forecast.stages").handlers


def test_a_long_training_says_now_and_then_how_far_it_is(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    monkeypatch.setattr("forecast.progress.time.monotonic", lambda: now[0])
    shown = named(LineProgress(), "training member 2 of 3")
    assert shown is not None
    assert named(None, "training") is None
    with stages():
        shown.start(100, "training")
        for step in (25, 50, 75, 100):
            now[0] += 6
            shown.epoch({"step": step, "train_loss": 0.5, "seconds": now[0]})
        shown.finish()
    lines = capsys.readouterr().err.splitlines()
    assert lines == ["training member 2 of 3"] + [
        f"training member 2 of 3 {percent:3d}%  loss 0.5000  {seconds:.1f}s"
        for percent, seconds in ((50, 12), (100, 24))
    ]
