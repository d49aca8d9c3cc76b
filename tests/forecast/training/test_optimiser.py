"""One optimiser step, its schedule, and the averaged weights."""

from __future__ import annotations

import copy

import pytest
import torch

from forecast.datasets.windows.crops import WindowSpec
from forecast.networks.network import ForecastNetwork, NetworkSettings
from forecast.training.averaging import AveragedWeights
from forecast.training.learning_rate import RELATIVE_HIGHWAY_RATE
from forecast.training.optimiser import Optimiser

STEPS = 20


def _network() -> ForecastNetwork:
    torch.manual_seed(0)
    window = WindowSpec(lookback=6, horizon=2)
    sizes = {"hidden_size": 4, "layers": 2, "dropout": 0.0, "memory": 3, "season_length": 1}
    return ForecastNetwork(NetworkSettings(cell="gru", window=window, normaliser="last", base="last", **sizes))


def _optimiser(network: ForecastNetwork, clip: float = 0.0, measure_every: int = 1) -> Optimiser:
    rates = {"learning_rate": 0.01, "weight_decay": 0.01}
    return Optimiser(network, steps=STEPS, gradient_clip=clip, measure_every=measure_every, **rates)


def _loss(network: ForecastNetwork) -> torch.Tensor:
    rows = torch.arange(24.0).reshape(4, 6, 1).sin()
    return network(rows, torch.ones_like(rows, dtype=torch.bool)).normalised.square().mean()


def test_without_clipping_and_decay_the_first_step_is_the_learning_rate_in_the_gradients_direction() -> None:
    network = _network()
    rates = {"learning_rate": 0.01, "weight_decay": 0.0}
    optimiser = Optimiser(network, steps=STEPS, gradient_clip=0.0, measure_every=1, **rates)
    before, rate = copy.deepcopy(network.state_dict()), optimiser.learning_rate
    optimiser.step(_loss(network))
    weight = network.decoder.linear.weight
    moved = weight.detach() - before["decoder.linear.weight"]  # Adam's first step: rate * g / (|g| + 1e-8)
    assert weight.grad is not None
    large = weight.grad.abs() > 1e-4
    assert torch.allclose(moved[large], -rate * weight.grad[large].sign(), rtol=1e-3)


def test_the_schedule_peaks_at_the_learning_rate_and_ends_at_almost_nothing() -> None:
    network = _network()
    optimiser, rates = _optimiser(network), []
    for _ in range(STEPS):
        optimiser.step(_loss(network))
        rates.append(optimiser.learning_rate)
        highway = optimiser.adamw.param_groups[1]["lr"]
        assert highway == pytest.approx(RELATIVE_HIGHWAY_RATE * optimiser.learning_rate)
    assert max(rates) == pytest.approx(0.01, rel=0.05)
    assert rates[-1] < 1e-6
    assert optimiser.steps == STEPS


def test_every_weight_is_moved_by_one_group_only() -> None:
    network = _network()
    names = {id(weight) for weight in network.parameters()}
    moved = [id(weight) for weight in _optimiser(network).weights]
    assert len(moved) == len(set(moved))
    assert set(moved) == names


def test_gradients_are_measured_before_clipping_and_only_when_due() -> None:
    network = _network()
    optimiser = _optimiser(network, clip=1e-6, measure_every=2)
    optimiser.step(_loss(network))
    assert optimiser.gradients == {}
    optimiser.step(_loss(network))
    assert {"gradient/core.0", "gradient/core.1", "gradient/highway"} <= set(optimiser.gradients)
    clipped = torch.cat([weight.grad.flatten() for weight in network.parameters() if weight.grad is not None])
    assert float(clipped.norm()) <= 1.01e-6
    assert sum(size**2 for size in optimiser.gradients.values()) ** 0.5 > 1e-5


def test_the_average_follows_and_swapping_twice_changes_nothing() -> None:
    module = torch.nn.Linear(1, 1, bias=False)
    average = AveragedWeights(module, decay=0.5)
    start = module.weight.detach().clone()
    module.weight.data += 11.0
    average.update(1)  # the first decay is 2 / 11
    assert torch.allclose(average.values[0], start + 9.0)
    average.swap()
    assert torch.allclose(module.weight, start + 9.0)
    average.swap()
    assert torch.allclose(module.weight, start + 11.0)
    average.load([start])
    assert torch.equal(module.weight, start)
