"""What can go wrong, one class a kind, each with the exit code the command line ends with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

SHOWN = 20  # problems spelled out in a message; the rest are counted, and kept in `problems`


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One thing that is wrong, where it is, and what to do about it.

    Args:
        what: what was found, in one clause.
        series: id of the series it was found in.
        column: column it was found in.
        time: time stamp (or integer time) it was found at, as text.
        expected: what must hold instead.
        remedy: what the user can do next.
    """

    what: str
    series: str | None = None
    column: str | None = None
    time: str | None = None
    expected: str | None = None
    remedy: str | None = None

    def __str__(self) -> str:
        places = (("series", self.series), ("column", self.column), ("time", self.time))
        where = ", ".join(f"{name} {value!r}" for name, value in places if value is not None)
        text = f"{where}: {self.what}" if where else self.what
        text += f"; expected {self.expected}" if self.expected else ""
        return text + (f". {self.remedy}" if self.remedy else "")


class ForecastError(ValueError):
    """Base of every error this toolkit raises on purpose.

    Args:
        message: what is wrong, in one sentence.
        hint: what to do next.
        problems: every single finding, when there are several.
    """

    code: ClassVar[str] = "run"
    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, hint: str = "", problems: Sequence[Problem] = ()) -> None:
        super().__init__(message)
        self.message, self.hint, self.problems = message, hint, tuple(problems)

    def __str__(self) -> str:
        lines = [self.message, *(f"  - {problem}" for problem in self.problems[:SHOWN])]
        if len(self.problems) > SHOWN:
            lines.append(f"  - and {len(self.problems) - SHOWN} more")
        return "\n".join([*lines, self.hint] if self.hint else lines)

    def as_dict(self) -> dict[str, Any]:
        """The error as the JSON object that `--json` puts on the last line of stderr."""
        problems = [{k: v for k, v in asdict(p).items() if v is not None} for p in self.problems]
        return {"code": self.code, "message": self.message, "hint": self.hint, "problems": problems}


class RunError(ForecastError):
    """The work itself failed: a diverging loss, a full disk."""


class ConfigError(ForecastError):
    """A setting or argument has a wrong name or value."""

    code, exit_code = "config", 2


class DataError(ForecastError):
    """The table is not what the settings say it is."""

    code, exit_code = "data", 3


class ModelError(ForecastError):
    """A model directory is missing, corrupt or incompatible."""

    code, exit_code = "model", 4


class TrackingError(ForecastError):
    """The tracking store cannot be used and was required."""

    code, exit_code = "tracking", 5


class GateError(ForecastError):
    """A requirement on the metrics is not met."""

    code, exit_code = "gate", 6
