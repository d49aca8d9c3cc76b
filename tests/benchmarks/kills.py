"""Kill a fit at random moments, and look at what is left: KILL, TERM and Ctrl-C (INT), from the first 0.3 s to the last.

Each kill is of a fit of its own, alone or with two worker processes, into a new directory or over a model that stood
there. Then the exit code must be right, the directory whole or absent (whole, where a model stood), and no process of
the fit may live. After the next command no run may be left RUNNING, and beside models and store nothing may be there.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from report import Report, options

import forecast as fc
from forecast.datasets.errors import ModelError

KILLS, SEED = 20, 0
EARLIEST = 0.3  # seconds after the start; before, Python itself is starting
LATEST = 0.97  # of a fit's seconds: its directory is written, and the rest of the run is being recorded
SECONDS_FOR_ORPHANS = 10.0  # a worker notices that the process it works for was killed once it has loaded its packages
SIGNALS = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGKILL: 137}
FORMS = {
    "alone": ["--model", "gru", "--set", "steps=400"],
    "two workers": ["--model", "auto", "--preset", "best", "--workers", "2", "--set", "steps=100"],
}
SMOKE = {"alone": ["--model", "naive"]}
STORE = {"mlflow.db", "mlflow.lock", "artifacts", "journal"}


@dataclass
class Place:
    """An empty folder to work in, with a folder for temporary files, which a machine's other processes do not share."""

    folder: Path

    def start(self, words: list[str], directory: str) -> subprocess.Popen[bytes]:
        """Start a fit that overwrites what is there, as the leader of a process group of its own."""
        temporary = self.folder / "tmp"
        temporary.mkdir(exist_ok=True)
        places = {name: str(temporary) for name in ("TMPDIR", "JOBLIB_TEMP_FOLDER")}
        command = [sys.executable, "-m", "forecast.cli", "fit", "air_passengers", "--horizon", "12", "--threads", "1"]
        return subprocess.Popen(
            [*command, *words, "-o", directory, "--overwrite"],
            cwd=self.folder,
            env={**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true", **places},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def fit(self, words: list[str], directory: str) -> float:
        """Fit undisturbed, and return the seconds."""
        began = time.monotonic()
        code = self.start(words, directory).wait()
        if code != 0:
            raise RuntimeError(f"a fit that nobody disturbed ended with exit code {code}")
        return time.monotonic() - began

    def running(self) -> int:
        """Count the runs that the store shows as running."""
        database = self.folder / ".forecast" / "mlflow.db"
        if not database.exists():
            return 0
        with sqlite3.connect(database) as connection:
            return int(connection.execute("SELECT count(*) FROM runs WHERE status = 'RUNNING'").fetchone()[0])

    def left(self) -> list[str]:
        """List what is neither a model nor of the store."""
        found = {path.name for path in self.folder.iterdir()} - {".forecast", "tmp", "model", "old", "next"}
        found |= {f"tmp/{path.name}" for path in (self.folder / "tmp").iterdir()}
        store = {path.name for path in (self.folder / ".forecast").iterdir()} - STORE
        journal = self.folder / ".forecast" / "journal"
        entries = {path.name for path in journal.iterdir()} if journal.exists() else set()
        return sorted(found | store | entries)


@dataclass(frozen=True)
class Outcome:
    """What one kill did; everything but the seconds should be empty."""

    seconds: float
    faults: dict[str, str]


def kill(
    place: Place, words: list[str], number: signal.Signals, moment: float, *, over: bool, last: bool
) -> Outcome | float:
    """Kill a fit so many seconds after its start; the `last` one is followed by the next command and a look around.

    Returns:
        The outcome, or where the fit had ended before that moment, the seconds that it took.
    """
    directory = "old" if over else "model"
    began = time.monotonic()
    process = place.start(words, directory)
    try:
        process.wait(moment)
        seconds = time.monotonic() - began
        shutil.rmtree(place.folder / "model", ignore_errors=True)
        return seconds
    except subprocess.TimeoutExpired:
        process.send_signal(number)
    began = time.monotonic()
    code = process.wait()
    seconds, faults = time.monotonic() - began, dict[str, str]()
    code = 128 - code if code < 0 else code  # as a shell shows it
    if code != SIGNALS[number]:
        faults["wrong_codes"] = f"exit code {code}"
    if not _whole(place.folder / directory, absent_is_well=not over):
        faults["damaged"] = f"{directory} is not whole"
    if _lives(process.pid):
        faults["orphans"] = "a worker lives on"
    if last:
        place.fit(["--model", "naive"], "next")
        if place.running():
            faults["running"] = f"{place.running()} runs are RUNNING"
        if place.left():
            faults["left"] = f"left behind: {', '.join(place.left())}"
    shutil.rmtree(place.folder / "model", ignore_errors=True)
    return Outcome(seconds, faults)


def _whole(directory: Path, *, absent_is_well: bool) -> bool:
    if not directory.exists():
        return absent_is_well
    try:
        fc.verify(directory)
    except ModelError:
        return False
    return True


def _lives(group: int) -> bool:
    """Return whether a process of the group still lives when its time is over."""
    deadline = time.monotonic() + SECONDS_FOR_ORPHANS
    while time.monotonic() < deadline:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return False
        time.sleep(0.05)
    return True


def main(argv: list[str] | None = None) -> None:
    given = options(__doc__).parse_args(argv)
    forms, kills = (SMOKE, len(SIGNALS)) if given.smoke else (FORMS, KILLS)
    signal.signal(
        signal.SIGINT, signal.default_int_handler
    )  # a shell switches it off for what it runs in the background
    chance, report = random.Random(SEED), Report(given)
    totals = dict.fromkeys(("wrong_codes", "damaged", "orphans", "running", "left"), 0)
    slowest = 0.0
    with tempfile.TemporaryDirectory() as folder:
        place = Place(Path(folder))
        if not given.smoke:
            place.fit(["--model", "naive"], "next")  # the first makes the store, which takes long
        lengths = {form: place.fit(words, "old") for form, words in forms.items()}
        report.head("kill", "fit", "over a model", "at (s)", "of (s)", "ended in (s)", "faults")
        for n in range(kills):
            number, form, over = list(SIGNALS)[n % len(SIGNALS)], list(forms)[n % len(forms)], n % 4 < 2
            latest = lengths[form] / (2 if given.smoke else 1)  # the first fit is the slowest: it makes the store
            moment = {0: EARLIEST, 1: LATEST * latest}.get(n, chance.uniform(EARLIEST, latest))
            last = not given.smoke or n == kills - 1
            outcome = kill(place, forms[form], number, moment, over=over, last=last)
            while not isinstance(outcome, Outcome):  # this fit was quicker
                moment = LATEST * outcome
                outcome = kill(place, forms[form], number, moment, over=over, last=last)
            for fault in outcome.faults:
                totals[fault] += 1
            if number != signal.SIGKILL:
                slowest = max(slowest, outcome.seconds)
            faults = "; ".join(outcome.faults.values()) or "none"
            cells = (number.name, form, "yes" if over else "no", f"{moment:.2f}", f"{latest:.1f}")
            report.row(*cells, f"{outcome.seconds:.2f}", faults)
    text = f"{kills} kills, {sum(totals.values())} faults; Ctrl-C and TERM took at most {slowest:.2f} s"
    report.line(text, kills=kills, slowest_seconds=slowest, **totals)
    report.close()


if __name__ == "__main__":
    main(sys.argv[1:])
