"""The settings of a training run, and the steps that a time comes to; reading them needs no Lightning."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

from forecast.datasets.errors import ConfigError
from forecast.settings import Settings

EPOCHS = 20  # an epoch is a stretch of steps that a validation round ends, not a pass over the rows


@dataclass
class Tape:
    """The steps that networks with a limited time were planned for, in the order of their plans.

    What a time comes to depends on the machine and on what else it does; a tape makes such a job repeatable.

    Args:
        given: steps of an earlier job, which are taken instead of measuring anew; None measures.
        steps: steps that were planned so far.
    """

    given: Sequence[int] | None = None
    steps: list[int] = field(default_factory=list)

    def next(self, measure: Callable[[], int]) -> int:
        """Return the steps of the next network: the given ones, or those that are measured.

        Raises:
            ConfigError: if steps are given, but for fewer networks.
        """
        if self.given is not None and len(self.steps) >= len(self.given):
            what = f"the steps of {len(self.given)} networks are given, and there is one more to train"
            raise ConfigError(what, hint="They are of another job: leave the table [replay] out.")
        self.steps.append(measure() if self.given is None else self.given[len(self.steps)])
        return self.steps[-1]

    @property
    def is_used_up(self) -> bool:
        """Return whether no given steps are left."""
        return self.given is None or len(self.steps) == len(self.given)


_tape: ContextVar[Tape] = ContextVar("forecast_tape")


def tape() -> Tape:
    """Return the tape of the job; outside of one, a new one that nobody reads."""
    return _tape.get(None) or Tape()


@contextmanager
def taped(given: Sequence[int] | None = None) -> Iterator[Tape]:
    """Keep the steps that times come to inside a `with` block, or take them from an earlier job.

    Args:
        given: the steps of that job; None measures.
    """
    token = _tape.set(Tape(given))
    try:
        yield _tape.get()
    finally:
        _tape.reset(token)


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
