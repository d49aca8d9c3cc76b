"""The loss of the combiner: the pinball loss of its quantiles at many origins, in units of the errors to expect."""

from __future__ import annotations

from typing import NamedTuple, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from forecast.combining.joiners import Joined
from forecast.combining.network import Combiner, TorchJoined
from forecast.combining.reader import LEVELS, step_facts
from forecast.combining.training.examples import Examples

STEPS_AT_ONCE = 12  # of a horizon that a batch learns from
WORST_LOSS = 20.0  # of a step: a history that explodes must not decide


class Batch(NamedTuple):
    """Some histories and some steps of examples, as tensors; the fields are those of `Combiner.forward`, and `actual`."""

    tokens: Tensor
    first: Tensor
    forecasts: Tensor
    available: Tensor
    facts: Tensor
    joined: TorchJoined | None
    actual: Tensor

    @classmethod
    def drawn(cls, examples: Examples, random: np.random.Generator, most: int | None = None) -> Self:
        """Draw some steps of all histories, or of so many."""
        n_steps, n = len(examples.steps), len(examples.tokens)
        steps = np.sort(random.choice(n_steps, min(STEPS_AT_ONCE, n_steps), replace=False))
        rows = np.arange(n) if most is None or n <= most else np.sort(random.choice(n, most, replace=False))
        return cls.of(examples, rows, steps)

    @classmethod
    def of(cls, examples: Examples, rows: NDArray[np.int64], steps: NDArray[np.int64]) -> Self:
        """Take histories and steps by their numbers."""
        available = torch.from_numpy(examples.available[rows])
        facts = step_facts(examples.steps[steps], examples.season_length, examples.horizon)
        joined = examples.joined and Joined(
            examples.joined.forecasts[rows][..., steps], examples.joined.available[rows], examples.joined.facts[rows]
        )
        return cls(
            tokens=torch.from_numpy(examples.tokens[rows].astype(np.float32)),
            first=torch.from_numpy(examples.first[rows]),
            forecasts=torch.from_numpy(examples.forecasts[rows][..., steps].astype(np.float32)),
            available=available | ~available.any(dim=-1, keepdim=True),
            facts=torch.from_numpy(facts),
            joined=joined and TorchJoined(*(torch.from_numpy(np.ascontiguousarray(part)) for part in joined)),
            actual=torch.from_numpy(examples.actual[rows][..., steps].astype(np.float32)),
        )


def losses_of(network: Combiner, batch: Batch) -> tuple[Tensor, Tensor]:
    """Return the pinball loss of every history, origin and step, averaged over levels, and whether it counts."""
    quantiles = network(*batch[:-1])
    error = torch.nan_to_num(batch.actual).unsqueeze(-1) - quantiles
    levels = torch.tensor(LEVELS)
    pinball = (2 * torch.maximum(levels * error, (levels - 1) * error)).mean(dim=-1).clamp(max=WORST_LOSS)
    return pinball, torch.isfinite(batch.actual)


def loss_of(network: Combiner, batch: Batch) -> Tensor:
    """Return the mean loss over all that counts."""
    losses, counts = losses_of(network, batch)
    loss: Tensor = (losses * counts).sum() / counts.sum().clamp(min=1)
    return loss
