"""Pretraining on made-up series: seeded, resumable, and it learns."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch

from forecast.combining.network import Combiner
from forecast.combining.pool import NAMES
from forecast.combining.tokens import WIDTH
from forecast.combining.training import pretraining
from forecast.combining.training.diet import draw_panels
from forecast.combining.training.examples import Examples, make_examples
from forecast.combining.training.loss import Batch, loss_of
from forecast.combining.weights import fingerprint, load_weights


def _diet(n: int, seed: int = 0) -> list[Examples]:
    panels = draw_panels(np.random.default_rng(seed))
    made = (make_examples(panel) for panel in panels if panel.block.rows < 150 and panel.grid.season <= 12)
    return list(islice((examples for examples in made if examples is not None), n))


def _silent(text: str) -> None:
    pass


def test_examples_hold_what_the_network_reads() -> None:
    (examples,) = _diet(1)
    n, origins, steps = examples.actual.shape
    assert examples.tokens.shape == (n, origins, WIDTH)
    assert examples.forecasts.shape == (n, origins, len(NAMES), steps)
    assert np.isfinite(examples.forecasts).all()
    assert np.isfinite(examples.tokens).all()
    assert np.isfinite(examples.actual).any()


def test_a_seed_decides_the_diet() -> None:
    one, same, other = _diet(2), _diet(2), _diet(2, seed=1)
    for left, right in zip(one, same, strict=True):
        assert np.array_equal(left.forecasts, right.forecasts)
    assert one[0].forecasts.shape != other[0].forecasts.shape or not np.array_equal(
        one[0].forecasts, other[0].forecasts
    )


def test_it_learns_and_its_weights_are_read_back(tmp_path: Path) -> None:
    diet = _diet(4)
    recipe = pretraining.Recipe(batches=300, width=16, hidden=24)
    random = np.random.default_rng(0)
    torch.manual_seed(0)
    before = np.mean([loss_of(Combiner(16, 24), Batch.drawn(examples, random)).item() for examples in diet])
    network = pretraining.train(pretraining.Diet(diet), recipe, None, _silent)
    after = np.mean([loss_of(network, Batch.drawn(examples, random)).item() for examples in diet])
    assert after < 0.95 * before
    sha = pretraining.save(network, recipe, tmp_path / "w.safetensors")
    assert fingerprint(load_weights(str(tmp_path / "w.safetensors"))) == sha


def test_an_interruption_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pretraining, "BATCHES_AT_ONCE", 2)
    diet, recipe = _diet(2), pretraining.Recipe(batches=6, width=8, hidden=8)
    whole = pretraining.train(pretraining.Diet(diet), recipe, None, _silent).state_dict()

    class Interrupted(Exception):
        pass

    def stop(text: str) -> None:
        if (tmp_path / "part").exists():
            raise Interrupted

    with pytest.raises(Interrupted):
        pretraining.train(pretraining.Diet(diet), recipe, tmp_path / "part", stop)
    reports = list[str]()
    again = pretraining.train(pretraining.Diet(diet), recipe, tmp_path / "part", reports.append).state_dict()
    assert reports[0].startswith("4 of 6")
    assert all(torch.equal(whole[name], again[name]) for name in whole)
