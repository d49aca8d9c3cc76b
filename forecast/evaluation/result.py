"""The result of a backtest: forecasts, metrics and the leaderboard."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from forecast.architectures import architecture
from forecast.datasets.errors import ConfigError
from forecast.datasets.panel import Panel
from forecast.datasets.tables.identity import give_ids
from forecast.datasets.windows.cutoffs import Cutoff
from forecast.datasets.windows.origins import Origins
from forecast.evaluation.accumulator import Accumulator
from forecast.evaluation.leaderboard import leaderboard_frame, ranked
from forecast.evaluation.metrics import owa
from forecast.evaluation.seeds import SeedSpread
from forecast.fitted import FittedModel

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure


@dataclass(frozen=True, kw_only=True, eq=False)
class Outcome:
    """One model's scores, and the time that they took.

    Args:
        name: the name that the user gave the model.
        fitted: the model, as it was fitted last.
        scores: the sums that metrics are computed from.
        standardise: whether metrics of standardised values (`scale="train"`) are among the metrics.
        fit_seconds: wall seconds of all fits.
        fit_cpu_seconds: CPU seconds of all fits.
        predict_seconds: wall seconds of all forecasts.
        owa: the overall weighted average against Naive2 on the same points; None where Naive2 was not run.
        baselines: by reference model, its metrics by name.
        run_id: id of the MLflow run, or the run's tag `forecast.record` until MLflow has it; None untracked.
    """

    name: str
    fitted: FittedModel
    scores: Accumulator
    standardise: bool
    fit_seconds: float
    fit_cpu_seconds: float
    predict_seconds: float
    owa: float | None = None
    baselines: dict[str, dict[str, float]] = field(default_factory=dict)
    run_id: str | None = None

    def against(self, references: dict[str, Outcome]) -> Outcome:
        """Return the outcome with the references' metrics, and OWA where Naive2 is among them."""
        baselines = {name: outcome.metrics for name, outcome in references.items()}
        return replace(self, owa=owa(self.scores.result(), baselines.get("naive2", {})), baselines=baselines)

    def noted(self, horizon: int, cutoffs: int, record: str | None) -> Outcome:
        """Return the outcome whose model knows what was found here.

        Args:
            horizon: steps that were scored at each cutoff.
            cutoffs: number of cutoffs.
            record: id of the evaluation's record, which is the model's, too, where no earlier fit made that; None
                without tracking.
        """
        known = found({"horizon": horizon, "cutoffs": cutoffs}, self.metrics, self.baselines)
        run_id = self.fitted.run_id or record
        return replace(self, fitted=replace(self.fitted, evaluated=known, run_id=run_id))

    @property
    def metrics(self) -> dict[str, float]:
        """Return metrics by name, flat means over series, and OWA where it is defined."""
        values = self.scores.result(standardised=self.standardise)
        if self.owa is not None:
            values["owa"] = self.owa
        return values


@dataclass(frozen=True, kw_only=True, eq=False)
class Evaluation:
    """The result of `evaluate`.

    Args:
        forecasts: a table with id, time, `cutoff`, `forecast`, quantile columns, the actual under the target's name,
            and `model` where several models were evaluated; None where the forecasts went to a file.
        models: by model, its metrics by name.
        baselines: by reference model (seasonal naive, Naive2), its metrics by name.
        leaderboard: a table with a row for each model and reference, the best first; where a model has covariates, the
            column `reads` names those that each one read.
        best: name of the model that `ranked` puts first.
        by_series: a table with the metrics of each series and model. Where several columns name a series, they stand
            beside `series`, which holds their values in one text; those named as another column of it do not.
        by_horizon: a table with the metrics of each step and model.
        by_cutoff: a table with the metrics of each cutoff and model.
        cutoffs: number of cutoffs.
        seeds: by model that was fitted with several seeds, the spread of its metrics and forecasts.
        skipped: by id of a series that has no row before some cutoffs, the number of these cutoffs.
        unscaled: number of series that MASE leaves out, because they are constant or too short.
        outcomes: by model, its scores and the model itself.
        last_origins: origins of the last cutoff.
        panel: the evaluated rows, with the covariates of all models.
    """

    forecasts: pd.DataFrame | None
    models: dict[str, dict[str, float]]
    baselines: dict[str, dict[str, float]]
    leaderboard: pd.DataFrame
    best: str
    by_series: pd.DataFrame
    by_horizon: pd.DataFrame
    by_cutoff: pd.DataFrame
    cutoffs: int
    seeds: dict[str, SeedSpread]
    skipped: dict[str, int]
    unscaled: int
    outcomes: dict[str, Outcome] = field(repr=False)
    last_origins: Origins = field(repr=False)
    panel: Panel = field(repr=False)

    @property
    def metrics(self) -> dict[str, float]:
        """Return the metrics of the best model by name."""
        return self.models[self.best]

    @property
    def fitted(self) -> FittedModel:
        """Return the best model as it was fitted last; `Forecaster.over` makes a forecaster of it."""
        return self.outcomes[self.best].fitted

    @property
    def settings(self) -> dict[str, Any]:
        """Return the settings of the best model with nothing left open."""
        from dataclasses import asdict

        return asdict(self.fitted.resolved)

    @property
    def run_id(self) -> str | None:
        """Return the id of the best model's MLflow run, or its record's until MLflow has it; None without tracking."""
        return self.outcomes[self.best].run_id

    @property
    def fit_seconds(self) -> float:
        """Return the wall seconds of all fits of the best model."""
        return self.outcomes[self.best].fit_seconds

    @property
    def fit_cpu_seconds(self) -> float:
        """Return the CPU seconds of all fits of the best model."""
        return self.outcomes[self.best].fit_cpu_seconds

    @property
    def predict_seconds(self) -> float:
        """Return the wall seconds of all forecasts of the best model."""
        return self.outcomes[self.best].predict_seconds

    @property
    def summary(self) -> str:
        """Return one sentence that says which model is best, and its MASE beside seasonal naive's."""
        naive = self.baselines["seasonal_naive"].get("mase")
        mase = self.metrics.get("mase")
        n_series = self.by_series["series"].nunique()
        text = f"{self.best} is the best of {len(self.models)} over {n_series} series and {self.cutoffs} cutoffs"
        return text if not mase or not naive else f"{text}: MASE {mase:.3f}, seasonal naive {naive:.3f}"

    def by(self, column: str) -> pd.DataFrame:
        """Average the metrics over the series of each group.

        Args:
            column: a static column, or one of several id columns, whose values are the groups.

        Returns:
            A row for each model and group: `model`, the column, and the mean of each metric.

        Raises:
            KeyError: if the column is neither.
        """
        panel = self.panel
        parts = give_ids(panel, np.arange(panel.n_series)) if len(panel.format.ids) > 1 else {}
        columns = {name: values for name, values in {**parts, **panel.static}.items() if name != "model"}
        if column not in columns:
            names = ", ".join(map(str, columns)) or "none"
            raise KeyError(f"{column!r} is not a static column; name it with static=. Static columns: {names}")
        groups = dict(zip(panel.ids, columns[column], strict=True))
        of_series = self.by_series["series"].map(groups)
        frame = self.by_series.drop(columns=["series", *panel.format.ids], errors="ignore").assign(
            **{column: of_series}
        )
        result: pd.DataFrame = frame.groupby(["model", column], sort=True).mean().reset_index()
        return result

    def calibration(self) -> pd.DataFrame:
        """Count how often the actual lay at or below each quantile.

        Returns:
            The table of `forecast.insight.diagnostics.calibration_frame`; `plot_calibration` there draws it.

        Raises:
            ConfigError: if there are no quantiles, or the forecasts went to a file.
        """
        from forecast.insight.diagnostics import calibration_frame

        levels = self.fitted.settings.quantiles
        if self.forecasts is None or not levels:
            hint = "Evaluate with quantiles= and without output=."
            raise ConfigError("there are no quantiles at hand", hint=hint)
        return calibration_frame(self.forecasts, self.panel.format.target, levels)

    def plot(self, max_series: int = 6) -> Figure:
        """Draw the best model's forecasts of the last cutoff beside the actuals, a picture for each series.

        Args:
            max_series: series that are drawn at most.
        """
        from forecast.insight.plotting import plot_evaluation

        return plot_evaluation(self, max_series=max_series)


def found(
    rules: Mapping[str, int], metrics: Mapping[str, float], baselines: Mapping[str, Mapping[str, float]]
) -> dict[str, Any]:
    """Return what an evaluation found, as a model's card shows it.

    Args:
        rules: `horizon` and `cutoffs`.
        metrics: metrics by name.
        baselines: by reference model, its metrics by name.
    """
    naive = baselines.get("seasonal_naive", {}).get("mase", 0.0)
    facts: dict[str, Any] = {**rules, "mase": metrics.get("mase")}
    if facts["mase"] is not None and naive > 0:
        facts["skill"] = 1 - facts["mase"] / naive
    widths = [float(name.removeprefix("coverage_")) for name in metrics if name.startswith("coverage_")]
    if widths:
        facts |= {"coverage": metrics[f"coverage_{max(widths):g}"], "interval": max(widths) / 100}
    return {name: value for name, value in facts.items() if value is not None and np.isfinite(value)}


def make_evaluation(
    panel: Panel,
    outcomes: dict[str, Outcome],
    references: dict[str, Outcome],
    frame: pd.DataFrame | None,
    cutoffs: list[Cutoff],
    seeds: dict[str, SeedSpread],
) -> Evaluation:
    """Build the result from its parts.

    Args:
        panel: the evaluated rows.
        outcomes: by model, its outcome.
        references: by reference model, its outcome.
        frame: the forecasts of all models; None where they went to a file.
        cutoffs: the cutoffs, oldest first.
        seeds: by model that was fitted with several seeds, its spread.
    """
    models = {name: outcome.metrics for name, outcome in outcomes.items()}
    baselines = {name: outcome.metrics for name, outcome in references.items()}
    extra = {name: metrics for name, metrics in baselines.items() if name not in models}
    return Evaluation(
        forecasts=frame,
        models=models,
        baselines=baselines,
        leaderboard=leaderboard_frame({**models, **extra}, _reads(outcomes)),
        best=ranked(models)[0],
        by_series=_stack({name: o.scores.by_series(panel) for name, o in outcomes.items()}),
        by_horizon=_stack({name: o.scores.by_horizon() for name, o in outcomes.items()}),
        by_cutoff=_stack({name: o.scores.by_cutoff() for name, o in outcomes.items()}),
        cutoffs=len(cutoffs),
        seeds=seeds,
        skipped=dict(Counter(name for cutoff in cutoffs for name in cutoff.skipped)),
        unscaled=next(iter(outcomes.values())).scores.unscaled,
        last_origins=cutoffs[-1].origins,
        outcomes=outcomes,
        panel=panel,
    )


def _reads(outcomes: dict[str, Outcome]) -> dict[str, str] | None:
    """Name the covariates that each model read; None where none was given any."""
    columns = {name: outcome.fitted.settings.columns for name, outcome in outcomes.items()}
    if not any((*roles.static, *roles.covariates) for roles in columns.values()):
        return None
    reads = {name: architecture(outcome.fitted.settings.model).reads.split(", ") for name, outcome in outcomes.items()}
    roles_read = {name: [role for role in reads[name] if role != "none"] for name in outcomes}
    return {name: ", ".join(c for role in roles_read[name] for c in getattr(columns[name], role)) for name in outcomes}


def _stack(frames: dict[str, pd.DataFrame]) -> pd.DataFrame:
    import pandas as pd

    return pd.concat([frame.assign(model=name) for name, frame in frames.items()], ignore_index=True)
