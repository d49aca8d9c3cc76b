"""Examples of a panel: what was known before an end, what the combiner read there, and what came up to it."""

from __future__ import annotations

from forecast.baselines.smoothing.bank import DAYS_IN_A_WEEK, rows_read
from forecast.combining.training.examples import Examples
from forecast.combining.trial import MOST_HISTORIES_AT_ONCE, Trial
from forecast.combining.view import Experience
from forecast.datasets.panel import Panel
from forecast.datasets.windows.origins import Integers, Origins, evenly_spread

MOST_ROWS_TUNED = 150_000  # of all histories that tuning learns from
HISTORIES_TUNED, MOST_SPANS = 200, 8  # fewer histories are looked at before earlier ends as well, so many at most


def examples_before(
    trial: Trial,
    panel: Panel,
    origins: Origins,
    known: Experience | None = None,
    most: int = MOST_HISTORIES_AT_ONCE,
) -> list[Examples]:
    """Make the examples of histories, from no row after their ends.

    Args:
        trial: horizon and seasons.
        panel: the rows.
        origins: the histories' ends.
        known: what is known of the panel; None learns it from the rows before these ends.
        most: histories in a batch of examples.

    Returns:
        Examples of similarly long histories, a batch each; those that are too short for any are left out.
    """
    known = trial.learn(panel, origins) if known is None else known
    views = (trial.look(block, known, 1) for block in trial.blocks(panel, origins, 1, most))
    return [Examples.of(view, trial.horizon) for view in views if len(view.asked.ends) > 1]


def ends_back(panel: Panel, series: Integers, back: int, least: int) -> Origins:
    """Return the ends that lie so many rows back, of the series that have at least so many rows before them."""
    ends = panel.indptr[series + 1] - back
    begun = ends - panel.indptr[series] >= least
    return Origins(series[begun], ends[begun])


def newest_and_older(trial: Trial, panel: Panel, known: Experience) -> tuple[list[Examples], list[Examples]]:
    """Make the examples of a panel up to its end, and of spans of rows before it where there are few series."""
    read = rows_read(trial.season_length, DAYS_IN_A_WEEK * trial.season_length)
    longest = min(int(panel.lengths.max()), read)
    chosen = evenly_spread(panel.n_series, max(MOST_ROWS_TUNED // longest, 1))
    newest = examples_before(trial, panel, Origins(chosen, panel.indptr[chosen + 1]), known)
    older, span = list[Examples](), int(trial.offsets[0])
    for back in range(1, min(MOST_SPANS, -(-HISTORIES_TUNED // len(chosen)))):
        origins = ends_back(panel, chosen, back * span, span + trial.horizon)
        if not len(origins):
            break
        older += examples_before(trial, panel, origins)
    return newest, older
