"""The Lightning module, which computes the loss of a batch and takes an optimiser step."""

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
    """A Lightning module that trains a `ForecastNetwork` with one optimiser step for each batch.

    An item of Lightning's loader is a whole epoch, so that its work on an item is not done at every step.

    Args:
        network: the network whose weights are trained, in place.
        train: the settings of the training run.
    """

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
        """Take every optimiser step of an epoch."""
        for batch in batches:
            self.after_step(float(self.step(batch.on(self.device))))

    def step(self, batch: Batch) -> Tensor:
        """Take one optimiser step and return the loss before it."""
        # scheduled sampling: from `teacher_forcing` at the start of training down to none at its end
        done = self.optimiser.steps / self.train_settings.steps
        loss = self.batch_loss(batch, forcing=self.train_settings.teacher_forcing * max(0.0, 1 - done))
        self.optimiser.step(loss)
        return loss.detach()

    def batch_loss(self, batch: Batch, forcing: float = 0.0) -> Tensor:
        """Compute the loss of a batch, a scalar; `forcing` is the argument of `ForecastNetwork.forward`."""
        return self.loss(self.scaled(batch, forcing=forcing))

    def validation_step(self, batch: Batch, number: int) -> None:
        scaled = self.scaled(batch)
        self.validation.append((float(self.loss(scaled)), float(scaled.weight.sum())))

    def scaled(self, batch: Batch, forcing: float = 0.0) -> Scaled:
        """Forecast at the origins of a batch, and return forecasts and targets in the units of their origins."""
        target, counted = self.network.targets(batch)
        teacher = torch.where(counted, target, torch.nan) if forcing else None
        out = self.network(batch.values, batch.observed, batch.static, teacher=teacher, forcing=forcing)
        scale = torch.where(out.scale > 0, out.scale, 1)  # a flat history has scale 0; its targets get no weight
        weight = (counted & (out.scale > 0)).to(target.dtype)
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
