"""The errors that this toolkit raises: each kind has a class, with the exit code that the command line ends with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

MAX_PROBLEMS_SHOWN = 20  # in a message; the rest are counted there, and kept in `problems`
MAX_LISTED_PROBLEMS = 1000  # of one kind in `problems`: a broken column has one in every row


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One thing that is wrong, its place, and a way to mend it.

    Args:
        what: a clause that says what is wrong.
        series: id of the series that it is wrong in; None where it concerns no single series.
        column: name of the column that it is wrong in; None where it concerns no single column.
        time: time stamp (or integer time) of the row that is wrong, as text; None where it concerns no single row.
        expected: a clause that says what must hold instead.
        remedy: a sentence that says what the user can do next.
    """

    what: str
    series: str | None = None
    column: str | None = None
    time: str | None = None
    expected: str | None = None
    remedy: str | None = None

    def __str__(self) -> str:
        places = (("series", self.series), ("column", self.column), ("time", self.time))
        place = ", ".join(f"{name} {value!r}" for name, value in places if value is not None)
        text = f"{place}: {self.what}" if place else self.what
        text += f"; expected {self.expected}" if self.expected else ""
        return text + (f". {self.remedy}" if self.remedy else "")


class ForecastError(ValueError):
    """The base of every error that this toolkit raises on purpose.

    Args:
        message: a sentence that says what is wrong.
        hint: a sentence that says what the user can do next.
        problems: every single thing that is wrong, where there are several.
    """

    code: ClassVar[str] = "run"
    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, hint: str = "", problems: Sequence[Problem] = ()) -> None:
        super().__init__(message)
        self.message, self.hint, self.problems = message, hint, tuple(problems)

    def __str__(self) -> str:
        lines = [self.message, *(f"  - {problem}" for problem in self.problems[:MAX_PROBLEMS_SHOWN])]
        if len(self.problems) > MAX_PROBLEMS_SHOWN:
            lines.append(f"  - and {len(self.problems) - MAX_PROBLEMS_SHOWN} more")
        return "\n".join([*lines, self.hint] if self.hint else lines)

    def as_dict(self) -> dict[str, Any]:
        """Return the error as the JSON object that `--json` writes to the last line of stderr."""
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
