"""Progress as a user sees it: what is being done, and how far training is, as a bar on a terminal, as lines in a log."""

from __future__ import annotations

import logging
import sys
import time
from typing import Any, Protocol

STAGES = "forecast.stages"  # a logger; nobody listens to it but the command line


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
    """An observer for logs: a line says what begins, and where that takes long, some of its epochs how far it is."""

    SECONDS_BETWEEN_LINES = 10.0

    def start(self, total: int, description: str) -> None:
        self.total, self.description, self._written = total, description, time.monotonic()
        doing(description)

    def step(self, n: int, loss: float) -> None: ...

    def epoch(self, row: dict[str, float]) -> None:
        now = time.monotonic()
        if now - self._written < self.SECONDS_BETWEEN_LINES:
            return
        self._written = now
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
        doing("")  # the bar takes the place of what stood there
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


class Named:
    """An observer that tells another one of a training run under its own name, such as "training member 2 of 3"."""

    def __init__(self, progress: Progress, name: str) -> None:
        self.progress, self.name = progress, name

    def start(self, total: int, description: str) -> None:
        self.progress.start(total, self.name)

    def step(self, n: int, loss: float) -> None:
        self.progress.step(n, loss)

    def epoch(self, row: dict[str, float]) -> None:
        self.progress.epoch(row)

    def finish(self) -> None:
        self.progress.finish()


def named(progress: Progress | None, name: str) -> Progress | None:
    """Return an observer of a training run that has a name; None where nobody observes."""
    return None if progress is None else Named(progress, name)


def progress_for(*, lines: bool = False, quiet: bool = False) -> Progress:
    """Choose an observer: a bar on a terminal; elsewhere nothing, or with `lines` a line a run.

    Args:
        lines: whether lines are written where stderr is no terminal.
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


def doing(stage: str) -> None:
    """Tell in a word or two what is being done from now on, such as "reading sales.csv"; the command line shows it.

    An empty text takes away what is shown.
    """
    logging.getLogger(STAGES).info(stage)
