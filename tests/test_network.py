"""The network: contracts over every part, and identities that hold whatever the weights."""

from __future__ import annotations

import itertools

import pytest
import torch

from forecast.cells import CELLS
from forecast.datasets.windows import WindowSpec
from forecast.losses import LOSSES
from forecast.network import BASES, ForecastNetwork, NetworkSettings
from forecast.normalisers import NORMALISERS

LEVELS = (0.1, 0.5, 0.9)
CROPS = 5


def _network(
    origins: int = 1, *, cell: str = "gru", normaliser: str = "mean", base: str = "last", **more: object
) -> ForecastNetwork:
    torch.manual_seed(0)
    window = WindowSpec(lookback=24, horizon=7, segment=4, origins=origins)
    values: dict[str, object] = {
        "cell": cell,
        "window": window,
        "hidden_size": 8,
        "layers": 2,
        "dropout": 0.0,
        "normaliser": normaliser,
        "memory": 8,
        "base": base,
        "season_length": 4,
        "levels": (),
        "masked": True,
        **more,
    }
    network = ForecastNetwork(NetworkSettings(**values)).eval()  # type: ignore[arg-type]
    with torch.no_grad():  # the last layers start at zero; give every path some weight
        for parameter in network.parameters():
            parameter.add_(0.2 * torch.randn_like(parameter))
    return network


def _crops(seed: int = 1) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    values = torch.randn(CROPS, 24, 1, generator=generator).cumsum(1)
    return values, torch.ones(CROPS, 24, 1, dtype=torch.bool)


def _forecast(network: ForecastNetwork, values: torch.Tensor, observed: torch.Tensor) -> torch.Tensor:
    out = network(values, observed)
    return out.normalised * out.scale.unsqueeze(-1) + out.level.unsqueeze(-1)


PARTS = list(itertools.product(CELLS, NORMALISERS, BASES))


@pytest.mark.parametrize(("cell", "normaliser", "base"), PARTS)
@pytest.mark.parametrize("origins", [1, 3])
def test_shapes(cell: str, normaliser: str, base: str, origins: int) -> None:
    network = _network(origins, cell=cell, normaliser=normaliser, base=base, levels=LEVELS)
    out = network(*_crops())
    assert out.normalised.shape == (CROPS, origins, 7, 3)
    assert (out.normalised.diff(dim=-1) >= 0).all(), "quantiles cannot cross"
    assert (out.scale > 0).all()


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("normaliser", NORMALISERS)
def test_every_step_sees_the_whole_lookback(cell: str, normaliser: str) -> None:
    network = _network(cell=cell, normaliser=normaliser)
    values, observed = _crops()
    values.requires_grad_(True)
    out = _forecast(network, values, observed)
    for step in range(7):
        [gradient] = torch.autograd.grad(out[:, 0, step].sum(), values, retain_graph=True)
        assert (gradient[:, :, 0] != 0).all(), f"step {step + 1} does not see every observation"


@pytest.mark.parametrize(("cell", "normaliser", "base"), PARTS)
def test_scaling_and_shifting(cell: str, normaliser: str, base: str) -> None:
    network = _network(cell=cell, normaliser=normaliser, base=base)
    values, observed = _crops()
    plain = _forecast(network, values, observed)
    assert torch.allclose(_forecast(network, 1000 * values, observed), 1000 * plain, rtol=1e-4, atol=1e-2)
    assert torch.allclose(_forecast(network, values + 50, observed), plain + 50, rtol=1e-5, atol=2e-3)


@pytest.mark.parametrize("normaliser", NORMALISERS)
def test_an_origin_sees_nothing_after_it(normaliser: str) -> None:
    network = _network(3, normaliser=normaliser)
    values, observed = _crops()
    plain = network(values, observed)
    poisoned = values.clone()
    poisoned[:, -4:] = 1e9
    after = network(poisoned, observed)
    for before, now in zip(plain, after, strict=True):
        assert torch.equal(before[:, :-1], now[:, :-1])
        assert not torch.equal(before[:, -1:], now[:, -1:])


def test_masked_values_change_nothing() -> None:
    network = _network()
    values, observed = _crops()
    observed[:, 3:6] = False
    other = values.clone()
    other[:, 3:6] = values[:, 2:3]
    values[:, 3:6] = values[:, 2:3]
    assert torch.equal(_forecast(network, values, observed), _forecast(network, other, observed))


@pytest.mark.parametrize("name", LOSSES)
def test_losses_are_least_at_the_truth(name: str) -> None:
    from forecast.losses import Scaled

    target = torch.randn(4, 2, 7, generator=torch.Generator().manual_seed(0))
    levels = torch.tensor([0.5])

    def loss(error: float) -> float:
        forecast = (target + error).unsqueeze(-1)
        scaled = Scaled(
            forecast=forecast,
            target=target,
            weight=torch.ones_like(target),
            zero=torch.full((4, 2, 1), -10.0),
            levels=levels,
            median=0,
        )
        return float(LOSSES[name](scaled))

    assert loss(0.0) < loss(0.1) < loss(1.0)
    assert loss(0.0) < loss(-0.1) < loss(-1.0)
