"""The process that talks to the store: it can be killed whatever it waits for, and takes nothing down with it.

It reads orders, one JSON object a line, from stdin, and answers in the same way. When whoever started it is gone, stdin
ends, and so does this process at once.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import sys
import threading
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any, TextIO

from forecast.datasets.errors import TrackingError
from forecast.tracking.delivery.syncing import deliver, sync
from forecast.tracking.store import QUIET_AND_SHORT, Store, brief

IDLE_SECONDS = 600.0  # it waits for the end of a fit, and in a notebook for the next one
LIFE_SIGN_SECONDS = 1.0


def main() -> None:
    """Follow orders until there are no more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to a whole terminal; whoever started this one ends it
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # where MLflow prints
    orders: queue.Queue[dict[str, Any]] = queue.Queue()
    threading.Thread(target=_listen, args=(orders,), daemon=True).start()
    threading.Thread(target=_leave_with, args=(os.getppid(),), daemon=True).start()
    os.environ.update(QUIET_AND_SHORT)
    import mlflow  # noqa: F401  # most of the time that this takes passes while a model is fitted

    clients: dict[str, Any] = {}
    _answer(answers, ready=True)
    while True:
        try:
            order = orders.get(timeout=IDLE_SECONDS)
        except queue.Empty:
            os._exit(0)
        _follow(order, clients, answers)


def _listen(orders: queue.Queue[dict[str, Any]]) -> None:
    for line in sys.stdin:
        orders.put(json.loads(line))
    os._exit(0)


def _leave_with(parent: int) -> None:
    """Leave when the parent is gone, even if another child of its keeps our stdin open."""
    while os.getppid() == parent:
        time.sleep(LIFE_SIGN_SECONDS)
    os._exit(0)


def _follow(order: dict[str, Any], clients: dict[str, Any], answers: TextIO) -> None:
    """Open a store, send a job's own entries, then for a moment what else there is; say how each went."""
    os.chdir(order["folder"])
    os.environ.clear()
    os.environ.update({**order["environment"], **QUIET_AND_SHORT, "MLFLOW_HTTP_REQUEST_TIMEOUT": order["seconds"]})
    artifacts = order["artifacts"]
    store = Store(uri=order["uri"], artifacts=None if artifacts is None else Path(artifacts))
    try:
        if store.uri not in clients:
            clients[store.uri] = store.client()
        client = clients[store.uri]
        if order["entries"] is None:
            return
        for result in deliver(client, store, map(Path, order["entries"])):
            _answer(answers, **asdict(result))
        _answer(answers, own=True)
        sync(client, store, order["journal"])
        _answer(answers, done=True)
    except Exception as error:
        clients.pop(store.uri, None)
        if order["entries"] is not None:  # a store that is opened beforehand is opened again when it is needed
            _answer(answers, problem=error.message if isinstance(error, TrackingError) else brief(error))


def _answer(answers: TextIO, **values: Any) -> None:
    answers.write(json.dumps(values) + "\n")
    answers.flush()
