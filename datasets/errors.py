"""The errors that this toolkit raises: each kind has a class, with the exit code that the command line ends with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

MAX_CAUSES_SHOWN = 20  # in a message; the rest are counted there, and kept in `problems`
MAX_EXAMPLES = 3  # of one cause in a message
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
        return self.said("series", "column", "time") + self.advice

    @property
    def cause(self) -> tuple[str | None, ...]:
        """Return what problems of one cause have in common: the column, what is expected there, and the remedy."""
        return self.column, self.expected, self.remedy

    @property
    def advice(self) -> str:
        """Say what is expected, and what the user can do."""
        return (f"; expected {self.expected}" if self.expected else "") + (f". {self.remedy}" if self.remedy else "")

    def said(self, *places: str) -> str:
        """Say what is wrong, and where: of series, column and time those that are named here."""
        found = ((name, getattr(self, name)) for name in places)
        place = ", ".join(f"{name} {value!r}" for name, value in found if value is not None)
        return f"{place}: {self.what}" if place else self.what


@dataclass(frozen=True)
class Cause:
    """Problems with one cause.

    Args:
        problems: at least one.
    """

    problems: tuple[Problem, ...]

    @classmethod
    def all_of(cls, problems: Sequence[Problem]) -> list[Cause]:
        """Group problems by their cause; the causes stand in the order of their first problems."""
        groups: dict[tuple[str | None, ...], list[Problem]] = {}
        for problem in problems:
            groups.setdefault(problem.cause, []).append(problem)
        return [cls(tuple(group)) for group in groups.values()]

    @property
    def count(self) -> str:
        """Return how many problems there are; a broken column has one in every row, and not all are listed."""
        return f"{len(self.problems)}{' or more' if len(self.problems) >= MAX_LISTED_PROBLEMS else ''}"

    def lines(self) -> list[str]:
        """Say what is wrong: a problem in a line, or the first ones under what they have in common."""
        first = self.problems[0]
        if len(self.problems) == 1:
            return [f"  - {first}"]
        place = f"column {first.column!r}: " if first.column is not None else ""
        lines = [f"  - {place}{self.count} problems{first.advice}"]
        lines += [f"      {problem.said('series', 'time')}" for problem in self.problems[:MAX_EXAMPLES]]
        rest = len(self.problems) - MAX_EXAMPLES
        return [*lines, f"      and {rest} more"] if rest > 0 else lines

    def as_dict(self) -> dict[str, Any]:
        """Return the cause as a JSON object."""
        first = self.problems[0]
        common = {"column": first.column, "expected": first.expected, "remedy": first.remedy}
        examples = [problem.said("series", "time") for problem in self.problems[:MAX_EXAMPLES]]
        return {"count": len(self.problems), **{k: v for k, v in common.items() if v is not None}, "examples": examples}


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
        causes = Cause.all_of(self.problems)
        lines = [self.message, *(line for cause in causes[:MAX_CAUSES_SHOWN] for line in cause.lines())]
        if len(causes) > MAX_CAUSES_SHOWN:
            lines.append(f"  - and {len(causes) - MAX_CAUSES_SHOWN} more causes")
        return "\n".join([*lines, self.hint] if self.hint else lines)

    def as_dict(self) -> dict[str, Any]:
        """Return the error as the JSON object that `--json` writes to the last line of stderr."""
        problems = [{k: v for k, v in asdict(p).items() if v is not None} for p in self.problems]
        causes = [cause.as_dict() for cause in Cause.all_of(self.problems)]
        return {
            "code": self.code, "message": self.message, "hint": self.hint, "causes": causes, "problems": problems
        }  # fmt: skip


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
