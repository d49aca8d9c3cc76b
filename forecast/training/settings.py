"""The settings of a training run; reading them needs no Lightning."""

from __future__ import annotations

from dataclasses import dataclass

from forecast.settings import Settings

EPOCHS = 20  # an epoch is a stretch of steps that a validation round ends, not a pass over the rows


@dataclass(frozen=True, kw_only=True)
class TrainSettings:
    """The part of the resolved settings that says how the weights are learned.

    Args:
        loss: a name in `LOSSES`.
        series_weights: "equal", where each error counts in units of its origin, or "scale", where it counts in units of
            the target, as in WAPE and MAE.
        teacher_forcing: probability, at the start of training, that a step of a seq2seq decoder reads the actual
            values before it; it falls to 0 at the end of training.
        steps: number of optimiser steps of the run.
        epochs: number of validation rounds; `steps` is a multiple of it.
        batch_size: number of crops in one step.
        learning_rate: peak of the one-cycle schedule.
        weight_decay: AdamW's decoupled decay.
        gradient_clip: largest norm of the gradient; 0 does not clip.
        patience: number of validation rounds without a better loss after which training stops; 0 never stops early.
        val_size: number of rows at each series' end that only validate.
        averaging: decay in (0, 1) of the exponential moving average of the weights.
        seed: decides the first weights and the order of the crops.
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
        """Take the part out of settings in which nothing is "auto"."""
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
