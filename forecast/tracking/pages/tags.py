"""Names that MLflow's pages know, and those that our view of them asks for; nothing else is imported for them."""

from __future__ import annotations

OF_PAGES = "mlflow."  # what begins so is MLflow's
DESCRIPTION = "mlflow.note.content"  # of a run or a model
MADE_BY = "mlflow.source.name"  # of a run: a command or a file
KIND = "forecast.kind"
RULE = "protocol."  # before the names of the protocol's params, some of which are names of settings, too
