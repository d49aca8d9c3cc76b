"""The Lightning module: one batch in, one loss out."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from pytorch_lightning import LightningModule
from torch import Tensor

from forecast.datasets.windows.datamodule import Batch
from forecast.networks.network import ForecastNetwork
from forecast.training.losses import LOSSES, Scaled
from forecast.training.optimiser import Optimiser


@dataclass(frozen=True, kw_only=True)
class TrainSettings:
    """How the weights are learned, resolved.

    Args:
        loss: a name in `LOSSES`.
        series_weights: "equal", or "scale": each error counts in units of the target, as WAPE and MAE count it.
        teacher_forcing: share of a seq2seq decoder's steps that read what came, at the start of training.
        steps: optimiser steps in all.
        epochs: validation rounds; steps is a multiple of it.
        batch_size: crops in one step.
        learning_rate: peak of the one-cycle schedule.
        weight_decay: AdamW's decoupled decay.
        gradient_clip: largest norm of the gradient.
        patience: validation rounds without progress before training stops; 0 never stops early.
        val_size: rows at each series' end that only validate.
        averaging: decay of the exponential moving average of the weights.
        seed: of weights and order.
        device: "cpu" or "cuda".
    """

    loss: str
    series_weights: str
    teacher_forcing: float
    steps: int
    epochs: int
    batch_size: int
    learning_rate: float
    weight_decay: float
    gradient_clip: float
    patience: int
    val_size: int
    averaging: float
    seed: int
    device: str


class ForecastModule(LightningModule):
    """Trains a `ForecastNetwork`, one optimiser step a batch."""

    automatic_optimization = False  # Lightning's own loop costs as much Python a step as our whole network
    optimiser: Optimiser  # made when training begins, on the device it runs on

    def __init__(self, network: ForecastNetwork, train: TrainSettings) -> None:
        super().__init__()
        self.network, self.train_settings = network, train
        self.loss = LOSSES[train.loss]
        self.levels: Tensor
        self.register_buffer("levels", torch.tensor(network.head.levels), persistent=False)
        self.validation: list[tuple[float, float]] = []  # (loss, weight) of each validation batch

    def training_step(self, batch: Batch, number: int) -> Tensor:
        # scheduled sampling: from `teacher_forcing` at the start of training down to none at its end
        done = self.optimiser.steps / self.train_settings.steps
        loss = self.batch_loss(batch, forcing=self.train_settings.teacher_forcing * max(0.0, 1 - done))
        self.optimiser.step(loss)
        return loss.detach()

    def batch_loss(self, batch: Batch, forcing: float = 0.0) -> Tensor:
        """The loss of a batch, a scalar; `forcing` as of the network."""
        return self.loss(self.scaled(batch, forcing=forcing))

    def validation_step(self, batch: Batch, number: int) -> None:
        scaled = self.scaled(batch)
        self.validation.append((float(self.loss(scaled)), float(scaled.weight.sum())))

    def scaled(self, batch: Batch, forcing: float = 0.0) -> Scaled:
        """Forecasts and targets of a batch in the units of their origins."""
        target, known = self.network.targets(batch)
        teacher = torch.where(known, target, torch.nan) if forcing else None
        out = self.network(batch.values, batch.observed, batch.static, teacher=teacher, forcing=forcing)
        scale = torch.where(out.scale > 0, out.scale, 1)  # a flat history has none; it does not count either
        weight = (known & (out.scale > 0)).to(target.dtype)
        if self.train_settings.series_weights == "scale":
            weight = weight * out.scale
        return Scaled(
            forecast=out.normalised,
            target=(target - out.level) / scale,
            weight=weight,
            zero=(-batch.offset[:, None, None] - out.level) / scale,
            levels=self.levels,
            median=self.network.head.median,
            scale=scale,
            family=getattr(self.network.head, "family", None),
        )

    def configure_optimizers(self) -> torch.optim.Optimizer:
        train = self.train_settings
        self.optimiser = Optimiser(
            self.network,
            steps=train.steps,
            learning_rate=train.learning_rate,
            weight_decay=train.weight_decay,
            gradient_clip=train.gradient_clip,
            measure_every=max(1, train.steps // train.epochs),
        )
        return self.optimiser.adamw
