"""Why a run failed, as tags: the exit code, the message, and what to do about it; none of them shows a password."""

from __future__ import annotations

from forecast.datasets.addresses import masked
from forecast.datasets.errors import ForecastError, RunError

CODE, ERROR, HINT = "forecast.exit_code", "forecast.error", "forecast.hint"
MOST_LETTERS = 4000  # of a message with many problems; stores take a few more


def tags(error: BaseException) -> dict[str, str]:
    """Return the tags of a run that an error ended."""
    if not isinstance(error, ForecastError):
        error = RunError(f"{type(error).__name__}: {error}")
    message = str(error).removesuffix(error.hint).strip() if error.hint else str(error)
    found = {CODE: str(error.exit_code), ERROR: message, HINT: error.hint}
    return {name: _shortened(masked(text)) for name, text in found.items() if text}


def _shortened(text: str) -> str:
    return text if len(text) <= MOST_LETTERS else f"{text[:MOST_LETTERS]}..."
