"""An MLflow server in this process whose answers can be held back, refused or lost."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

Environ = dict[str, Any]


class Faults:
    """What happens to requests; each kind begins after so many good ones, None is never.

    `hang` answers nothing until it is over, `fail` answers 500, `die` drops requests (`die_at`: those whose path holds a
    text), `refuse` answers 400 to requests
    whose path ends in a text, and `lose` does what is asked and drops the answer, once, where a function of method and
    path says so.
    """

    def __init__(self, app: Callable[[Environ, Any], Iterable[bytes]]) -> None:
        self.app = app
        self.heal()

    def heal(self) -> None:
        """Answer everything again, and forget what was asked."""
        self.over = threading.Event()
        self.asked: list[str] = []
        self.hang: int | None = None
        self.fail: int | None = None
        self.lose: Callable[[str], bool] | None = None
        self.lost = 0
        self.die: int | None = None
        self.die_at: str | None = None
        self.refuse: str | None = None

    def __call__(self, environ: Environ, start: Any) -> Iterable[bytes]:
        number = len(self.asked)
        self.asked.append(f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}")
        if self.hang is not None and number >= self.hang:
            self.over.wait(20)
            return _dropped(environ)
        is_there = self.die_at is not None and self.die_at in environ["PATH_INFO"]
        if is_there or (self.die is not None and number >= self.die):
            return _dropped(environ)
        if self.fail is not None and number >= self.fail:
            start("500 INTERNAL SERVER ERROR", [("Content-Type", "text/plain")])
            return [b"out of order"]
        if self.refuse is not None and environ["PATH_INFO"].endswith(self.refuse):
            start("400 BAD REQUEST", [("Content-Type", "application/json")])
            return [b'{"error_code": "INVALID_PARAMETER_VALUE", "message": "I will not take this"}']
        answer = list(self.app(environ, start))
        if self.lose is None or self.lost or not self.lose(self.asked[number]):
            return answer
        self.lost += 1
        return _dropped(environ)


def _dropped(environ: Environ) -> list[bytes]:
    """Close the connection without an answer."""
    environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
    return []


@contextmanager
def serving(folder: Path, database: str) -> Iterator[tuple[str, Faults, str]]:
    """Serve a store, and yield its address, its faults, and the address of the database behind it."""
    names = {
        "_MLFLOW_SERVER_FILE_STORE": database,
        "_MLFLOW_SERVER_REGISTRY_STORE": database,
        "_MLFLOW_SERVER_ARTIFACT_ROOT": "mlflow-artifacts:/",
        "_MLFLOW_SERVER_ARTIFACT_DESTINATION": str(folder / "artifacts"),
        "_MLFLOW_SERVER_SERVE_ARTIFACTS": "true",
        "MLFLOW_SERVER_DISABLE_SECURITY_MIDDLEWARE": "true",
    }
    before = {name: os.environ.get(name) for name in names}
    os.environ.update(names)
    import logging

    from mlflow import MlflowClient
    from mlflow.server import app
    from werkzeug.serving import make_server

    logging.getLogger("werkzeug").setLevel(logging.CRITICAL)
    faults = Faults(app)
    server = make_server("127.0.0.1", 0, faults, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    address = f"http://127.0.0.1:{server.server_port}"
    try:
        MlflowClient(address).search_experiments(max_results=1)  # the first request opens the store
        yield address, faults, database
    finally:
        faults.over.set()
        server.shutdown()
        server.server_close()
        thread.join()
        for name, value in before.items():
            os.environ.pop(name)
            if value is not None:
                os.environ[name] = value
