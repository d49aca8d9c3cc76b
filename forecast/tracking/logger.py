"""A Lightning logger that writes in batches, because writing each metric by itself would slow the training down."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from typing import Any

from pytorch_lightning.loggers import Logger

Send = Callable[[list[tuple[str, float, int, int]]], None]
SECONDS_BETWEEN_SENDS = 3.0


class RunLogger(Logger):
    """A logger that buffers the learning curve and sends it every few seconds and at the end.

    A place that fails while the network learns does not stop it: the rows are kept for the end.

    Args:
        send: a function that takes rows of (name, value, step, milliseconds since 1970).
        run_id: id of the run that the rows belong to.
        gradients: whether the norms of gradients are among them, a curve for each part of the network.
    """

    def __init__(self, send: Send, run_id: str, *, gradients: bool = False) -> None:
        super().__init__()
        self._send, self._run_id, self._gradients = send, run_id, gradients
        self._rows: list[tuple[str, float, int, int]] = []
        self._sent = time.monotonic()

    @property
    def name(self) -> str:
        """Return the logger's name, which Lightning asks for."""
        return "forecast"

    @property
    def version(self) -> str:
        """Return the run's id, which Lightning asks for."""
        return self._run_id

    def log_hyperparams(self, params: Any, *args: Any, **kwargs: Any) -> None:
        """Record nothing: the settings are recorded once, with the fit."""

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Take metrics of a step, and send the buffer if the last send is long ago."""
        now = int(time.time() * 1000)
        chosen = {name: value for name, value in metrics.items() if self._gradients or not name.startswith("gradient/")}
        self._rows += [(name, float(value), step or 0, now) for name, value in chosen.items()]
        if time.monotonic() - self._sent > SECONDS_BETWEEN_SENDS:
            try:
                self.save()
            except Exception:  # whatever the place raises
                self._sent = math.inf

    def save(self) -> None:
        """Send the buffered rows; those that cannot be sent are kept."""
        rows, self._rows = self._rows, []
        self._sent = time.monotonic()
        try:
            if rows:
                self._send(rows)
        except BaseException:
            self._rows = rows + self._rows
            raise

    def finalize(self, status: str) -> None:
        """Send the rest; Lightning calls this at the end."""
        self.save()
