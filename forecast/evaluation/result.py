"""What a backtest found: forecasts, metrics, the leaderboard."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from forecast.datasets.errors import ConfigError
from forecast.datasets.panel import Panel
from forecast.datasets.windows.origins import Origins
from forecast.datasets.windows.splits import Cutoff
from forecast.evaluation.accumulator import Accumulator
from forecast.evaluation.leaderboard import leaderboard_frame, ranked
from forecast.evaluation.metrics import RELATIVE
from forecast.evaluation.seeds import SeedSpread
from forecast.fitted import FittedModel

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure


@dataclass(frozen=True, kw_only=True, eq=False)
class Outcome:
    """One model's scores and what they cost.

    Args:
        name: as asked for.
        fitted: the model, as fitted last.
        scores: sums of everything scored.
        standardise: whether errors on standardised values are wanted.
        fit_seconds: wall seconds of all fits.
        fit_cpu_seconds: CPU seconds of all fits.
        predict_seconds: wall seconds of all forecasts.
        owa: against Naive2 on the same points, where that was run.
        baselines: metrics of the references.
        run_id: MLflow run.
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
        """With the references' scores, and OWA: sMAPE and MASE relative to Naive2's (Makridakis et al. 2020, M4)."""
        beside = {name: outcome.metrics for name, outcome in references.items()}
        mine, theirs = self.scores.result(), beside.get("naive2", {})
        ratios = [mine[k] / theirs[k] for k in RELATIVE["owa"] if mine.get(k) is not None and theirs.get(k)]
        owa = float(np.mean(ratios)) if len(ratios) == 2 else None
        return replace(self, owa=owa, baselines=beside)

    @property
    def metrics(self) -> dict[str, float]:
        """Flat means over series; OWA among them."""
        values = self.scores.result(standardised=self.standardise)
        if self.owa is not None and np.isfinite(self.owa):
            values["owa"] = self.owa
        return values


@dataclass(frozen=True, kw_only=True, eq=False)
class Evaluation:
    """The result of `evaluate`.

    Args:
        forecasts: id, time, `cutoff`, `forecast`, quantiles, the actual, and `model` where several were asked for;
            None when they went to a file.
        models: metrics of each model.
        baselines: metrics of the references (seasonal naive, Naive2).
        leaderboard: models and references, best first.
        best: name of the best model, as of `ranked`.
        by_series: metrics of each series and model.
        by_horizon: metrics of each step and model.
        by_cutoff: metrics of each cutoff and model.
        cutoffs: number of cutoffs.
        seeds: of each model fitted with several seeds, how much they differ.
        skipped: series without a row before a cutoff, and at how many.
        unscaled: series that MASE leaves out, because they are constant or too short.
        last_origins: of the last cutoff.
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
        """Of the best model."""
        return self.models[self.best]

    @property
    def fitted(self) -> FittedModel:
        """The best model, as fitted last; `Forecaster.over` makes a forecaster of tables of it."""
        return self.outcomes[self.best].fitted

    @property
    def settings(self) -> dict[str, Any]:
        """Of the best model, nothing left open."""
        from dataclasses import asdict

        return asdict(self.fitted.resolved)

    @property
    def run_id(self) -> str | None:
        """MLflow run of the best model."""
        return self.outcomes[self.best].run_id

    @property
    def fit_seconds(self) -> float:
        return self.outcomes[self.best].fit_seconds

    @property
    def fit_cpu_seconds(self) -> float:
        return self.outcomes[self.best].fit_cpu_seconds

    @property
    def predict_seconds(self) -> float:
        return self.outcomes[self.best].predict_seconds

    @property
    def summary(self) -> str:
        """One sentence: who won, by how much."""
        naive = self.baselines["seasonal_naive"].get("mase")
        mine = self.metrics.get("mase")
        n_series = self.by_series["series"].nunique()
        text = f"{self.best} is the best of {len(self.models)} over {n_series} series and {self.cutoffs} cutoffs"
        return text if not mine or not naive else f"{text}: MASE {mine:.3f}, seasonal naive {naive:.3f}"

    def by(self, column: str) -> pd.DataFrame:
        """Mean metrics of the series in each group of a static column."""
        if column not in self.panel.static:
            known = ", ".join(self.panel.static.columns) or "none"
            raise KeyError(f"{column!r} is not a static column; name it with static=. Static columns: {known}")
        groups = dict(zip(self.panel.ids, self.panel.static[column], strict=True))
        frame = self.by_series.assign(**{column: self.by_series["series"].map(groups)})
        result: pd.DataFrame = frame.drop(columns="series").groupby(["model", column], sort=True).mean().reset_index()
        return result

    def calibration(self) -> pd.DataFrame:
        """How often the actual lay at or below each quantile; see `forecast.diagnostics.plot_calibration`.

        Raises:
            ConfigError: without quantiles, or where the forecasts went to a file.
        """
        from forecast.insight.diagnostics import calibration_frame

        levels = self.fitted.settings.quantiles
        if self.forecasts is None or not levels:
            hint = "Evaluate with quantiles= and without output=."
            raise ConfigError("there are no quantiles at hand", hint=hint)
        return calibration_frame(self.forecasts, self.panel.format.target, levels)

    def plot(self, max_series: int = 6) -> Figure:
        """Forecasts of the last cutoff against what came after, a panel a series."""
        from forecast.insight.plotting import plot_evaluation

        return plot_evaluation(self, max_series=max_series)


def make_evaluation(
    panel: Panel,
    outcomes: dict[str, Outcome],
    references: dict[str, Outcome],
    frame: pd.DataFrame | None,
    cutoffs: list[Cutoff],
    seeds: dict[str, SeedSpread],
) -> Evaluation:
    """Put the parts together."""
    models = {name: outcome.metrics for name, outcome in outcomes.items()}
    baselines = {name: outcome.metrics for name, outcome in references.items()}
    extra = {name: metrics for name, metrics in baselines.items() if name not in models}
    return Evaluation(
        forecasts=frame,
        models=models,
        baselines=baselines,
        leaderboard=leaderboard_frame({**models, **extra}),
        best=ranked(models)[0],
        by_series=_stack({name: o.scores.by_series(panel.ids) for name, o in outcomes.items()}),
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


def _stack(frames: dict[str, pd.DataFrame]) -> pd.DataFrame:
    import pandas as pd

    return pd.concat([frame.assign(model=name) for name, frame in frames.items()], ignore_index=True)
