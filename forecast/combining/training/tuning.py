"""Tuning: a few steps on a panel's own origins adapt the pretrained combiner, stopped by origins that it did not see."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import nn

from forecast.combining.network import Combiner
from forecast.combining.training.examples import Examples
from forecast.combining.training.loss import Batch, loss_of, losses_of
from forecast.combining.weights import Weights

STEPS, BETWEEN_CHECKS = 120, 20
LEARNING_RATE, WARM_UP, CLIP = 5e-4, 20, 1.0
AVERAGING = 0.05  # weight of the newest weights in their moving average
HISTORIES_AT_ONCE = 64
MOST_CHECKED = 400  # histories that a check reads
MUCH_PAST = 2  # times as many older histories as newest ones


def tune(weights: Weights, newest: Sequence[Examples], older: Sequence[Examples], seed: int) -> tuple[Weights, int]:
    """Tune the combiner on a panel.

    Where there is enough of the past, the weights are judged by all of the newest examples and learn from the older ones
    alone; else the newest origins judge, and what was known before them is learnt from.

    Args:
        weights: where it starts.
        newest: examples of the panel's histories up to their ends.
        older: examples of earlier ends.
        seed: decides the order of batches.

    Returns:
        The weights that were best at origins that were not learnt from, and after how many steps; the given ones and 0 where none were
        better.
    """
    learnt, checked = [*older], [*newest]
    if _histories(older) < MUCH_PAST * _histories(newest):
        parts = [apart(examples) for examples in newest]
        learnt, checked = [first for first, _ in parts] + learnt, [second for _, second in parts]
    learnt, checked = ([part for part in parts if np.isfinite(part.actual).any()] for parts in (learnt, checked))
    if not learnt or not checked:
        return weights, 0
    random, share = np.random.default_rng(seed), np.array([len(examples.tokens) for examples in learnt], float)
    network = combiner_of(weights)
    optimiser = torch.optim.AdamW(network.parameters(), LEARNING_RATE, weight_decay=0.0)
    averaged = combiner_of(weights)
    best, least, after = weights, check(averaged, checked), 0
    for step in range(STEPS):
        for group in optimiser.param_groups:
            group["lr"] = LEARNING_RATE * min(1.0, (step + 1) / WARM_UP) * (1 - step / STEPS)
        examples = learnt[random.choice(len(learnt), p=share / share.sum())]
        loss = loss_of(network, Batch.drawn(examples, random, HISTORIES_AT_ONCE))
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(network.parameters(), CLIP)
        optimiser.step()
        with torch.no_grad():
            new, old = ([weight.data for weight in each.parameters()] for each in (network, averaged))
            torch._foreach_lerp_(old, new, max(AVERAGING, 1 / (1 + step)))
        if (step + 1) % BETWEEN_CHECKS == 0 and (found := check(averaged, checked)) < least:
            best, least, after = weights_of(averaged), found, step + 1
    return best, after


def _histories(every: Sequence[Examples]) -> int:
    return sum(len(examples.tokens) for examples in every)


def apart(examples: Examples) -> tuple[Examples, Examples]:
    """Split examples in those to learn from and those at the newest origins, whose rows the former do not hold."""
    ahead, steps = examples.ahead, examples.steps
    whole = ahead[ahead >= examples.horizon]
    cut = int(whole.min()) if len(whole) else int(ahead.max())
    newest = ahead <= cut
    known = ~newest[:, None] & (steps <= ahead[:, None] - cut)  # (origins, steps)
    nothing = np.float16(np.nan)
    return (
        replace(examples, actual=np.where(known, examples.actual, nothing)),
        replace(examples, actual=np.where(newest[:, None], examples.actual, nothing)),
    )


def check(network: Combiner, checked: Sequence[Examples]) -> float:
    """Return the mean loss over histories at the newest origins."""
    losses: list[float] = []
    stride = max(1, -(-_histories(checked) // MOST_CHECKED))
    for examples in checked:
        rows = np.arange(0, len(examples.tokens), stride)
        with torch.inference_mode():
            found, counts = losses_of(network, Batch.of(examples, rows, np.arange(len(examples.steps))))
        total, count = (found * counts).sum(dim=(1, 2)), counts.sum(dim=(1, 2))
        losses += (total[count > 0] / count[count > 0]).tolist()
    return float(np.mean(losses)) if losses else np.inf


def combiner_of(weights: Weights) -> Combiner:
    """Return the combiner with these weights."""
    with torch.random.fork_rng(devices=[]):  # weights are drawn, and then replaced
        network = Combiner(len(weights["embed.0.bias"]), len(weights["state.bias"]))
    network.load_state_dict({name: torch.from_numpy(value.copy()) for name, value in weights.items()})
    return network


def weights_of(network: Combiner) -> Weights:
    """Return the weights of a combiner."""
    return {name: value.detach().numpy().copy() for name, value in network.state_dict().items()}
