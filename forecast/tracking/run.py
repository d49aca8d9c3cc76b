"""The run that records nothing, which is the base of the runs that record."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd
    from pytorch_lightning.loggers import Logger

    from forecast.datasets.panel import Panel
    from forecast.evaluation.backtest import EvaluationProtocol
    from forecast.evaluation.result import Outcome
    from forecast.fitted import FittedModel


class Run:
    """A recorder of a fit, an evaluation or a job; this one records nothing.

    `record` is the id of its record, and `run_id` that of the run in MLflow, once that has it; None without tracking.
    """

    record: str | None = None
    run_id: str | None = None

    def logger(self) -> Logger | None:
        """Return a Lightning logger for the learning curve; None where nothing is recorded."""
        return None

    def record_fit(self, fitted: FittedModel, panel: Panel, source: str | None) -> None:
        """Record a fitted model and the panel that it learnt from.

        Args:
            fitted: the model.
            panel: the training rows.
            source: path of the table's file; None where the table came from memory.
        """

    def add_forecasts(self, frame: pd.DataFrame) -> None:
        """Record forecasts of an evaluation, a block of cutoffs at a time.

        Args:
            frame: the table of `forecast.datasets.tables.result.result_table`, with cutoffs and actuals.
        """

    def record_evaluation(
        self, outcome: Outcome, panel: Panel, protocol: EvaluationProtocol, source: str | None
    ) -> None:
        """Record one model's scores, after its forecasts.

        Args:
            outcome: the scores and the model.
            panel: the evaluated rows.
            protocol: the rules of the evaluation.
            source: path of the table's file; None where the table came from memory.
        """

    def record_job(
        self,
        *,
        params: Mapping[str, str] | None = None,
        metrics: Mapping[str, float] | None = None,
        tags: Mapping[str, str] | None = None,
        files: Mapping[str, str] | None = None,
        failed: bool = False,
    ) -> None:
        """Record what a job is and what it came to; what was recorded under the same name before is replaced.

        Args:
            params: its rules as text by name.
            metrics: numbers by name; those that are not finite are left out.
            tags: text by name.
            files: texts of files by name.
            failed: whether the run is to be marked as failed although no error is raised; False by default.
        """
