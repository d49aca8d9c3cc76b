"""The training loop: a seed decides everything, and it goes on where it was interrupted."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from forecast.combining.network import Combiner
from forecast.combining.pool import NAMES
from forecast.combining.training.diet import draw_panels
from forecast.combining.training.examples import Examples, make_examples
from forecast.combining.training.loss import Batch, loss_of
from forecast.combining.weights import FORMAT, fingerprint

Report = Callable[[str], None]
LEARNING_RATE, LEAST_RATE, WEIGHT_DECAY, CLIP, WARM_UP = 2e-3, 1e-5, 0.01, 1.0, 100
AVERAGING = 0.005  # weight of the newest weights in their moving average
BATCHES_AT_ONCE = 200  # between checkpoints
SERIES_A_REPORT = 5_000


@dataclass(frozen=True)
class Recipe:
    """How the combiner is pretrained.

    Args:
        seed: decides the series and the weights.
        series: number of made-up series.
        batches: number of steps of training, each on one panel.
        width: size of the recurrent state.
        hidden: size of the map's layers.
    """

    seed: int = 0
    series: int = 90_000
    batches: int = 28_000
    width: int = 64
    hidden: int = 96


def make_diet(recipe: Recipe, report: Report) -> list[Examples]:
    """Make the examples of at least so many series, a panel at a time."""
    diet: list[Examples] = []
    done, reported = 0, 0
    for panel in draw_panels(np.random.default_rng(recipe.seed)):
        examples = make_examples(panel)
        if examples is not None:
            diet.append(examples)
            done += len(examples.tokens)
        if done >= reported + SERIES_A_REPORT:
            reported = done
            report(f"{done} made-up series")
        if done >= recipe.series:
            break
    return diet


def train(diet: list[Examples], recipe: Recipe, checkpoint: Path | None, report: Report) -> Combiner:
    """Train the combiner on a diet.

    Args:
        diet: the examples, a batch each.
        recipe: how many batches, and from which seed.
        checkpoint: file that training goes on from, and that it writes as it goes; None for none.
        report: it is told how training goes.

    Returns:
        The network with the moving average of its weights.
    """
    torch.manual_seed(recipe.seed)
    network = Combiner(recipe.width, recipe.hidden)
    optimiser = torch.optim.AdamW(network.parameters(), LEARNING_RATE, weight_decay=WEIGHT_DECAY)
    average = [weight.detach().clone() for weight in network.parameters()]
    done = 0
    if checkpoint is not None and checkpoint.is_file():
        saved = torch.load(checkpoint, weights_only=True)
        network.load_state_dict(saved["network"])
        optimiser.load_state_dict(saved["optimiser"])
        average, done = saved["average"], saved["done"]
    while done < recipe.batches:
        losses = []
        for _ in range(min(BATCHES_AT_ONCE, recipe.batches - done)):
            random = np.random.default_rng((recipe.seed, done))  # of the batch: an interruption changes nothing
            share = done / recipe.batches
            for group in optimiser.param_groups:
                group["lr"] = LEARNING_RATE * min(1.0, (done + 1) / WARM_UP) * (1 - share) + LEAST_RATE
            loss = loss_of(network, Batch.drawn(diet[random.integers(len(diet))], random))
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(network.parameters(), CLIP)
            optimiser.step()
            done += 1
            recent = max(AVERAGING, 1 / (1 + done / 10))
            torch._foreach_lerp_(average, [weight.detach() for weight in network.parameters()], recent)
            losses.append(float(loss.detach()))
        report(f"{done} of {recipe.batches} batches: loss {np.mean(losses):.4f}")
        if checkpoint is not None:
            state = {"network": network.state_dict(), "optimiser": optimiser.state_dict(), "average": average}
            torch.save({**state, "done": done}, checkpoint)
    with torch.no_grad():
        for weight, mean in zip(network.parameters(), average, strict=True):
            weight.copy_(mean)
    return network


def save(network: Combiner, recipe: Recipe, path: Path, **card: Any) -> str:
    """Write the weights with what they were made of, and return their SHA-256."""
    from safetensors.numpy import save_file

    weights = {name: value.detach().numpy() for name, value in network.state_dict().items()}
    sha = fingerprint(weights)
    facts = {"format": FORMAT, "sha256": sha, "recipe": json.dumps(asdict(recipe)), "slots": json.dumps(NAMES)}
    save_file(weights, path, metadata={**facts, **{name: json.dumps(value) for name, value in card.items()}})
    return sha
