"""Pretraining: a seed decides everything, and it goes on where it was interrupted."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
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
from forecast.combining.training.own_tables import OwnTables
from forecast.combining.weights import FORMAT, fingerprint
from forecast.datasets.errors import ConfigError, DataError

Report = Callable[[str], None]
LEARNING_RATE, LEAST_RATE, WEIGHT_DECAY, CLIP, WARM_UP = 2e-3, 1e-5, 0.01, 1.0, 100
AVERAGING = 0.005  # weight of the newest weights in their moving average
BATCHES_AT_ONCE = 200  # between checkpoints
FIRST_REPORT, MOST_BETWEEN_REPORTS = 250, 5_000  # series; early reports say that it works, and how fast
SERIES_A_DRAW = 24  # of a table, at least in the mean: a table of few series must not be drawn from for hours


@dataclass(frozen=True)
class Recipe:
    """How the combiner is pretrained.

    Args:
        seed: decides the series and the weights.
        series: number of series that are learnt from, made-up ones where no tables take a share of them.
        batches: number of steps of training, each on one panel.
        width: size of the recurrent state.
        hidden: size of the map's layers.
    """

    seed: int = 0
    series: int = 90_000
    batches: int = 28_000
    width: int = 64
    hidden: int = 96


@dataclass(frozen=True, eq=False)
class Diet:
    """The examples that are learnt from, a batch each.

    Args:
        made_up: of made-up series.
        own: of one's own tables, a list for each; none by default.
        share: of the batches that come from the tables.
        source: the fingerprint of the tables, which a checkpoint must have in common; empty without tables.
    """

    made_up: Sequence[Examples]
    own: Sequence[Sequence[Examples]] = ()
    share: float = 0.0
    source: str = ""

    def draw(self, random: np.random.Generator) -> Examples:
        """Draw a batch; without tables no further number is drawn, on which the shipped weights depend."""
        if not self.own or (self.made_up and random.random() >= self.share):
            return self.made_up[int(random.integers(len(self.made_up)))]
        of_table = self.own[int(random.integers(len(self.own)))]
        return of_table[int(random.integers(len(of_table)))]


def make_diet(recipe: Recipe, report: Report, own: OwnTables | None = None) -> Diet:
    """Make the examples of at least so many series, those of tables first.

    Args:
        recipe: the seed, and how many series.
        report: it is told how many there are.
        own: the tables, whose share is of the series, too; None for made-up series alone.
    """
    if own is None:
        return Diet(_made_up(recipe.seed, recipe.series, report))
    wanted, learnt = -(-round(recipe.series * own.share) // len(own.tables)), list[list[Examples]]()
    for number, table in enumerate(own.tables):
        draws = table.draw(own.horizon, np.random.default_rng((recipe.seed, number)))
        few = islice(draws, -(-wanted // SERIES_A_DRAW))
        learnt.append(_gathered(few, wanted, report, f"series of {table.name} before earlier ends"))
        if not learnt[-1]:
            hint = "Take a shorter --horizon, or leave the table out."
            raise DataError(f"{table.name} has too few values to learn from", hint=hint)
    made_up = _made_up(recipe.seed, max(round(recipe.series * (1 - own.share)), 1), report) if own.share < 1 else []
    return Diet(made_up, learnt, own.share, own.fingerprint())


def _made_up(seed: int, series: int, report: Report) -> list[Examples]:
    panels = draw_panels(np.random.default_rng(seed))
    made = ([] if examples is None else [examples] for examples in map(make_examples, panels))
    return _gathered(made, series, report, "made-up series")


def _gathered(draws: Iterator[list[Examples]], series: int, report: Report, words: str) -> list[Examples]:
    """Take draws until there are so many series."""
    made, done, next_report = list[Examples](), 0, FIRST_REPORT
    for draw in draws:
        made += draw
        done += sum(len(examples.tokens) for examples in draw)
        if done >= next_report:
            report(f"{done} {words}")
            next_report = done + min(done, MOST_BETWEEN_REPORTS)
        if done >= series:
            break
    return made


def check_part(checkpoint: Path, recipe: Recipe, source: str) -> dict[str, Any]:
    """Return what a checkpoint holds; empty where there is none.

    Raises:
        ConfigError: if it cannot be read, or training with another recipe or other tables wrote it.
    """
    if not checkpoint.is_file():
        return {}
    hint = "Remove it to begin anew, or give -o another name."
    try:
        saved: dict[str, Any] = torch.load(checkpoint, weights_only=True)
        same = saved["of"] == _identity(recipe, source)
    except Exception as error:  # pickle, zip and torch have an error each
        raise ConfigError(f"{checkpoint} is no checkpoint of this training", hint=hint) from error
    if not same:
        raise ConfigError(f"{checkpoint} is of a training with other options or tables", hint=hint)
    return saved


def _identity(recipe: Recipe, source: str) -> str:
    return json.dumps([asdict(recipe), source])


def train(diet: Diet, recipe: Recipe, checkpoint: Path | None, report: Report) -> Combiner:
    """Train the combiner on a diet.

    Args:
        diet: the examples.
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
    if checkpoint is not None and (saved := check_part(checkpoint, recipe, diet.source)):
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
            loss = loss_of(network, Batch.drawn(diet.draw(random), random))
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
            part = checkpoint.with_name(f"{checkpoint.name}.new")  # an interruption leaves the one before whole
            torch.save({**state, "done": done, "of": _identity(recipe, diet.source)}, part)
            part.replace(checkpoint)
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
