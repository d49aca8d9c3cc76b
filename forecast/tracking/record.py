"""What a run says, as plain names and numbers; nothing here knows MLflow."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from forecast.datasets.panel import Panel
from forecast.datasets.time.times import as_text

if TYPE_CHECKING:
    import pandas as pd

    from forecast.evaluation.result import Outcome
    from forecast.fitted import FittedModel

BY_STEP = ("mase", "smape", "mae", "rmse")  # drawn per horizon and per cutoff
NOT_PARAMS = ("experiment", "run_name", "tracking_uri")

Row = tuple[str, float, int]


def params(fitted: FittedModel) -> dict[str, str]:
    """Every setting as it was used."""
    return {name: str(value) for name, value in asdict(fitted.resolved).items() if name not in NOT_PARAMS}


def tags(fitted: FittedModel, sha256: str, source: str | None) -> dict[str, str]:
    """What the run is about: asked settings' hash, the data's hash, why each open setting got its value."""
    asked = {k: v for k, v in asdict(fitted.settings).items() if k not in NOT_PARAMS}
    config = hashlib.sha256(json.dumps(asked, sort_keys=True, default=str).encode()).hexdigest()
    reasons = json.dumps(fitted.reasons, indent=1)
    found = {"forecast.config_sha256": config, "forecast.dataset_sha256": sha256, "forecast.reasons": reasons}
    return found | ({"forecast.source": source} if source else {})


def dataset(panel: Panel) -> dict[str, Any]:
    """What the data looks like."""
    integer = panel.grid.kind == "integer"
    ends = panel.grid.shift(panel.starts, panel.lengths - 1)
    return {
        "series": panel.n_series,
        "rows": panel.n_rows,
        "first": as_text(int(panel.starts.min()), integer),
        "last": as_text(int(ends.max()), integer),
        "freq": panel.grid.freq,
    }


def fit_metrics(fitted: FittedModel) -> list[Row]:
    """What the fit cost."""
    return [("fit_seconds", fitted.fit_seconds, 0), ("fit_cpu_seconds", fitted.fit_cpu_seconds, 0)]


def evaluation_metrics(outcome: Outcome, baselines: dict[str, dict[str, float]]) -> list[Row]:
    """The scores, each per horizon and cutoff as a curve, and the references' beside them."""
    rows = [(f"test/{name}", value, 0) for name, value in outcome.metrics.items()]
    rows += [(f"{base}/{name}", value, 0) for base, found in baselines.items() for name, value in found.items()]
    rows += [(name, float(getattr(outcome, name)), 0) for name in ("fit_seconds", "fit_cpu_seconds", "predict_seconds")]
    rows += _curve(outcome.scores.by_horizon(), "step", "h") + _curve(outcome.scores.by_cutoff(), "cutoff", "cutoff")
    return [row for row in rows if math.isfinite(row[1])]


def _curve(frame: pd.DataFrame, key: str, suffix: str) -> list[Row]:
    steps = frame[key].astype(int).tolist()
    return [
        (f"test/{name}_by_{suffix}", float(value), step)
        for name in BY_STEP
        if name in frame
        for step, value in zip(steps, frame[name].tolist(), strict=True)
    ]
