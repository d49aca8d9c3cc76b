"""The names and numbers that a run records, as plain values; this file does not know MLflow."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import asdict
from typing import TYPE_CHECKING

from forecast.architectures import settings_read
from forecast.datasets.addresses import without_password
from forecast.datasets.fingerprint import described, target_sha256
from forecast.datasets.panel import Panel
from forecast.settings import Settings
from forecast.tracking.pages.names import data_name
from forecast.tracking.pages.tags import KIND, MADE_BY, RULE

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from forecast.evaluation.backtest import EvaluationProtocol
    from forecast.evaluation.result import Outcome
    from forecast.fitted import FittedModel

CURVE_METRICS = ("mase", "smape", "mae", "rmse")  # recorded for each step of the horizon and each cutoff
HEADLINE = ("owa", "smape", "wql", "coverage")  # after skill and MASE, before all others
NO_ERROR = ("bias", "coverage")  # of which less is not better
NAIVE = "seasonal_naive"
DIGITS = 4  # of what is only there to be read, since MLflow's pages show all; MASE itself keeps them
SHOWN_OF_A_HASH = 8
TRACKING_SETTINGS = (
    "experiment",
    "run_name",
    "tracking_uri",
    "tracking",
    "journal",
)  # say where a run goes, not how a model is made

MODEL, SOURCE = "forecast.model", "forecast.source"  # tags: the model's name, and the address of the table
CONFIG_SHA256, DATASET_SHA256 = "forecast.config_sha256", "forecast.dataset_sha256"  # tags: of settings, of all rows
TARGET, PROTOCOL = "forecast.target_sha256", "forecast.protocol_sha256"  # tags; only what shares both can be ranked
BASELINES = "forecast.baselines"  # a tag: the references' metrics as JSON, by reference

Row = tuple[str, float, int]


def params(settings: Settings) -> dict[str, str]:
    """Return the settings that their model reads, as text by name."""
    return {name: str(value) for name, value in settings_read(settings).items()}


def opened(kind: str, name: str, source: str | None) -> dict[str, str]:
    """Return the tags that a run has from its first moment on.

    Args:
        kind: "fit" or "evaluate".
        name: name of the model.
        source: address of the table; None where it came from memory.
    """
    tags = {KIND: kind, MODEL: name, MADE_BY: f"forecast {kind}"}
    return tags | ({SOURCE: without_password(source)} if source else {})


def tags(fitted: FittedModel, sha256: str) -> dict[str, str]:
    """Return tags with the hashes of settings and data, and the reasons for settings that were left open.

    Args:
        fitted: the model.
        sha256: hash of the panel, as `panel_sha256` computes it.
    """
    requested = {k: v for k, v in asdict(fitted.settings).items() if k not in TRACKING_SETTINGS}
    config = hashlib.sha256(json.dumps(requested, sort_keys=True, default=str).encode()).hexdigest()
    reasons = json.dumps(fitted.reasons, indent=1)
    return {CONFIG_SHA256: config, DATASET_SHA256: sha256, "forecast.reasons": reasons}


def identities(panel: Panel, protocol: EvaluationProtocol) -> dict[str, str]:
    """Return tags with the hashes of what was forecast and by which rules: evaluations that share both can be ranked."""
    return {TARGET: target_sha256(panel), PROTOCOL: protocol.sha256(panel)}


def rules(panel: Panel, protocol: EvaluationProtocol) -> dict[str, str]:
    """Return the protocol as params; rules that do not apply are left out."""
    found = protocol.described(panel)
    return {f"{RULE}{name}": str(value) for name, value in found.items() if value is not None}


def dataset_input(panel: Panel, sha256: str, source: str | None) -> dict[str, str]:
    """Describe the data set in MLflow's fields, with our own SHA-256: MLflow's digest reads 10,000 rows and no zones."""
    return {
        "name": data_name(source) or "table",
        "digest": sha256[:SHOWN_OF_A_HASH],  # the whole hash is in the profile
        "source_type": "local" if source else "memory",
        "source": json.dumps({"uri": without_password(source) if source else None}),
        "profile": json.dumps({**described(panel), "sha256": sha256}),
    }


def fit_metrics(fitted: FittedModel) -> list[Row]:
    """Return the wall and CPU seconds that the fit took."""
    return [("fit_seconds", fitted.fit_seconds, 0), ("fit_cpu_seconds", fitted.fit_cpu_seconds, 0)]


def evaluation_metrics(outcome: Outcome) -> list[Row]:
    """Return the metrics, the headline first, and curves of some over the horizon and the cutoffs.

    MLflow's page of a run shows metrics in the order in which they are logged. A metric that is not finite is left out,
    because stores refuse it.
    """
    rows = [(name, value, 0) for name, value in scores(outcome.metrics, outcome.baselines).items()]
    rows += [(name, float(getattr(outcome, name)), 0) for name in ("fit_seconds", "fit_cpu_seconds", "predict_seconds")]
    rows += _curve(outcome.scores.by_horizon(), "step", "horizon") + _curve(
        outcome.scores.by_cutoff(), "cutoff", "cutoff"
    )
    return [row for row in rows if math.isfinite(row[1])]


def scores(metrics: Mapping[str, float], baselines: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    """Return metrics by name in the order in which they are logged: skill, MASE beside seasonal naive's, then the rest."""
    naive = baselines.get(NAIVE, {}).get("mase")
    headline = {
        "skill": round(skill_of("mase", metrics.get("mase"), naive), DIGITS),
        "mase": metrics.get("mase"),
        "mase_seasonal_naive": None if naive is None else round(naive, DIGITS),
    }
    headline |= {name: value for name, value in metrics.items() if name.partition("_")[0] in HEADLINE}
    return {name: value for name, value in {**headline, **metrics}.items() if value is not None}


def references(baselines: Mapping[str, Mapping[str, float]]) -> dict[str, str]:
    """Return the tag with the metrics of the references: as metrics of their own they would be two dozen charts."""
    found = {
        name: {metric: value for metric, value in metrics.items() if math.isfinite(value)}
        for name, metrics in baselines.items()
    }
    return {BASELINES: json.dumps(found)}


def skill_of(metric: str, value: float | None, naive: float | None) -> float:
    """Return the share of seasonal naive's error that is gone: 1 for no error, 0 for seasonal naive's, negative beyond.

    It is NaN where one of the two is not known, and for a metric of which less is not better.
    """
    if naive is None or value is None or metric.partition("_")[0] in NO_ERROR or naive <= 0:
        return math.nan
    return 1 - value / naive


def _curve(frame: pd.DataFrame, key: str, name: str) -> list[Row]:
    """Return the rows of each curve: the metric under the name of its axis, its value, and the step."""
    steps = frame[key].astype(int).tolist()
    return [
        (f"by_{name}/{metric}", float(value), step)
        for metric in CURVE_METRICS
        if metric in frame
        for step, value in zip(steps, frame[metric].tolist(), strict=True)
    ]
