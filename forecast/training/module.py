"""The Lightning module: one batch in, one loss out."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
from pytorch_lightning import LightningModule
from torch import Tensor

from forecast.datasets.windows.datamodule import Batch
from forecast.networks.network import ForecastNetwork
from forecast.training.losses import LOSSES, Scaled
from forecast.training.optimiser import Optimiser
from forecast.training.settings import TrainSettings


class ForecastModule(LightningModule):
    """Trains a `ForecastNetwork`: one optimiser step a batch, one of Lightning's steps an epoch."""

    automatic_optimization = False  # Lightning's way through a step costs as much Python as our network does
    optimiser: Optimiser  # made when training begins, on the device it runs on

    def __init__(self, network: ForecastNetwork, train: TrainSettings) -> None:
        super().__init__()
        self.network, self.train_settings = network, train
        self.loss = LOSSES[train.loss]
        self.levels: Tensor
        self.register_buffer("levels", torch.tensor(network.head.levels), persistent=False)
        self.after_step: Callable[[float], None] = lambda loss: None  # told of each step's loss
        self.validation: list[tuple[float, float]] = []  # (loss, weight) of each validation batch

    def training_step(self, batches: Iterable[Batch], number: int) -> None:
        """Every optimiser step of an epoch."""
        for batch in batches:
            self.after_step(float(self.step(batch.on(self.device))))

    def step(self, batch: Batch) -> Tensor:
        """One optimiser step; the loss before it."""
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
            family=self.network.head.family,
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
