"""What a user sees while a model trains: a bar on a terminal, a line an epoch elsewhere, nothing when asked."""

from __future__ import annotations

import sys
import time
from typing import Any, Protocol


class Progress(Protocol):
    """Told of each step of a training run."""

    def start(self, total: int, description: str) -> None:
        """`total` optimiser steps are about to begin."""

    def step(self, n: int, loss: float) -> None:
        """`n` more steps are done."""

    def epoch(self, row: dict[str, float]) -> None:
        """A row of the learning curve is known."""

    def finish(self) -> None:
        """Training is over, well or not."""


class NoProgress:
    """Says nothing."""

    def start(self, total: int, description: str) -> None: ...
    def step(self, n: int, loss: float) -> None: ...
    def epoch(self, row: dict[str, float]) -> None: ...
    def finish(self) -> None: ...


class LineProgress:
    """One line an epoch on stderr, for logs."""

    def start(self, total: int, description: str) -> None:
        self.total, self.description = total, description

    def step(self, n: int, loss: float) -> None: ...

    def epoch(self, row: dict[str, float]) -> None:
        share = 100 * row["step"] / self.total
        print(f"{self.description} {share:3.0f}%  {_losses(row)}  {row['seconds']:.1f}s", file=sys.stderr, flush=True)

    def finish(self) -> None: ...


class BarProgress:
    """A bar on stderr that goes away when training is over."""

    REFRESH = 0.1  # seconds; drawing costs more than a small training step

    def __init__(self) -> None:
        self._bar: Any = None

    def start(self, total: int, description: str) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as Bar

        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.fields[loss]}"),
            TimeRemainingColumn(),
        )
        self._bar = Bar(*columns, console=Console(stderr=True), transient=True, auto_refresh=False)
        self._bar.start()
        self._task = self._bar.add_task(description, total=total, loss="")
        self._loss, self._pending, self._drawn = "", 0, 0.0

    def step(self, n: int, loss: float) -> None:
        self._pending += n
        now = time.monotonic()
        if now - self._drawn >= self.REFRESH:
            self._bar.update(self._task, advance=self._pending, loss=self._loss or f"loss {loss:.3f}", refresh=True)
            self._pending, self._drawn = 0, now

    def epoch(self, row: dict[str, float]) -> None:
        self._loss = _losses(row)

    def finish(self) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None


def progress_for(*, lines: bool = False, quiet: bool = False) -> Progress:
    """A bar on a terminal; elsewhere nothing, or a line an epoch."""
    if quiet:
        return NoProgress()
    if sys.stderr is not None and sys.stderr.isatty():
        return BarProgress()
    return LineProgress() if lines else NoProgress()


def _losses(row: dict[str, float]) -> str:
    text = f"loss {row['train_loss']:.4f}"
    return f"{text}, validation {row['val_loss']:.4f}" if "val_loss" in row else text
