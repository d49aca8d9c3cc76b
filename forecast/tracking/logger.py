"""A Lightning logger that writes in batches: one call a metric would cost more than the training."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from pytorch_lightning.loggers import Logger

Send = Callable[[list[tuple[str, float, int, int]]], None]
EVERY_SECONDS = 3.0


class RunLogger(Logger):
    """Buffers the learning curve and hands it on every few seconds and at the end.

    Args:
        send: takes (name, value, step, milliseconds since 1970) rows.
        run_id: of the run they belong to.
    """

    def __init__(self, send: Send, run_id: str) -> None:
        super().__init__()
        self._send, self._run_id = send, run_id
        self._rows: list[tuple[str, float, int, int]] = []
        self._sent = time.monotonic()

    @property
    def name(self) -> str:
        return "forecast"

    @property
    def version(self) -> str:
        return self._run_id

    def log_hyperparams(self, params: Any, *args: Any, **kwargs: Any) -> None:
        """The settings are recorded once, with the fit."""

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        now = int(time.time() * 1000)
        self._rows += [(name, float(value), step or 0, now) for name, value in metrics.items()]
        if time.monotonic() - self._sent > EVERY_SECONDS:
            self.save()

    def save(self) -> None:
        """Hand on what is buffered."""
        rows, self._rows = self._rows, []
        self._sent = time.monotonic()
        if rows:
            self._send(rows)

    def finalize(self, status: str) -> None:
        self.save()
