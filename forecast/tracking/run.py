"""The run that records nothing, which is the base of the runs that record."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytorch_lightning.loggers import Logger

    from forecast.datasets.panel import Panel
    from forecast.datasets.windows.origins import Origins
    from forecast.evaluation.result import Outcome
    from forecast.fitted import FittedModel


class Run:
    """A recorder of a fit or an evaluation; this one records nothing.

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

    def record_evaluation(self, outcome: Outcome, panel: Panel, origins: Origins, source: str | None) -> None:
        """Record one model's scores.

        Args:
            outcome: the scores and the model.
            panel: the evaluated rows.
            origins: origins of the last cutoff.
            source: path of the table's file; None where the table came from memory.
        """
