"""The run that records nothing; what records overrides it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytorch_lightning.loggers import Logger

    from forecast.datasets.panel import Panel
    from forecast.datasets.windows.origins import Origins
    from forecast.evaluation.result import Outcome
    from forecast.fitted import FittedModel


class Run:
    """A place to record a fit or an evaluation."""

    run_id: str | None = None

    def logger(self) -> Logger | None:
        """A Lightning logger for the learning curve, None where nothing is recorded."""
        return None

    def record_fit(self, fitted: FittedModel, panel: Panel, source: str | None) -> None:
        """Record a fitted model and the data it was fitted on."""

    def record_evaluation(self, outcome: Outcome, panel: Panel, origins: Origins, source: str | None) -> None:
        """Record one model's scores; `origins` are those of the last cutoff."""
