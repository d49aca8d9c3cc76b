"""What has to be done before a process that is told to end is gone: half-written files removed, runs closed, workers ended.

Python code that is interrupted by an exception does this in its `finally`; a command that Ctrl-C or SIGTERM ends has no
such moment, since it raises nothing, and does what is listed here instead.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

Clean = Callable[[], None]


class _Duty(NamedTuple):
    """A function to call before the end; a slow one, which may wait for a server, comes after all that are not."""

    clean: Clean
    slow: bool


_duties: list[_Duty] = []


@contextmanager
def if_ended(clean: Clean, *, slow: bool = False) -> Iterator[None]:
    """Have a function called if the process is told to end inside the `with` block.

    Args:
        clean: the function; it is called in another thread while the work stands still, and its errors count for
            nothing.
        slow: whether it may take long, so that it comes after those that do not; False by default.
    """
    duty = _Duty(clean, slow)
    _duties.append(duty)
    try:
        yield
    finally:
        _duties.remove(duty)


def always_if_ended(clean: Clean) -> None:
    """Have a function called if the process is told to end from now on; to ask for it again changes nothing."""
    if all(duty.clean is not clean for duty in _duties):
        _duties.append(_Duty(clean, slow=False))


def clean_up() -> None:
    """Call the functions, the newest first, and slow ones last."""
    newest_first = list(_duties)[::-1]
    for duty in sorted(newest_first, key=lambda duty: duty.slow):  # which keeps the order of equals
        with contextlib.suppress(BaseException):
            duty.clean()
