"""The journal keeps every run as local files, from its first moment until a store has it.

An entry is a folder, named by the id of its record: `run.json` with names and numbers, `curve.jsonl` with the learning
curve, the folder `artifacts`, and the folder `model` with the packed model. One that a store refuses lies in `refused`,
with a note beside it.
"""

from __future__ import annotations

import json
import os
import re
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from forecast.datasets.processes import TOKEN, is_dead, token
from forecast.datasets.temporary import aside, beside, put_back, sweep
from forecast.tracking.store import DEFAULT_EXPERIMENT, HOME

VARIABLE = "FORECAST_JOURNAL"
REFUSED = "refused"
RUN, CURVE, ARTIFACTS, MODEL, MLMODEL, NOTE = "run.json", "curve.jsonl", "artifacts", "model", "MLmodel", "WHY.txt"
RECORD = re.compile(r"[0-9a-f]{32}")
OPEN = "RUNNING"

Rows = list[tuple[str, float, int, int]]


@dataclass(kw_only=True)
class Entry:
    """A run as plain values.

    Args:
        record: id of the record, which the run carries as a tag, so that nothing is sent twice.
        experiment: name of the experiment.
        run_name: name of the run.
        tags: text by name.
        params: text by name.
        metrics: rows of (name, value, step, milliseconds since 1970).
        dataset: the data set as MLflow's fields, by name; None where there is none.
        started: milliseconds since 1970.
        ended: milliseconds since 1970; None while the run is open.
        status: "RUNNING" while the run is open, then "FINISHED", "FAILED" or "KILLED".
        store: the address that the run is meant for, without password; None for the first store that comes.
        into: id of the user's own run that this one is written into, or becomes a child of; None for a run of its own.
        child: whether it becomes a child in any case.
        held: whether its process is about to send it, and nobody else should while that process lives.
        process: name of the process that works on it.
    """

    record: str = field(default_factory=lambda: uuid.uuid4().hex)
    experiment: str = DEFAULT_EXPERIMENT
    run_name: str = ""
    tags: dict[str, str] = field(default_factory=dict)
    params: dict[str, str] = field(default_factory=dict)
    metrics: Rows = field(default_factory=list)
    dataset: dict[str, str] | None = None
    started: int = field(default_factory=lambda: int(time.time() * 1000))
    ended: int | None = None
    status: str = OPEN
    store: str | None = None
    into: str | None = None
    child: bool = False
    held: bool = False
    process: str = field(default_factory=token)

    @classmethod
    def read(cls, folder: Path) -> Entry:
        """Read an entry with its learning curve; one whose process died while it was open was killed.

        Raises:
            ValueError: if it is no entry.
            OSError: if it cannot be read.
        """
        values = json.loads((folder / RUN).read_text(encoding="utf-8"))
        kinds = {part.name: type(getattr(_PATTERN, part.name)) for part in fields(cls)}
        if not isinstance(values, dict) or values.keys() != kinds.keys():
            raise ValueError(f"{RUN} does not hold the fields of a run")
        wrong = [n for n, kind in kinds.items() if kind is not type(None) and not isinstance(values[n], kind)]
        if wrong or not re.fullmatch(TOKEN, values["process"]):
            raise ValueError(f"{RUN} holds something else in {', '.join(wrong) or 'process'}")
        entry = cls(**values)
        curve = folder / CURVE
        lines = curve.read_text(encoding="utf-8").splitlines() if curve.exists() else []
        entry.metrics = [*_rows(lines), *(_row(row) for row in entry.metrics)]
        if entry.status == OPEN and is_dead(entry.process):
            entry.status, entry.ended = "KILLED", int((folder / RUN).stat().st_mtime * 1000)
        return entry

    def write(self, folder: Path) -> None:
        """Write `run.json`, whole or not at all."""
        with beside(folder / RUN) as temporary:
            temporary.write_text(json.dumps(vars(self)), encoding="utf-8")
            os.replace(temporary, folder / RUN)

    def close(self, status: str) -> None:
        """Take the status, and the time as the end."""
        self.status, self.ended = status, int(time.time() * 1000)


_PATTERN = Entry()


def begin(entry: Entry, asked: str | None, fill: Callable[[Path], object] = lambda folder: None) -> Path:
    """Put an entry into the first journal that can be written to.

    Args:
        entry: the entry.
        asked: folder of the journal; None takes the environment's, `.forecast/journal`, or the user's own.
        fill: it writes further files into the entry's folder before that appears; nothing by default.

    Returns:
        The entry's folder.

    Raises:
        OSError: if nothing can be written anywhere.
    """
    problem: OSError | None = None
    for number, journal in enumerate(journals(asked)):
        place = journal / entry.record
        try:
            with beside(place, folder=True) as fresh:
                if journal.stat().st_uid != _user():  # a folder that all may write to could be laid out by another
                    raise PermissionError(f"{journal} is another user's")
                entry.write(fresh)
                fill(fresh)
                os.replace(fresh, place)
            return place
        except OSError as error:
            problem = problem or error
            if number == 0:  # elsewhere it lies beside those of other folders, and must know where it belongs
                entry.store = entry.store or f"sqlite:///{HOME.resolve() / 'mlflow.db'}"
    assert problem is not None
    raise problem


def journals(asked: str | None) -> list[Path]:
    """Return the journals in the order in which they are written to."""
    own = Path(asked or os.environ.get(VARIABLE) or HOME / "journal").absolute()
    state = Path(os.environ.get("XDG_STATE_HOME") or Path("~/.local/state").expanduser())
    # not tempfile.gettempdir(), which a command points at a folder that is removed at its end
    scratch = next(
        (os.environ[name] for name in ("TMPDIR", "TEMP", "TMP") if os.environ.get(name)), "/tmp"
    )  # the system's own, checked below
    scratch = scratch if os.path.isdir(scratch) else tempfile.gettempdir()
    return [own, state / "forecast" / "journal", Path(scratch) / f"forecast-journal-{_user()}"]


def due(asked: str | None) -> list[Path]:
    """Return the folders of the entries that nobody works on or is about to send, in the order of their start."""
    return [path for _, path in sorted(_due(asked))]


def _due(asked: str | None) -> Iterator[tuple[float, Path]]:
    for journal in journals(asked):
        sweep(journal)
        try:
            names = [name for name in os.listdir(journal) if RECORD.fullmatch(name)]
        except OSError:
            continue
        for name in names:
            try:
                values = json.loads((journal / name / RUN).read_text(encoding="utf-8"))
                if (values["status"] == OPEN or values["held"]) and not is_dead(values["process"]):
                    continue
                yield float(values["started"]), journal / name
            except FileNotFoundError:
                if (journal / name).exists():  # another process may have sent it just now
                    yield 0.0, journal / name
            except Exception:  # whatever is wrong with it is said when it is its turn
                yield 0.0, journal / name


@contextmanager
def claimed(place: Path) -> Iterator[Path | None]:
    """Take an entry for this process alone: of several, one gets its folder, and the others None.

    It is put back at the end of the `with` block unless it was moved on; if this process dies, by the next one.
    """
    taken = aside(place)
    try:
        os.replace(place, taken)
    except OSError:
        yield None
        return
    try:
        yield taken
    finally:
        put_back(taken, place)


def discard(taken: Path) -> None:
    """Remove an entry that a store has, so that no half of it can be taken for an entry."""
    with beside(taken.parent / "sent", folder=True) as bin_:
        os.replace(taken, bin_ / "entry")


def quarantine(taken: Path, place: Path, why: str) -> Path:
    """Lay an entry that cannot be sent aside, with a note beside it.

    Args:
        taken: its folder now.
        place: its folder in the journal.
        why: the reason.

    Returns:
        The new place.
    """
    refused = place.parent / REFUSED / place.name
    refused.parent.mkdir(exist_ok=True)
    os.replace(taken, refused)
    note = f"{why}\n\nTo send it again, move the folder {place.name} up by one, and run `forecast runs sync`.\n"
    refused.with_name(f"{place.name}.{NOTE}").write_text(note, encoding="utf-8")
    return refused


def add_curve(folder: Path, rows: Rows) -> None:
    """Append rows to the learning curve."""
    with open(folder / CURVE, "a", encoding="utf-8") as file:
        file.write("".join(json.dumps(row) + "\n" for row in rows))


def _rows(lines: list[str]) -> Iterator[tuple[str, float, int, int]]:
    for line in lines:
        try:
            yield _row(json.loads(line))
        except ValueError:  # the last line of a process that was killed
            continue


def _row(values: Any) -> tuple[str, float, int, int]:
    name, value, step, at = values
    return str(name), float(value), int(step), int(at)


def _user() -> int:
    return os.getuid() if hasattr(os, "getuid") else 0
