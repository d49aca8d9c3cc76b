"""Ctrl-C ends a command at once with exit code 130, and SIGTERM with 143.

Neither raises an exception: one that comes up inside an import, a callback or a destructor is often swallowed by the
packages beneath, and the work goes on. Instead a thread that waits for a signal does what `forecast.datasets.ending`
lists, while the main thread stands still, and ends the process. The thread also answers while the main thread is inside
a long call that Python's own handlers would have to wait for.

Only Python's lightest modules are imported here, since this is set up before anything else.
"""

from __future__ import annotations

import _thread
import atexit
import contextlib
import os
import signal
import sys
import time
from types import FrameType
from typing import NoReturn

from forecast.datasets import ending

CODES = {signal.SIGINT: 130, signal.SIGTERM: 143}
WORDS = {signal.SIGINT: "interrupted", signal.SIGTERM: "terminated"}
JSON = '{"error": {"code": "run", "message": "%s", "hint": "", "causes": [], "problems": []}}'
SECONDS_TO_CLEAN = 1.0  # a server that does not answer, or a lock that the work holds, is not waited for any longer
SECONDS_TO_STOP = 0.2  # for the main thread, which is in a long call if it has not stopped by then
CLEAR_LINE, SHOW_CURSOR = "\r\x1b[2K", "\x1b[?25h"  # a bar hides the cursor


class _State:
    """What the handlers and the thread tell one another."""

    pipe: int = -1
    stopped: bool = False
    exit_code: int | None = None


def install() -> None:
    """Answer the two signals from now on; one that whoever started this process has switched off stays so."""
    if _State.pipe >= 0:
        return
    reader, _State.pipe = os.pipe()
    _thread.start_new_thread(_wait, (reader,))
    for number in CODES:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _stop)
    if sys.platform != "win32":  # where only a socket can be woken
        os.set_blocking(_State.pipe, False)
        signal.set_wakeup_fd(_State.pipe, warn_on_full_buffer=False)
    atexit.register(_leave)


def leave_with(code: object) -> None:
    """Have the process leave with this exit code once Python's exit functions have run.

    What Python does after them takes a while, and there it no longer answers signals in our way.

    Args:
        code: what `SystemExit` holds; it is left to Python unless it is a number or None, which stands for 0.
    """
    if code is None or isinstance(code, int):
        _State.exit_code = code or 0


def _leave() -> None:
    """Leave; it was registered before all other exit functions, and so comes after them."""
    if _State.exit_code is not None:
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(Exception):
                stream.flush()
        os._exit(_State.exit_code)


def _stop(number: int, frame: FrameType | None) -> None:
    """Stand still in the main thread, until the other one has cleaned up and ended the process."""
    first, _State.stopped = not _State.stopped, True
    if first:
        os.write(_State.pipe, bytes([number]))  # again, since another package may have taken the wakeup
        time.sleep(SECONDS_TO_STOP + SECONDS_TO_CLEAN)
        os._exit(CODES[signal.Signals(number)])


def _wait(reader: int) -> None:
    """Wait for one of our signals, then end the process."""
    number = os.read(reader, 1)[0]
    while number not in CODES:  # a signal of somebody else's
        number = os.read(reader, 1)[0]
    patience = time.monotonic() + SECONDS_TO_STOP
    while not _State.stopped and time.monotonic() < patience:
        time.sleep(0.005)
    _end(signal.Signals(number))


def _end(number: signal.Signals) -> NoReturn:
    """Say in a word why the command ends, clean up, and end it."""
    try:
        _say(WORDS[number])
        ending.clean_up()
    finally:
        os._exit(CODES[number])


def _say(word: str) -> None:
    """Write to stderr directly: the main thread may hold the lock of Python's stream."""
    text = JSON % word if "--json" in sys.argv else f"error[run]: {word}"
    bar = f"{CLEAR_LINE}{SHOW_CURSOR}" if os.isatty(2) else ""
    with contextlib.suppress(OSError):
        os.write(2, f"{bar}{text}\n".encode())
