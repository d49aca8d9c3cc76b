"""Ask the server of `commands` for a command that has this process's folder, environment and streams."""

from __future__ import annotations

import json
import os
import socket
import sys
from collections.abc import Sequence


def ask(server: str, words: Sequence[str], streams: Sequence[int] = (0, 1, 2)) -> int:
    """Have a command run, and return its exit code.

    Args:
        server: path of the server's socket.
        words: the command and its arguments.
        streams: file descriptors of its stdin, stdout and stderr.
    """
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(server)
        socket.send_fds(connection, [b" "], streams)
        order = {"words": list(words), "folder": os.getcwd(), "environment": dict(os.environ)}
        connection.sendall(json.dumps(order).encode() + b"\n")
        with connection.makefile() as answer:
            return int(answer.readline())


if __name__ == "__main__":
    code = ask(sys.argv[1], sys.argv[2:])
    sys.exit(code if code >= 0 else 128 - code)  # as a shell shows a signal
