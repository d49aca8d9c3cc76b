"""One's own tables to learn from: real series before many earlier ends, in panels of the sizes that made-up ones have."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from forecast.baselines.smoothing.bank import week
from forecast.combining.training.examples import LEAST_AGE, Examples
from forecast.combining.training.panel_examples import examples_before
from forecast.combining.trial import Trial
from forecast.datasets.errors import DataError
from forecast.datasets.fingerprint import panel_sha256
from forecast.datasets.panel import Panel
from forecast.datasets.season import season_length
from forecast.datasets.time.times import as_text
from forecast.datasets.windows.origins import Origins

KNOWN = (
    8,
    32,
    128,
)  # series that a panel's experience is learnt from: it must be worth much to the combiner, or little
MOST_IN_A_BATCH = 48


@dataclass(frozen=True, eq=False)
class OwnTable:
    """A table that is learnt from.

    Args:
        name: what messages and the weights' metadata call it.
        panel: its rows without those that are held back.
        season_length: rows in a season.
    """

    name: str
    panel: Panel
    season_length: int

    @classmethod
    def of(cls, name: str, panel: Panel, season: int | None, horizon: int, held_back: int) -> Self:
        """Hold the newest rows back before anything else is done.

        Args:
            name: what messages call the table.
            panel: all of its rows.
            season: rows in a season; None finds it.
            horizon: the longest that is trained on.
            held_back: newest rows of each series that nothing is learnt from.

        Raises:
            DataError: if no series is long enough.
        """
        longest, least = int(panel.lengths.max()), least_rows(horizon) + held_back
        if longest < least:
            needed = f"a horizon of {horizon} needs {least - held_back} rows before the {held_back} that are held back"
            hint = "Take a shorter --horizon, hold fewer rows back (--held-back), or leave the table out."
            raise DataError(f"{name} is too short: its longest series has {longest} rows; {needed}", hint=hint)
        panel = panel.truncate(panel.indptr[1:] - held_back)
        return cls(name, panel, season_length(panel, season)[0])

    def facts(self) -> dict[str, Any]:
        """Say which rows are learnt from; times are in the unit that the table has them in."""
        panel = self.panel
        last = panel.grid.shift(panel.starts, panel.lengths - 1).max()
        first, last = (as_text(int(time), panel.grid.kind == "integer") for time in (panel.starts.min(), last))
        return {"table": self.name, "series": panel.n_series, "rows": panel.n_rows, "first": first, "last": last}

    def draw(self, horizon: int, random: np.random.Generator) -> Iterator[list[Examples]]:
        """Draw a horizon, an end and some series again and again, and make their examples; the generator decides them.

        Ends lie as many rows back in all series, as they do when a panel is forecast. How far is drawn within a series
        that is drawn, so that long series do not bring the ends to where there is no other.
        """
        lengths, longer = self.panel.lengths, week(self.panel, self.season_length)
        while True:
            steps = max(int(np.exp(random.uniform(0.0, np.log(horizon + 1)))), 1)
            least = least_rows(steps)
            back = int(random.integers(random.choice(lengths[lengths >= least]) - least + 1))
            begun = np.flatnonzero(lengths - back >= least)
            chosen = np.sort(random.choice(begun, min(int(random.choice(KNOWN)), len(begun)), replace=False))
            known = self.panel.take(chosen)
            known = known.truncate(known.indptr[1:] - back)  # what came later is not even there
            trial = Trial(steps, self.season_length, longer)
            made = examples_before(trial, known, Origins.last(known), most=MOST_IN_A_BATCH)
            yield [examples for examples in made if np.isfinite(examples.actual).any()]


@dataclass(frozen=True, eq=False)
class OwnTables:
    """The tables that are learnt from, and how much.

    Args:
        tables: each counts the same.
        horizon: the longest that is trained on.
        held_back: newest rows of each series that nothing is learnt from.
        share: of the batches that come from the tables.
    """

    tables: tuple[OwnTable, ...]
    horizon: int
    held_back: int
    share: float

    def facts(self) -> dict[str, Any]:
        """Say what is learnt from, for the metadata of the weights."""
        of_tables = [table.facts() for table in self.tables]
        return {"share": self.share, "horizon": self.horizon, "held_back": self.held_back, "tables": of_tables}

    def fingerprint(self) -> str:
        """Return what decides the examples: the rows that are learnt from, seasons and horizon."""
        parts = [f"{panel_sha256(table.panel)} {table.season_length}" for table in self.tables]
        return " ".join([*parts, str(self.horizon), str(self.share)])


def least_rows(horizon: int) -> int:
    """Return the rows before an end that are learnt from: there must be an origin with a whole horizon after it."""
    return horizon + max(horizon, LEAST_AGE + 1)
