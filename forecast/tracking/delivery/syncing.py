"""The journal is worked off: what is due is sent to the store that it is meant for, and what cannot be is laid aside."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from forecast.datasets.errors import TrackingError
from forecast.tracking.delivery.reaping import reap
from forecast.tracking.delivery.sending import close_refused, is_refusal, send
from forecast.tracking.journal import OPEN, Entry, claimed, discard, due, quarantine
from forecast.tracking.store import Store, brief, quiet_and_short

if TYPE_CHECKING:
    from mlflow import MlflowClient

PATIENCE = 2  # entries in a row that a store does not take before it is left alone
ASIDE_SECONDS = 1.0  # of a command that has other work


@dataclass(kw_only=True)
class Result:
    """What became of an entry: `run_id` where the store has it, else `why`, and where it was laid if it was refused."""

    record: str
    run_id: str | None = None
    why: str = ""
    refused: str | None = None


@dataclass(kw_only=True)
class Synced:
    """What became of a journal.

    Args:
        results: of each entry that was sent or refused.
        left: number of entries that are still there.
        elsewhere: addresses of the stores that some of these are meant for.
        closed: number of runs that were closed.
        problem: what the store said first, where it did not take an entry that it may take another time.
    """

    results: list[Result] = field(default_factory=list)
    left: int = 0
    elsewhere: list[str] = field(default_factory=list)
    closed: int = 0
    problem: TrackingError | None = None


def deliver(client: MlflowClient, store: Store, places: Iterable[Path], *, anyhow: bool = True) -> Iterator[Result]:
    """Send entries; a bad one does not stop the others, and a store that fails does.

    Args:
        client: client of the store.
        store: the store.
        places: folders of the entries.
        anyhow: whether entries that are meant for another store are sent to this one; they are skipped otherwise.

    Yields:
        What became of each entry that could be taken.

    Raises:
        TrackingError: if the store fails.
    """
    for place in places:
        with claimed(place) as taken:
            if taken is None:  # another process has it
                continue
            try:
                entry = Entry.read(taken)
            except (ValueError, TypeError, OSError) as error:
                yield _refuse(taken, place, f"it cannot be read: {brief(error)}")
                continue
            if entry.status == OPEN or not (anyhow or entry.store in (None, store.shown)):
                continue
            try:
                run_id = send(client, store, entry, taken)
            except Exception as error:
                if not is_refusal(error):
                    raise TrackingError(f"tracking store {store.shown}: {brief(error)}") from error
                with contextlib.suppress(Exception):
                    close_refused(client, entry)
                yield _refuse(taken, place, f"{store.shown} refuses it: {brief(error)}")
                continue
            discard(taken)
            yield Result(record=entry.record, run_id=run_id)


def sync(
    client: MlflowClient, store: Store, journal: str | None, *, anyhow: bool = False, seconds: float = ASIDE_SECONDS
) -> Synced:
    """Send what is due, and close what dead processes left open.

    Args:
        client: client of the store.
        store: the store.
        journal: folder of the journal; None takes the usual ones.
        anyhow: whether entries that are meant for another store are sent to this one.
        seconds: after which nothing more is begun; 1 by default.
    """
    until = time.monotonic() + seconds
    synced = Synced()
    failures = 0
    with quiet_and_short():
        for place in due(journal):
            if time.monotonic() >= until or failures == PATIENCE:
                break
            try:
                synced.results += deliver(client, store, [place], anyhow=anyhow)
                failures = 0
            except TrackingError as error:
                synced.problem, failures = synced.problem or error, failures + 1
        left = due(journal)
        synced.left = len(left)
        synced.elsewhere = sorted(address for address in map(_meant_for, left) if address not in (None, store.shown))
        try:
            synced.closed = reap(client, kept=[place.name for place in left], until=until)
        except Exception as error:
            synced.problem = synced.problem or TrackingError(f"tracking store {store.shown}: {brief(error)}")
    return synced


def _meant_for(place: Path) -> str | None:
    try:
        return Entry.read(place).store
    except (ValueError, TypeError, OSError):
        return None


def _refuse(taken: Path, place: Path, why: str) -> Result:
    return Result(record=place.name, why=why, refused=str(quarantine(taken, place, why)))
