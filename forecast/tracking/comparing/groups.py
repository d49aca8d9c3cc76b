"""Metrics of recorded runs by step, cutoff, series, or groups of series."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pandas as pd

from forecast.datasets.errors import ConfigError
from forecast.evaluation.metrics import METRICS
from forecast.progress import tell
from forecast.tracking.comparing.boards import TABLE
from forecast.tracking.comparing.results import BY_CUTOFF, BY_HORIZON, BY_SERIES

if TYPE_CHECKING:
    Read = Callable[[str, str], pd.DataFrame | None]

FILES = {"horizon": (BY_HORIZON, "step"), "cutoff": (BY_CUTOFF, "cutoff"), "series": (BY_SERIES, "series")}
GIVEN = [*TABLE, "rank", "model", "run_id"]  # of each run, beside its groups


def grouped(frame: pd.DataFrame, by: str, metric: str, read: Read) -> pd.DataFrame:
    """Split the metric of each ranked run.

    Args:
        frame: leaderboards.
        by: "horizon", "cutoff" (from 0, the oldest), "series", or a static or id column.
        metric: the metric.
        read: it reads a table of a run.

    Returns:
        A row for each run and group: `target`, `protocol`, `levels`, `rank`, `model`, `run_id`, the column `by` (steps,
        cutoffs, series or values), and the metric. That of a group of series is the mean over them.

    Raises:
        ConfigError: if no run has the column or the metric.
    """
    ranked = frame[frame["rank"].notna()]
    name, key = FILES.get(by, (BY_SERIES, by))
    found = {str(run_id): read(str(run_id), name) for run_id in ranked["run_id"]}
    there = {run_id: table for run_id, table in found.items() if table is not None}
    if len(there) < len(found):
        tell(f"{len(found) - len(there)} runs hold no metrics by {by}, and are left out")
    if there and not any(metric in table for table in there.values()):
        raise ConfigError(f"{metric!r} is not recorded by {by}", hint="Use --metric mase, or another of one forecast.")
    parts = []
    for _, table in ranked.groupby(TABLE, sort=False):
        groups = _groups([there[run_id] for run_id in table["run_id"] if run_id in there], key)
        for run in ({str(k): v for k, v in row.items()} for row in table[GIVEN].to_dict("records")):
            scores = there.get(str(run["run_id"]))
            if scores is None or metric not in scores or groups is None:
                continue
            values = scores[metric].groupby(scores[groups.index.name].map(groups), sort=key != "series").mean()
            part = values.rename_axis(by).reset_index()
            parts.append(part.assign(**run)[[*GIVEN, by, metric]])
    if not parts and there:
        known = sorted({str(column) for table in there.values() for column in _columns(table)})
        hint = (
            f"Known: {', '.join([*FILES, *known])}. A static column is recorded where a model is given it (--static)."
        )
        raise ConfigError(f"no run has the column {by!r}", hint=hint)
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=[*GIVEN, by, metric])


def _groups(tables: list[pd.DataFrame], key: str) -> pd.Series | None:
    """Return the group of each step, cutoff or series; that of a series comes from whichever run has the column."""
    for table in tables:
        if key in table and (key in ("step", "cutoff", "series") or key in _columns(table)):
            own = next(name for name in ("step", "cutoff", "series") if name in table)
            return (
                table.set_index(own)[key]
                if key != own
                else pd.Series(table[own].to_numpy(), index=pd.Index(table[own], name=own))
            )
    return None


def _columns(table: pd.DataFrame) -> list[str]:
    """Return the columns that tell series apart, which are not metrics."""
    own = ("step", "cutoff", "series")
    return [str(name) for name in table.columns if name not in own and str(name).partition("_")[0] not in _KINDS]


_KINDS = {name.partition("_")[0] for name in METRICS}
