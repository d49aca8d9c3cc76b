"""The network: contracts over every part, and identities that hold whatever the weights."""

from __future__ import annotations

import itertools

import pytest
import torch

from forecast.datasets.windows.crops import WindowSpec
from forecast.networks.base_forecasts import BASES
from forecast.networks.cell_table import CELLS
from forecast.networks.cells import SLSTM, MinGRU, RecurrentCore, is_causal
from forecast.networks.decoders import DECODERS, Context, DecoderSizes, PositionDecoder
from forecast.networks.distributions import Normal
from forecast.networks.network import ForecastNetwork, NetworkSettings
from forecast.networks.normalisers import NORMALISERS
from forecast.training.losses import LOSSES

LEVELS = (0.1, 0.5, 0.9)
CROPS = 5


def _network(
    origins: int = 1,
    *,
    cell: str = "gru",
    normaliser: str = "mean",
    base: str = "last",
    lookback: int = 24,
    **more: object,
) -> ForecastNetwork:
    torch.manual_seed(0)
    window = WindowSpec(lookback=lookback, horizon=7, segment=4, origins=origins)
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


CAUSAL = [name for name in CELLS if is_causal(name)]
PARTS = list(itertools.product(CELLS, NORMALISERS, BASES))


@pytest.mark.parametrize(("cell", "normaliser", "base"), PARTS)
@pytest.mark.parametrize("origins", [1, 3])
def test_shapes(cell: str, normaliser: str, base: str, origins: int) -> None:
    network = _network(origins, cell=cell, normaliser=normaliser, base=base, head="quantile", levels=LEVELS)
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


@pytest.mark.parametrize("cell", CAUSAL)
@pytest.mark.parametrize("decoder", DECODERS)
@pytest.mark.parametrize("normaliser", NORMALISERS)
@pytest.mark.parametrize("dilations", [(1, 1), (1, 2)])
def test_a_forked_forecast_is_the_forecast_of_its_own_window(
    cell: str, decoder: str, normaliser: str, dilations: tuple[int, int]
) -> None:
    """At each origin of a crop: what a window from the crop's first row to the origin would have given."""
    network = _network(5, cell=cell, decoder=decoder, normaliser=normaliser, dilations=dilations)
    values, observed = _crops()
    forked = _forecast(network, values, observed)
    for origin in range(5):
        rows = 24 - 4 * (4 - origin)
        short = _network(2, cell=cell, decoder=decoder, normaliser=normaliser, dilations=dilations, lookback=rows)
        short.load_state_dict(network.state_dict())
        alone = _forecast(short, values[:, :rows], observed[:, :rows])[:, -1]
        assert torch.allclose(alone, forked[:, origin], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("origins", [1, 4])
def test_a_batch_of_one_is_a_batch_of_many(origins: int) -> None:
    network = _network(origins)
    values, observed = _crops()
    together = _forecast(network, values, observed)
    for number in range(CROPS):
        one = slice(number, number + 1)
        assert torch.allclose(_forecast(network, values[one], observed[one]), together[one], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("horizon", [1, 4, 7])
def test_the_factorised_decoder_is_the_plain_one(horizon: int) -> None:
    torch.manual_seed(0)
    decoder = PositionDecoder(DecoderSizes(hidden_size=8, horizon=horizon, width=3, segment=4))
    context = Context(torch.randn(5, 6, 8), 2, torch.zeros(5, 2, horizon))
    assert decoder(context).shape == (5, 2, horizon, 3)
    assert torch.allclose(decoder(context), decoder.plain(context), atol=1e-6)


def test_the_scan_of_mingru_is_its_recursion() -> None:
    torch.manual_seed(0)
    cell = MinGRU(3, 16)
    steps = 3 * torch.randn(4, 30, 3)
    assert torch.allclose(cell(steps), cell.recursive(steps), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("name", "kind"), [("lstm", torch.nn.LSTM), ("gru", torch.nn.GRU), ("rnn", torch.nn.RNN)])
def test_cells_are_torchs(name: str, kind: type[torch.nn.RNNBase]) -> None:
    torch.manual_seed(0)
    ours, theirs = CELLS[name](3, 5), kind(3, 5, batch_first=True)
    theirs.load_state_dict({key.removeprefix("layer."): value for key, value in ours.state_dict().items()})
    steps = torch.randn(2, 7, 3)
    assert torch.equal(ours(steps), theirs(steps)[0])


def test_slstm_by_hand() -> None:
    """One unit, no recurrence: the first step's state is value times gate, whatever the input gate."""
    cell = SLSTM(1, 1)
    with torch.no_grad():
        cell.state.weight.zero_()
        cell.input.weight.copy_(torch.tensor([[50.0], [2.0], [0.5], [1.0]]))  # enter, forget, value, out
        cell.input.bias.zero_()
    one, two = cell(torch.tensor([[[1.0], [1.0]]]))[0, :, 0].tolist()
    expected = float(torch.sigmoid(torch.tensor(1.0)) * torch.tanh(torch.tensor(0.5)))
    assert one == pytest.approx(expected), "an exponential of 50 does not overflow"
    assert two == pytest.approx(expected), "the normaliser makes it a mean of equal values"


def test_dilation_interleaves() -> None:
    """With a dilation of 3, step t hears of t, t - 3, t - 6, ... and of nothing else."""
    torch.manual_seed(0)
    core = RecurrentCore("gru", 4, 4, 1, 0.0, (3,))
    steps = torch.randn(1, 10, 4, requires_grad=True)
    for t in range(10):
        [gradient] = torch.autograd.grad(core(steps)[0, t].sum(), steps)
        heard = {number for number in range(10) if bool((gradient[0, number] != 0).any())}
        assert heard == set(range(t % 3, t + 1, 3))


def test_outliers_do_not_move_the_robust_normaliser() -> None:
    rows = torch.arange(21.0)[None]
    spoilt = rows.clone()
    spoilt[0, 3] = 1e6
    level, spread = NORMALISERS["robust"]()(rows, torch.ones_like(rows))
    assert float(level) == 10
    assert float(spread) == pytest.approx(1.4826 * 5)
    assert float(NORMALISERS["robust"]().level(spoilt, torch.ones_like(rows))) == 11


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
    from forecast.training.losses import Scaled

    target = torch.randn(4, 2, 7, generator=torch.Generator().manual_seed(0))
    levels = torch.tensor([0.5])

    def loss(error: float) -> float:
        forecast = (target + error).unsqueeze(-1)
        family = None
        if name == "nll":
            forecast, family = torch.cat([forecast, torch.zeros_like(forecast)], -1), Normal()
        scaled = Scaled(
            forecast=forecast,
            target=target,
            weight=torch.ones_like(target),
            zero=torch.full((4, 2, 1), -10.0),
            levels=levels,
            median=0,
            scale=torch.ones(4, 2, 1),
            family=family,
        )
        return float(LOSSES[name](scaled))

    assert loss(0.0) < loss(0.1) < loss(1.0)
    assert loss(0.0) < loss(-0.1) < loss(-1.0)
