"""Progress of training as a user sees it: a bar on a terminal, a line an epoch in a log, or nothing."""

from __future__ import annotations

import logging
import sys
import time
from typing import Any, Protocol


class Progress(Protocol):
    """An observer that is told of each step of a training run."""

    def start(self, total: int, description: str) -> None:
        """Take note that `total` optimiser steps are about to begin."""

    def step(self, n: int, loss: float) -> None:
        """Take note that `n` more steps are done, the last of them with this training loss."""

    def epoch(self, row: dict[str, float]) -> None:
        """Take a row of the learning curve: step, seconds, train_loss, and val_loss where there is validation."""

    def finish(self) -> None:
        """Take note that training is over, whether it succeeded or failed."""


class NoProgress:
    """An observer that shows nothing."""

    def start(self, total: int, description: str) -> None: ...
    def step(self, n: int, loss: float) -> None: ...
    def epoch(self, row: dict[str, float]) -> None: ...
    def finish(self) -> None: ...


class LineProgress:
    """An observer that writes one line an epoch to stderr, for logs."""

    def start(self, total: int, description: str) -> None:
        self.total, self.description = total, description

    def step(self, n: int, loss: float) -> None: ...

    def epoch(self, row: dict[str, float]) -> None:
        percent = 100 * row["step"] / self.total
        print(f"{self.description} {percent:3.0f}%  {_losses(row)}  {row['seconds']:.1f}s", file=sys.stderr, flush=True)

    def finish(self) -> None: ...


class BarProgress:
    """An observer that draws a bar on stderr and removes it when training is over."""

    SECONDS_BETWEEN_DRAWS = 0.1  # drawing costs more than a small training step

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
        if now - self._drawn >= self.SECONDS_BETWEEN_DRAWS:
            self._bar.update(self._task, advance=self._pending, loss=self._loss or f"loss {loss:.3f}", refresh=True)
            self._pending, self._drawn = 0, now

    def epoch(self, row: dict[str, float]) -> None:
        self._loss = _losses(row)

    def finish(self) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None


def progress_for(*, lines: bool = False, quiet: bool = False) -> Progress:
    """Choose an observer: a bar on a terminal; elsewhere nothing, or with `lines` a line an epoch.

    Args:
        lines: whether a line an epoch is written where stderr is no terminal.
        quiet: whether nothing is shown anywhere.
    """
    if quiet:
        return NoProgress()
    if sys.stderr is not None and sys.stderr.isatty():
        return BarProgress()
    return LineProgress() if lines else NoProgress()


def _losses(row: dict[str, float]) -> str:
    text = f"loss {row['train_loss']:.4f}"
    return f"{text}, validation {row['val_loss']:.4f}" if "val_loss" in row else text


def tell(note: str) -> None:
    """Tell the user in a line what a run does otherwise than one might think; it goes to the logger `forecast`.

    Python shows it on stderr, and the command line as a note.
    """
    logging.getLogger("forecast").warning(note)
