"""The family: every architecture by its usual name, each on the task made for it, and cells of one's own."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from contracts import check_network
from house import QUICK, same
from torch import Tensor, nn

import forecast as fc
from forecast.datasets.errors import ConfigError, ModelError
from forecast.networks.cell_table import CELLS
from forecast.networks.cells import RecurrentCore, is_causal
from forecast.networks.decoders import DECODERS, AdditiveAttention, Context, DecoderSizes, DotAttention, Seq2SeqDecoder
from forecast.networks.heads import HEADS

LEARNING = {"hidden_size": 32, "batch_size": 32, "threads": 1, "val_size": 0, "seed": 0}


class Leaky(nn.Module):
    """A cell of one's own in a dozen lines: a leaky integrator."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.enter = nn.Linear(input_size, hidden_size)

    def forward(self, steps: Tensor) -> Tensor:
        state, states = torch.zeros_like(self.enter(steps[:, 0])), []
        for row in self.enter(steps).unbind(1):
            state = 0.9 * state + 0.1 * row.tanh()
            states.append(state)
        return torch.stack(states, 1)


class Peeking(nn.Module):
    """A cell that reads what comes."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.enter = nn.Linear(input_size, hidden_size)

    def forward(self, steps: Tensor) -> Tensor:
        mean: Tensor = self.enter(steps).mean(1, keepdim=True)
        return mean.expand(-1, steps.shape[1], -1)


class Broken(nn.Module):
    """A cell that cannot be made."""

    def __init__(self) -> None:
        super().__init__()


def _counts(series: int = 3, length: int = 90) -> pd.DataFrame:
    values = np.random.default_rng(0).beta(2, 3, (series, length)).ravel()
    ids = np.repeat([f"s{k}" for k in range(series)], length)
    times = np.tile(pd.date_range("2020-01-01", periods=length), series)
    return pd.DataFrame({"unique_id": ids, "ds": times, "y": values})


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("decoder", DECODERS)
@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("horizon", [1, 24])
def test_every_cell_with_every_decoder_and_head(cell: str, decoder: str, head: str, horizon: int) -> None:
    check_network(cell, decoder, head, horizon)


def test_one_to_one() -> None:
    model = fc.Forecaster(1, model="gru", lookback=1, **QUICK).fit(_counts())
    assert (model.resolved_.lookback, model.resolved_.segment) == (1, 1)
    assert len(model.predict()) == 3


def test_a_two_way_cell_forecasts_from_the_end_only(frame: pd.DataFrame) -> None:
    assert not is_causal("bigru")
    assert fc.Forecaster(6, model="bigru", **QUICK).fit(frame).resolved_.origins == 1
    with pytest.raises(ConfigError, match="origins=3 with bigru"):
        fc.Forecaster(6, model="bigru", origins=3, **QUICK).fit(frame)


@pytest.mark.parametrize("cell", ["gru", "lstm"])
def test_delayed_copy(cell: str) -> None:
    """The value of a marked step, asked for 50 steps later; guessing has a mean squared error of 1/12."""
    torch.manual_seed(0)
    core, linear = RecurrentCore(cell, 2, 32, 1, 0.0), nn.Linear(32, 1)
    parts = [*core.parameters(), *linear.parameters()]
    optimiser = torch.optim.Adam(parts, 1e-2)
    for _ in range(300):
        steps = torch.rand(64, 51, 2)
        steps[:, :, 1] = 0.0
        steps[:, 0, 1] = 1.0
        loss = (linear(core(steps)[:, -1])[:, 0] - steps[:, 0, 0]).square().mean()
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(parts, 1.0)
        optimiser.step()
    assert float(loss.detach()) < 0.01


@pytest.mark.parametrize("model", ["seq2seq", "attention", "luong"])
def test_seq2seq_reads_the_future(model: str) -> None:
    """Levels move with what is known of the future, step by step."""
    generator = np.random.default_rng(0)
    push = generator.normal(size=(20, 200))
    y = push.cumsum(axis=1) * 0.5 + generator.normal(0, 0.05, (20, 200))
    ids = np.repeat([f"s{k:02}" for k in range(20)], 200)
    table = pd.DataFrame({"unique_id": ids, "ds": np.tile(np.arange(200), 20), "y": y.ravel(), "push": push.ravel()})
    settings = {**LEARNING, "segment": 4, "lookback": 24, "steps": 150, "season_length": 1}
    with_it = fc.evaluate(table, 8, models=model, cutoffs=3, known=["push"], **settings).metrics["mae"]
    without = fc.evaluate(table, 8, models=model, cutoffs=3, **settings).metrics["mae"]
    assert with_it < 0.4 * without


def test_teacher_forcing_by_hand() -> None:
    torch.manual_seed(0)
    decoder = Seq2SeqDecoder(DecoderSizes(hidden_size=8, horizon=6, width=1, segment=2))
    states, anchor = torch.randn(3, 5, 8), torch.randn(3, 2, 6)
    own = decoder(Context(states, 2, anchor))
    told = decoder(Context(states, 2, anchor, teacher=anchor + own[..., 0], forcing=1.0))
    assert torch.allclose(own, told, atol=1e-6), "told what it said itself, it says the same"
    other = decoder(Context(states, 2, anchor, teacher=anchor + 5, forcing=1.0))
    assert torch.equal(own[:, :, :2], other[:, :, :2]), "the first segment has read nothing"
    assert not torch.allclose(own[:, :, 2:], other[:, :, 2:])


@pytest.mark.parametrize("kind", [AdditiveAttention, DotAttention])
def test_attention_by_hand(kind: type[nn.Module]) -> None:
    attention = kind(2)
    with torch.no_grad():
        for parameter in attention.parameters():
            parameter.zero_()
        attention.key.weight.copy_(torch.eye(2))  # type: ignore[union-attr]
        if kind is AdditiveAttention:
            attention.score.weight.fill_(1.0)  # type: ignore[union-attr]
    states = torch.tensor([[[0.0, 0.0], [1.0, 2.0], [3.0, 1.0]]])
    query = torch.tensor([[[1.0, 0.0], [0.0, 1.0]]])  # the last two of the three steps are origins
    weights = attention.weights(query, states)  # type: ignore[operator]
    scores = torch.tanh(states[0]).sum(-1) if kind is AdditiveAttention else None
    for number in range(2):
        raw = scores if scores is not None else states[0] @ query[0, number]
        expected = raw[: number + 2].softmax(0)
        assert torch.allclose(weights[0, number, : number + 2], expected)
    assert weights[0, 0, 2] == 0, "an origin attends to nothing after it"
    assert torch.allclose(attention(query, states)[0, 1], weights[0, 1] @ states[0])


def test_attention_finds_the_lag() -> None:
    """The forecast is the value of one marked step of the lookback; attention learns to look there."""
    torch.manual_seed(0)
    attention, linear = AdditiveAttention(8), nn.Linear(8, 1)
    enter = nn.Linear(2, 8)
    parts = [*attention.parameters(), *linear.parameters(), *enter.parameters()]
    optimiser = torch.optim.Adam(parts, 1e-2)
    for _ in range(300):
        steps = torch.randn(64, 12, 2)
        steps[:, :, 1] = 0.0
        steps[:, 4, 1] = 3.0
        states = enter(steps)
        loss = (linear(attention(states[:, -1:], states))[:, 0, 0] - steps[:, 4, 0]).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    weights = attention.weights(states[:, -1:], states)[:, 0].mean(0)
    assert int(weights.argmax()) == 4
    assert weights[4] > 0.5


def test_a_cell_of_your_own(frame: pd.DataFrame) -> None:
    made = fc.Forecaster(6, model=Leaky, **QUICK).fit(frame)
    found = made.predict()
    made.save("model")
    assert same(fc.load("model", cells={"Leaky": Leaky}).predict(), found)
    assert made.settings.model == "Leaky"
    del CELLS["Leaky"]
    with pytest.raises(ModelError, match="cell 'Leaky', which is not known"):
        fc.load("model")
    with pytest.raises(ConfigError, match="depends on a later step"):
        fc.Forecaster(6, model=Peeking)
    with pytest.raises(ConfigError, match="TypeError"):
        fc.Forecaster(6, model=Broken)
    taken = type("gru", (Leaky,), {})
    with pytest.raises(ConfigError, match="taken"):
        fc.Forecaster(6, model=taken)


def test_names_set_what_their_papers_set(frame: pd.DataFrame) -> None:
    model = fc.Forecaster(6, model="mqrnn", **QUICK)
    assert model.settings.quantiles == (0.1, 0.5, 0.9)
    assert "q10" in model.fit(frame).predict().columns
    assert fc.Forecaster(6, model="mqrnn", quantiles=(0.5,)).settings.quantiles == (0.5,)
    assert fc.Forecaster(6, model="segrnn").settings.decoder == "position"


def test_a_transformer_step_attends_backwards_only() -> None:
    layer = CELLS["transformer"](3, 8)
    steps = torch.randn(2, 6, 3)
    later = steps.clone()
    later[:, 4:] += 1
    with torch.no_grad():
        assert torch.allclose(layer(steps)[:, :4], layer(later)[:, :4], atol=1e-6)
        assert not torch.allclose(layer(steps)[:, 4:], layer(later)[:, 4:])
