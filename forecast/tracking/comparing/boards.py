"""Runs become the rows of leaderboards, one for each target and protocol: scores of different ones are never ranked."""

from __future__ import annotations

import json
import math
import re
from typing import TYPE_CHECKING, Any

from forecast.tracking.pages.tags import KIND, RULE
from forecast.tracking.record import BASELINES, DATASET_SHA256, MODEL, NAIVE, PROTOCOL, SOURCE, TARGET, skill_of

if TYPE_CHECKING:
    import pandas as pd

METRIC_COLUMNS = ("mase", "smape", "owa", "mae", "rmse", "wape", "wql")
TABLE = ["target", "protocol", "levels"]  # runs that share these are one table
RULES = ("horizon", "cutoffs", "step", "gap", "refit", "first_cutoff", "last_cutoff")  # of the protocol, shown
SHOWN_OF_A_HASH = 12


def leaderboards(runs: list[Any], metric: str) -> pd.DataFrame:
    """Lay runs out as the rows of leaderboards, that with the newest run first, each ranked by the metric.

    Runs without target and protocol (fits, failures, those of other versions) stand last, without a rank.
    """
    import pandas as pd

    frame = pd.DataFrame([run_row(run, metric) for run in runs], columns=_columns(metric))
    frame = frame.astype(dict.fromkeys(("series", "horizon", "cutoffs", "step", "gap"), "Int64"))
    off = pd.Series([distance(metric, value) for value in frame[metric]], index=frame.index, dtype=float)
    is_ranked = (frame["target"] != "") & (frame["protocol"] != "") & off.notna()
    frame["rank"] = off[is_ranked].groupby([frame[name] for name in TABLE]).rank(method="min").astype("Int64")
    newest = frame.groupby(TABLE)["started"].transform("max")
    keys = frame.assign(_comparable=frame["protocol"] != "", _newest=newest)
    order = keys.sort_values(
        ["_comparable", "_newest", *TABLE, "rank", "started"],
        ascending=[False, False, True, True, True, True, False],
        kind="stable",
        na_position="last",
    ).index
    return frame.loc[order].reset_index(drop=True)


def tables(frame: pd.DataFrame) -> list[pd.DataFrame]:
    """Return the leaderboards of a frame that `leaderboards` made, without the runs that cannot be compared."""
    comparable = frame[frame["protocol"] != ""]
    return [table for _, table in comparable.groupby(TABLE, sort=False)]


def distance(metric: str, value: float | None) -> float:
    """Return how far a metric is from its best value: itself for an error, its size for bias, the miss of a coverage."""
    if value is None:
        return math.nan
    kind, _, share = metric.partition("_")
    if kind == "coverage" and share:
        return abs(value - float(share) / 100)
    return abs(value) if metric == "bias" else value


def of_run(run: Any, metric: str) -> float | None:
    """Return a run's metric; None where it has none."""
    value = run.data.metrics.get(metric)
    return None if value is None else float(value)


def _columns(metric: str) -> list[str]:
    names = list(dict.fromkeys([metric, *METRIC_COLUMNS]))
    shown = ["target", "protocol", "rank", "model", "skill", *names, "coverage", "interval", "seconds"]
    return [*shown, "data", "series", *RULES, "levels", "run", "kind", "status", "started", "run_id"]


def run_row(run: Any, metric: str) -> dict[str, Any]:
    """Return what a leaderboard shows of a run, by column."""
    import pandas as pd

    tags, metrics, params = run.data.tags, run.data.metrics, run.data.params
    coverage, interval = _coverage(metrics)
    seconds = [metrics[name] for name in ("fit_seconds", "predict_seconds") if name in metrics]
    return {
        "target": tags.get(TARGET, "")[:SHOWN_OF_A_HASH],
        "protocol": tags.get(PROTOCOL, "")[:SHOWN_OF_A_HASH],
        "rank": None,
        "model": tags.get(MODEL, ""),
        "skill": skill_of(metric, of_run(run, metric), _naive(run, metric)),
        **{name: of_run(run, name) for name in (*METRIC_COLUMNS, metric)},
        "coverage": coverage,
        "interval": interval,
        "seconds": sum(seconds) if seconds else None,
        "data": tags.get(SOURCE, tags.get(DATASET_SHA256, "")[:SHOWN_OF_A_HASH]),
        "series": _rule(tags.get("forecast.dataset.series")),
        **{name: _rule(params.get(f"{RULE}{name}")) for name in RULES},
        # wql is the mean over the levels, so that with other levels it is another metric
        "levels": params.get("quantiles", "").strip("()") if metric == "wql" else "",
        "run": run.info.run_name,
        "kind": tags.get(KIND, ""),
        "status": run.info.status,
        "started": pd.Timestamp(run.info.start_time, unit="ms"),
        "run_id": run.info.run_id,
    }


def _rule(text: str | None) -> int | str | None:
    return int(text) if text is not None and text.isdigit() else text


def _naive(run: Any, metric: str) -> float | None:
    """Return seasonal naive's metric on the same points; None where a run has none, or a user has changed the tag."""
    try:
        return float(json.loads(run.data.tags.get(BASELINES, "{}"))[NAIVE][metric])
    except (ValueError, KeyError, TypeError):
        return None


def _coverage(metrics: dict[str, float]) -> tuple[float, float]:
    """Return the share of actuals inside the widest interval, and the share that it is meant to hold."""
    levels = {name: name.removeprefix("coverage_") for name in metrics if name.startswith("coverage_")}
    found = {float(level) / 100: metrics[name] for name, level in levels.items() if re.fullmatch(r"\d+(\.\d+)?", level)}
    return (found[max(found)], max(found)) if found else (math.nan, math.nan)
