"""The callback that watches a training run: it keeps the learning curve and the best weights, and stops the run."""

from __future__ import annotations

import math
import time

from pytorch_lightning import Callback, LightningModule, Trainer
from pytorch_lightning.loggers import Logger
from torch import Tensor

from forecast.datasets.errors import RunError
from forecast.progress import Progress
from forecast.training.averaging import AveragedWeights
from forecast.training.module import ForecastModule
from forecast.training.settings import TrainSettings

MAX_LOSS_GROWTH = 20.0  # since the first epoch; a loss that grew more has diverged


class Learning(Callback):
    """A Lightning callback that validates the averaged weights, and leaves the best of them in the module.

    Args:
        settings: the settings of the training run.
        module: the module that is trained.
        progress: shows each step and epoch to the user.
        logger: a Lightning logger that records each row of the curve; None records nothing.

    Attributes:
        curve: the learning curve, one row for each epoch, as `train` returns it.

    Raises:
        RunError: during training, if a loss is not finite or grew more than `MAX_LOSS_GROWTH` times.
    """

    def __init__(
        self, settings: TrainSettings, module: ForecastModule, progress: Progress, logger: Logger | None
    ) -> None:
        self.settings, self.module, self.progress, self.logger = settings, module, progress, logger
        self.curve: list[dict[str, float]] = []
        self.best: list[Tensor] | None = None
        self.best_loss, self.stale, self.first_loss = math.inf, 0, math.inf
        self._losses: list[float] = []
        self._started = 0.0

    def on_fit_start(self, trainer: Trainer, module: LightningModule) -> None:
        self.average = AveragedWeights(module, self.settings.averaging)  # on the device that trains, from here on
        self.module.after_step = self._step
        self._started = time.perf_counter()
        self.progress.start(self.settings.steps, "training")

    def on_sanity_check_end(self, trainer: Trainer, module: LightningModule) -> None:
        loss = self._validation_loss()
        if loss is not None:
            self._keep(loss, trainer)

    def on_validation_start(self, trainer: Trainer, module: LightningModule) -> None:
        self.average.swap()

    def on_validation_end(self, trainer: Trainer, module: LightningModule) -> None:
        self.average.swap()

    def on_train_epoch_end(self, trainer: Trainer, module: LightningModule) -> None:
        row = self._row()
        self.curve.append(row)
        self.progress.epoch(row)
        if self.logger is not None:
            self.logger.log_metrics({k: v for k, v in row.items() if k != "step"}, step=int(row["step"]))
        self.first_loss = min(self.first_loss, row["train_loss"]) if len(self.curve) == 1 else self.first_loss
        if row["train_loss"] > MAX_LOSS_GROWTH * max(self.first_loss, 1e-3):
            raise _diverged(f"the loss grew from {self.first_loss:.3g} to {row['train_loss']:.3g}")
        if "val_loss" in row:
            self._keep(row["val_loss"], trainer)

    def on_fit_end(self, trainer: Trainer, module: LightningModule) -> None:
        self.average.load(self.best if self.best is not None else self.average.values)
        self.progress.finish()

    def on_exception(self, trainer: Trainer, module: LightningModule, exception: BaseException) -> None:
        self.progress.finish()

    def _step(self, loss: float) -> None:
        step = self.module.optimiser.steps
        if not math.isfinite(loss):
            raise _diverged(f"the loss became {loss} at step {step}")
        self._losses.append(loss)
        self.average.update(step)
        self.progress.step(1, loss)

    def _row(self) -> dict[str, float]:
        """Make the row of the learning curve of the epoch that has just ended."""
        optimiser = self.module.optimiser
        row = {"epoch": float(len(self.curve) + 1), "step": float(optimiser.steps)}
        row["train_loss"] = sum(self._losses) / len(self._losses)
        self._losses.clear()
        loss = self._validation_loss()
        if loss is not None:
            row["val_loss"] = loss
        row["learning_rate"] = optimiser.learning_rate
        row |= optimiser.gradients
        row["seconds"] = time.perf_counter() - self._started
        return row

    def _validation_loss(self) -> float | None:
        """Return the weighted mean of the validation batches' losses, None where no row validates; forget them."""
        scores = self.module.validation
        weight = sum(w for _, w in scores)
        loss = sum(loss * w for loss, w in scores) / weight if weight else None
        scores.clear()
        return loss

    def _keep(self, loss: float, trainer: Trainer) -> None:
        """Copy the averaged weights if they are the best so far; else stop once `patience` rounds brought nothing."""
        if loss < self.best_loss:
            self.best_loss, self.stale = loss, 0
            self.best = self.average.copy()
            return
        self.stale += 1
        trainer.should_stop = trainer.should_stop or 0 < self.settings.patience <= self.stale


def _diverged(what: str) -> RunError:
    """Make the error of a run that diverged; `what` is a clause that says how the loss behaved."""
    hint = "Try a smaller learning_rate, a smaller gradient_clip, another normaliser, or look for outliers with `forecast check`."
    return RunError(f"training diverged: {what}", hint=hint)
