"""What a training run is told; it needs no Lightning."""

from __future__ import annotations

from dataclasses import dataclass

from forecast.settings import Settings

EPOCHS = 20  # validation rounds in a training run


@dataclass(frozen=True, kw_only=True)
class TrainSettings:
    """The part of the resolved settings that says how the weights are learned.

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

    @classmethod
    def of(cls, settings: Settings) -> TrainSettings:
        """From settings with nothing left open."""
        steps = int(settings.steps)
        return cls(
            loss=settings.loss,
            series_weights=settings.series_weights,
            teacher_forcing=settings.teacher_forcing,
            steps=steps,
            epochs=min(EPOCHS, steps),
            batch_size=int(settings.batch_size),
            learning_rate=float(settings.learning_rate),
            weight_decay=settings.weight_decay,
            gradient_clip=settings.gradient_clip,
            patience=int(settings.patience),
            val_size=int(settings.val_size),
            averaging=float(settings.averaging),
            seed=settings.seed,
            device=settings.device,
        )
