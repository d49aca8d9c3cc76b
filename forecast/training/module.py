"""The Lightning module: one batch in, one loss out."""

from __future__ import annotations

import torch
from pytorch_lightning import LightningModule
from torch import Tensor

from forecast.datasets.windows.datamodule import Batch
from forecast.networks.network import ForecastNetwork
from forecast.training.losses import LOSSES, Scaled
from forecast.training.settings import TrainSettings

HIGHWAY_RATE = 0.3  # of the learning rate: the highway starts near where it ends, and each of its steps moves much


class ForecastModule(LightningModule):
    """Trains a `ForecastNetwork` with AdamW under a one-cycle schedule.

    References:
        Loshchilov & Hutter (2019), Decoupled Weight Decay Regularization; Smith & Topin (2018), Super-Convergence.
    """

    def __init__(self, network: ForecastNetwork, train: TrainSettings) -> None:
        super().__init__()
        self.network, self.train_settings = network, train
        self.loss = LOSSES[train.loss]
        self.levels: Tensor
        self.register_buffer("levels", torch.tensor(network.head.levels), persistent=False)
        self.validation: list[tuple[float, float]] = []  # (loss, weight) of each validation batch

    def training_step(self, batch: Batch, number: int) -> Tensor:
        # scheduled sampling: from `teacher_forcing` at the start of training down to none at its end
        done = self.trainer.global_step / self.train_settings.steps if self._trainer is not None else 0.0
        return self.loss(self.scaled(batch, forcing=self.train_settings.teacher_forcing * max(0.0, 1 - done)))

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

    def configure_optimizers(self) -> tuple[list[torch.optim.Optimizer], list[dict[str, object]]]:  # type: ignore[override]  # Lightning's union type is wider
        train = self.train_settings
        highway = [self.network.highway.weight]
        rest = [p for p in self.network.parameters() if p is not highway[0]]
        peaks = [train.learning_rate, HIGHWAY_RATE * train.learning_rate]
        groups = [{"params": part, "lr": peak} for part, peak in zip((rest, highway), peaks, strict=True)]
        optimiser = torch.optim.AdamW(groups, train.learning_rate, weight_decay=train.weight_decay, fused=True)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, peaks, total_steps=train.steps + 1)
        return [optimiser], [{"scheduler": schedule, "interval": "step"}]
