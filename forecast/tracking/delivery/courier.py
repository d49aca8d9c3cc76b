"""The worker process as its parent sees it: orders go there, answers come back or do not, and then it is killed."""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from forecast.datasets.ending import always_if_ended

COMMAND = "from forecast.tracking.delivery.worker import main; main()"
START_SECONDS = 30.0  # to load mlflow, which takes two on a machine that does nothing else
NETWORK_SECONDS = 3.0  # in all, before the job goes on
LOCAL_SECONDS = 30.0  # for a file of this machine, which others may be writing to
OTHERS_SECONDS = 1.5  # for the rest of the journal: the second that the worker gives it, and the last request

_couriers: list[Courier] = []
_lock = threading.RLock()


class Courier:
    """A worker process; it ends with this one at the latest."""

    def __init__(self) -> None:
        self.owner = os.getpid()
        own = str(Path(__file__).absolute().parents[3])  # where this package is found
        paths = os.pathsep.join(filter(None, [own, os.environ.get("PYTHONPATH")]))
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-W", "ignore", "-c", COMMAND],  # without the working directory's modules
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": paths},
            text=True,
            encoding="utf-8",
        )
        self._answers: queue.Queue[dict[str, Any] | None] = queue.Queue()
        self._is_ready = False
        threading.Thread(target=self._listen, daemon=True).start()

    @property
    def is_alive(self) -> bool:
        """Return whether it takes orders from this process."""
        return self.owner == os.getpid() and self.process.poll() is None

    def order(self, order: dict[str, Any]) -> None:
        """Send an order; a worker that is gone answers nothing."""
        assert self.process.stdin is not None
        with contextlib.suppress(OSError, ValueError):
            self.process.stdin.write(json.dumps(order) + "\n")
            self.process.stdin.flush()

    def ready(self) -> bool:
        """Wait until it has started."""
        if not self._is_ready:
            answer = self._next(time.monotonic() + START_SECONDS)
            self._is_ready = answer is not None
        return self._is_ready

    def answers(self, seconds: float) -> Iterator[dict[str, Any]]:
        """Yield the answers of one order, for so many seconds at most, and a little longer after the job's own entries.

        The last one has a key "done" or "problem", unless time has run out or the worker is gone.
        """
        until = time.monotonic() + seconds
        while (answer := self._next(until)) is not None:
            yield answer
            if "done" in answer or "problem" in answer:
                return
            if "own" in answer:
                until = time.monotonic() + OTHERS_SECONDS

    def kill(self) -> None:
        """End the process; what it was sending goes on where it was."""
        if self.owner != os.getpid():
            return
        with contextlib.suppress(OSError):
            self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout):
            with contextlib.suppress(OSError, ValueError, AttributeError):
                stream.close()  # type: ignore[union-attr]  # suppressed

    def _next(self, until: float) -> dict[str, Any] | None:
        try:
            return self._answers.get(timeout=max(0.0, until - time.monotonic()))
        except queue.Empty:
            return None

    def _listen(self) -> None:
        assert self.process.stdout is not None
        with contextlib.suppress(OSError, ValueError):
            for line in self.process.stdout:
                self._answers.put(json.loads(line))
        self._answers.put(None)


@contextmanager
def courier() -> Iterator[Courier]:
    """Hold this process's worker, one thread at a time, since its answers are for one; a worker that is gone is replaced.

    Raises:
        OSError: if the system starts no process.
    """
    with _lock:
        if not _couriers:
            atexit.register(dismiss)
            always_if_ended(dismiss)
        if _couriers and not _couriers[0].is_alive:
            dismiss()
        if not _couriers:
            _couriers.append(Courier())
        yield _couriers[0]


def dismiss() -> None:
    """End this process's worker, if it has one."""
    while _couriers:
        _couriers.pop().kill()
