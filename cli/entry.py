"""The way in to the command `forecast`: signals are answered before anything that takes time is imported."""

from __future__ import annotations

from forecast.cli.signals import install, leave_with


def main() -> None:
    """Run a command, and end with its exit code."""
    install()
    from forecast.cli.app import main as run

    try:
        run()
    except SystemExit as end:
        leave_with(end.code)
        raise
