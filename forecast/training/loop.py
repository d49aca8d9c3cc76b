"""One training run: Lightning's Trainer with our callbacks, the best weights at the end."""

from __future__ import annotations

import copy
import logging
import math
import signal
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from pytorch_lightning import Callback, LightningModule, Trainer
from pytorch_lightning.loggers import Logger

from forecast.datasets.errors import RunError
from forecast.datasets.panel import Panel
from forecast.datasets.windows.datamodule import Batch, ForecastDataModule
from forecast.networks.network import ForecastNetwork
from forecast.progress import NoProgress, Progress
from forecast.training.module import ForecastModule
from forecast.training.settings import TrainSettings

Weights = list[torch.Tensor]
DIVERGED = 20.0  # times the first epoch's loss
TRIAL_STEPS = 16  # steps that measure the machine; the first half warms up
SHARE_OF_TIME = 0.85  # of max_time; the rest is for validation and what a noisy machine takes


def train(
    network: ForecastNetwork,
    panel: Panel,
    settings: TrainSettings,
    *,
    progress: Progress | None = None,
    logger: Logger | None = None,
) -> list[dict[str, float]]:
    """Train in place and leave the best weights in the network.

    Args:
        network: fresh weights.
        panel: the training rows, the validation cut included.
        settings: how.
        progress: told of each step and epoch.
        logger: a Lightning logger for the learning curve.

    Returns:
        The learning curve, one row an epoch: epoch, step, train_loss, val_loss (where rows validate), learning_rate,
        the gradient's size in each part of the network (gradient/core.0 is the first recurrent layer), seconds.

    Raises:
        RunError: if the loss becomes NaN or grows beyond bounds.
        KeyboardInterrupt: if the user stops it.
    """
    module = ForecastModule(network, settings)
    data = ForecastDataModule(
        panel,
        network.settings.window,
        batch_size=settings.batch_size,
        steps=settings.steps // settings.epochs,
        val_size=settings.val_size,
        seed=settings.seed,
    )
    learning = Learning(settings, progress or NoProgress(), logger)
    with _quiet():
        trainer = Trainer(
            accelerator="gpu" if settings.device == "cuda" else "cpu",
            devices=1,
            max_epochs=settings.epochs,
            gradient_clip_val=settings.gradient_clip or None,
            callbacks=[learning],
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            num_sanity_val_steps=-1,  # the whole validation before the first step: training must beat its start
            use_distributed_sampler=False,
        )
        _fit(trainer, module, data)
    return learning.curve


class Learning(Callback):
    """Watches a training run: the curve, averaged weights, the best of them, and when to stop.

    The exponential moving average of the weights is what is validated and kept (Polyak & Juditsky 1992); it costs one
    fused update a step.
    """

    def __init__(self, settings: TrainSettings, progress: Progress, logger: Logger | None) -> None:
        self.settings, self.progress, self.logger = settings, progress, logger
        self.curve: list[dict[str, float]] = []
        self.average: Weights = []
        self.best: Weights | None = None
        self.best_loss, self.stale, self.first_loss = math.inf, 0, math.inf
        self._losses: list[float] = []
        self._gradients: dict[str, float] = {}
        self._started = 0.0

    def on_fit_start(self, trainer: Trainer, module: LightningModule) -> None:
        self.average = [p.detach().clone() for p in module.parameters()]
        self._started = time.perf_counter()
        self.progress.start(self.settings.steps, "training")

    def on_before_optimizer_step(self, trainer: Trainer, module: LightningModule, optimizer: Any) -> None:
        if (trainer.global_step + 1) % max(1, self.settings.steps // self.settings.epochs) == 0:
            self._gradients = _gradient_norms(module)

    def on_train_batch_end(
        self, trainer: Trainer, module: LightningModule, outputs: Any, batch: Any, number: int
    ) -> None:
        loss = float(outputs["loss"])
        if not math.isfinite(loss):
            raise _diverged(f"the loss became {loss} at step {trainer.global_step}")
        self._losses.append(loss)
        step = trainer.global_step
        # a short memory at first, so that the start is forgotten before the average is used
        decay = min(self.settings.averaging, (1 + step) / (10 + step))
        torch._foreach_lerp_(self.average, [p.detach() for p in module.parameters()], 1 - decay)
        self.progress.step(1, loss)

    def on_sanity_check_end(self, trainer: Trainer, module: LightningModule) -> None:
        loss = _mean_loss(module)
        if loss is not None:
            self._keep(loss, trainer)

    def on_validation_start(self, trainer: Trainer, module: LightningModule) -> None:
        self._swap(module)

    def on_validation_end(self, trainer: Trainer, module: LightningModule) -> None:
        self._swap(module)

    def on_train_epoch_end(self, trainer: Trainer, module: LightningModule) -> None:
        row = self._row(trainer, module)
        self.curve.append(row)
        self.progress.epoch(row)
        if self.logger is not None:
            self.logger.log_metrics({k: v for k, v in row.items() if k != "step"}, step=int(row["step"]))
        self.first_loss = min(self.first_loss, row["train_loss"]) if len(self.curve) == 1 else self.first_loss
        if row["train_loss"] > DIVERGED * max(self.first_loss, 1e-3):
            raise _diverged(f"the loss grew from {self.first_loss:.3g} to {row['train_loss']:.3g}")
        if "val_loss" in row:
            self._keep(row["val_loss"], trainer)

    def on_fit_end(self, trainer: Trainer, module: LightningModule) -> None:
        best = self.best if self.best is not None else self.average
        with torch.no_grad():
            for parameter, value in zip(module.parameters(), best, strict=True):
                parameter.copy_(value)
        self.progress.finish()

    def on_exception(self, trainer: Trainer, module: LightningModule, exception: BaseException) -> None:
        self.progress.finish()

    def _row(self, trainer: Trainer, module: LightningModule) -> dict[str, float]:
        row = {"epoch": float(len(self.curve) + 1), "step": float(trainer.global_step)}
        row["train_loss"] = sum(self._losses) / len(self._losses)
        self._losses.clear()
        loss = _mean_loss(module)
        if loss is not None:
            row["val_loss"] = loss
        row["learning_rate"] = float(trainer.optimizers[0].param_groups[0]["lr"])
        row |= self._gradients
        row["seconds"] = time.perf_counter() - self._started
        return row

    def _keep(self, loss: float, trainer: Trainer) -> None:
        if loss < self.best_loss:
            self.best_loss, self.stale = loss, 0
            self.best = [a.clone() for a in self.average]
            return
        self.stale += 1
        trainer.should_stop = trainer.should_stop or 0 < self.settings.patience <= self.stale

    def _swap(self, module: LightningModule) -> None:
        for parameter, average in zip(module.parameters(), self.average, strict=True):
            parameter.data, average.data = average.data, parameter.data


def _gradient_norms(module: LightningModule) -> dict[str, float]:
    """Size of the gradient of each part of the network, each layer of the core by itself, before clipping."""
    sizes: dict[str, float] = {}
    for name, parameter in module.named_parameters():
        if parameter.grad is None:
            continue
        parts = name.removeprefix("network.").split(".")
        part = f"gradient/core.{parts[2]}" if parts[0] == "core" and len(parts) > 2 else f"gradient/{parts[0]}"
        sizes[part] = sizes.get(part, 0.0) + float(parameter.grad.square().sum())
    return {name: math.sqrt(size) for name, size in sizes.items()}


def _mean_loss(module: LightningModule) -> float | None:
    """Mean of the validation batches' losses, None where nothing validates; the list is emptied for the next round."""
    scores: list[tuple[float, float]] = module.validation  # type: ignore[assignment]  # ForecastModule's own list
    weight = sum(w for _, w in scores)
    loss = sum(loss * w for loss, w in scores) / weight if weight else None
    scores.clear()
    return loss


def _diverged(what: str) -> RunError:
    hint = "Try a smaller learning_rate, a smaller gradient_clip, another normaliser, or look for outliers with `forecast check`."
    return RunError(f"training diverged: {what}", hint=hint)


def _fit(trainer: Trainer, module: ForecastModule, data: ForecastDataModule) -> None:
    """Lightning answers Ctrl-C with exit code 1 and leaves the signal ignored; we hand the interrupt on instead."""
    handler = signal.getsignal(signal.SIGINT)
    try:
        trainer.fit(module, datamodule=data)
    except SystemExit as stop:
        if isinstance(stop.__context__, KeyboardInterrupt):
            raise KeyboardInterrupt from None
        raise
    finally:
        if signal.getsignal(signal.SIGINT) is not handler:
            signal.signal(signal.SIGINT, handler)


@contextmanager
def _quiet() -> Iterator[None]:
    """Lightning's advice on loaders, devices and loggers is for people who write Lightning code."""
    names = ("pytorch_lightning", "lightning_fabric", "pytorch_lightning.utilities.rank_zero", "lightning.pytorch")
    loggers = [logging.getLogger(name) for name in names]
    before = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module=r"(pytorch_lightning|lightning_fabric)\..*")
            warnings.filterwarnings("ignore", message=r".*LeafSpec.*")
            yield
    finally:
        for logger, level in zip(loggers, before, strict=True):
            logger.setLevel(level)


def affordable_steps(network: ForecastNetwork, panel: Panel, settings: TrainSettings, seconds: float) -> int:
    """Optimiser steps that fit into `seconds`, measured on a copy of the network, at most `settings.steps`.

    The schedule is then planned for that many, so that it ends inside the time instead of being cut off; what the
    measuring takes is part of the time.
    """
    began = time.perf_counter()
    trial = ForecastModule(copy.deepcopy(network), settings).to(settings.device)
    [optimiser], _ = trial.configure_optimizers()
    data = ForecastDataModule(panel, network.settings.window, batch_size=settings.batch_size, steps=TRIAL_STEPS)
    for number, batch in enumerate(data.train_dataloader()):
        if number == TRIAL_STEPS // 2:
            started = time.perf_counter()
        loss = trial.training_step(Batch(*(part.to(settings.device) for part in batch)), number)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        optimiser.step()
        loss.item()
    each = (time.perf_counter() - started) / (TRIAL_STEPS - TRIAL_STEPS // 2)
    left = SHARE_OF_TIME * seconds - (time.perf_counter() - began)
    return max(1, min(settings.steps, int(left / each)))
