"""What a command is doing stands on stderr: in a line that the next one replaces on a terminal, in a line each elsewhere."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from forecast.cli.columns import terminal_width
from forecast.progress import STAGES

CLEARED = "\r\x1b[K"  # to the line's beginning, and what stands after it away


class Stages(logging.Handler):
    """Shows each stage that the library tells of, unless it is the one that is shown already.

    Args:
        replaces: whether a stage replaces the line of the one before, as a terminal can.
    """

    def __init__(self, *, replaces: bool) -> None:
        super().__init__(logging.INFO)
        self.replaces, self.shown = replaces, ""

    def emit(self, record: logging.LogRecord) -> None:
        """Show a stage; an empty one clears the line."""
        stage = record.getMessage()
        if stage == self.shown or not (stage or self.replaces):
            return
        self.shown = stage
        room = terminal_width() - 1  # a line that is full would be two, and not go away
        sys.stderr.write(f"{CLEARED}{stage[:room]}" if self.replaces else f"{stage}\n")
        sys.stderr.flush()


@contextmanager
def stages(*, quiet: bool = False, lines: bool = True) -> Iterator[None]:
    """Show inside a `with` block what the command is doing.

    Args:
        quiet: whether nothing is shown.
        lines: whether lines are written where stderr is no terminal. A look-up, of which nobody keeps a log, writes none.
    """
    logger = logging.getLogger(STAGES)
    before = logger.level, logger.propagate
    handler = Stages(replaces=sys.stderr.isatty() and os.environ.get("TERM") != "dumb")
    if not quiet and (lines or handler.replaces):
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)
        logger.propagate = False  # what is done is no note
    try:
        yield
    finally:
        if handler.shown and handler.replaces:
            sys.stderr.write(CLEARED)
            sys.stderr.flush()
        logger.removeHandler(handler)
        logger.setLevel(before[0])
        logger.propagate = before[1]
