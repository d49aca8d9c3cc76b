"""Addresses of servers, whose passwords are neither shown nor stored."""

from __future__ import annotations

import re
from typing import TypeVar
from urllib.parse import urlsplit

T = TypeVar("T")
_whole: dict[str, str] = {}  # by what is shown, the address that works; it lives as long as the process
_CREDENTIALS = re.compile(r"(?<=://)[^/\s@'\"]+@")


def without_password(address: T) -> T:
    """Return an address as it may be shown and stored; `whole` gives the password back in this process.

    Args:
        address: a URI, or anything else, which stays as it is.
    """
    parts = urlsplit(address) if isinstance(address, str) and "://" in address else None
    if parts is None or "@" not in parts.netloc or not (parts.password or parts.scheme.startswith("http")):
        return address
    bare = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
    _whole[bare] = str(address)
    return bare  # type: ignore[return-value]  # a text, as the address


def whole(address: str) -> str:
    """Return the address with the password that `without_password` took from it."""
    return _whole.get(address, address)


def masked(text: str) -> str:
    """Return a text, such as another package's error message, without the user names and passwords of addresses."""
    return _CREDENTIALS.sub("", text)
