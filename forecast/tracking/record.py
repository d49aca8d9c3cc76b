"""The names and numbers that a run records, as plain values; this file does not know MLflow."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from forecast.datasets.addresses import without_password
from forecast.datasets.fingerprint import target_sha256
from forecast.datasets.panel import Panel
from forecast.datasets.time.times import as_text

if TYPE_CHECKING:
    import pandas as pd

    from forecast.evaluation.backtest import EvaluationProtocol
    from forecast.evaluation.result import Outcome
    from forecast.fitted import FittedModel

CURVE_METRICS = ("mase", "smape", "mae", "rmse")  # recorded for each step of the horizon and each cutoff
TRACKING_SETTINGS = (
    "experiment",
    "run_name",
    "tracking_uri",
    "tracking",
    "journal",
)  # say where a run goes, not how a model is made

TARGET, PROTOCOL = "forecast.target_sha256", "forecast.protocol_sha256"  # tags; only what shares both can be ranked
RULE = "protocol."  # before the names of the protocol's params, some of which are names of settings, too

Row = tuple[str, float, int]


def params(fitted: FittedModel) -> dict[str, str]:
    """Return every setting as it was used, as text by name."""
    return {name: str(value) for name, value in asdict(fitted.resolved).items() if name not in TRACKING_SETTINGS}


def tags(fitted: FittedModel, sha256: str, source: str | None) -> dict[str, str]:
    """Return tags with the hashes of settings and data, and the reasons for settings that were left open.

    Args:
        fitted: the model.
        sha256: hash of the panel, as `panel_sha256` computes it.
        source: path of the table's file; None where the table came from memory.
    """
    requested = {k: v for k, v in asdict(fitted.settings).items() if k not in TRACKING_SETTINGS}
    config = hashlib.sha256(json.dumps(requested, sort_keys=True, default=str).encode()).hexdigest()
    reasons = json.dumps(fitted.reasons, indent=1)
    tags = {"forecast.config_sha256": config, "forecast.dataset_sha256": sha256, "forecast.reasons": reasons}
    return tags | ({"forecast.source": without_password(source)} if source else {})


def identities(panel: Panel, protocol: EvaluationProtocol) -> dict[str, str]:
    """Return tags with the hashes of what was forecast and by which rules: evaluations that share both can be ranked."""
    return {TARGET: target_sha256(panel), PROTOCOL: protocol.sha256(panel)}


def rules(panel: Panel, protocol: EvaluationProtocol) -> dict[str, str]:
    """Return the protocol as params; rules that do not apply are left out."""
    found = protocol.described(panel)
    return {f"{RULE}{name}": str(value) for name, value in found.items() if value is not None}


def dataset(panel: Panel) -> dict[str, Any]:
    """Describe the data: number of series and rows, first and last time as text, and frequency."""
    integer = panel.grid.kind == "integer"
    ends = panel.grid.shift(panel.starts, panel.lengths - 1)
    return {
        "series": panel.n_series,
        "rows": panel.n_rows,
        "first": as_text(int(panel.starts.min()), integer),
        "last": as_text(int(ends.max()), integer),
        "freq": panel.grid.freq,
    }


def dataset_input(panel: Panel, sha256: str, source: str | None) -> dict[str, str]:
    """Describe the data set in MLflow's fields, with our own SHA-256: MLflow's digest reads 10,000 rows and no zones."""
    return {
        "name": Path(source).stem if source else "table",
        "digest": sha256[:36],
        "source_type": "local" if source else "memory",
        "source": json.dumps({"uri": without_password(source) if source else None}),
        "profile": json.dumps({**dataset(panel), "sha256": sha256}),
    }


def fit_metrics(fitted: FittedModel) -> list[Row]:
    """Return the wall and CPU seconds that the fit took."""
    return [("fit_seconds", fitted.fit_seconds, 0), ("fit_cpu_seconds", fitted.fit_cpu_seconds, 0)]


def evaluation_metrics(outcome: Outcome, baselines: dict[str, dict[str, float]]) -> list[Row]:
    """Return the metrics, curves of some over the horizon and the cutoffs, and the references' metrics beside them.

    A metric that is not finite is left out, because stores refuse it.
    """
    rows = [(f"test/{name}", value, 0) for name, value in outcome.metrics.items()]
    rows += [(f"{base}/{name}", value, 0) for base, metrics in baselines.items() for name, value in metrics.items()]
    rows += [(name, float(getattr(outcome, name)), 0) for name in ("fit_seconds", "fit_cpu_seconds", "predict_seconds")]
    rows += _curve(outcome.scores.by_horizon(), "step", "h") + _curve(outcome.scores.by_cutoff(), "cutoff", "cutoff")
    return [row for row in rows if math.isfinite(row[1])]


def _curve(frame: pd.DataFrame, key: str, suffix: str) -> list[Row]:
    """Return the rows of each curve: the metric named with the suffix, its value, and the step."""
    steps = frame[key].astype(int).tolist()
    return [
        (f"test/{name}_by_{suffix}", float(value), step)
        for name in CURVE_METRICS
        if name in frame
        for step, value in zip(steps, frame[name].tolist(), strict=True)
    ]
