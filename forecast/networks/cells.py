"""Recurrent layers: (batch, time, feature) in, (batch, time, hidden) out, causal unless they say otherwise.

A new one is a class here and a line in `CELLS` (`forecast/networks/cell_table.py`).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from forecast.datasets.errors import ConfigError, Problem
from forecast.networks.cell_table import CELLS, OWN, Cell, CellMaker

LONGEST = 50  # steps an LSTM's gates hold at first


class TorchCell(nn.Module):
    """One of torch's recurrent layers, as torch defines it.

    Args:
        layer: batch first, one layer.
    """

    def __init__(self, layer: nn.RNNBase) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, steps: Tensor) -> Tensor:
        hidden: Tensor = self.layer(steps)[0]
        return hidden


class RNN(TorchCell):
    """A plain recurrent layer with a hyperbolic tangent."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(nn.RNN(input_size, hidden_size, batch_first=True, nonlinearity="tanh"))


class ReluRNN(TorchCell):
    """A plain recurrent layer with a rectifier."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(nn.RNN(input_size, hidden_size, batch_first=True, nonlinearity="relu"))


class GRU(TorchCell):
    """Gated recurrent units."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(nn.GRU(input_size, hidden_size, batch_first=True))


class LSTM(TorchCell):
    """Long short-term memory whose forget gates at first hold what they hold for 1 to `LONGEST` steps.

    The gates are spread evenly in logarithms of these times: with torch's own start half is gone at each step, and a
    lag of 50 is never learnt.

    References:
        Tallec & Ollivier (2018), Can Recurrent Neural Networks Warp Time? (chrono initialisation).
    """

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(nn.LSTM(input_size, hidden_size, batch_first=True))
        keep = torch.log(1 + torch.rand(hidden_size) * (LONGEST - 1))
        with torch.no_grad():
            self.layer.get_parameter("bias_ih_l0")[: 2 * hidden_size] = torch.cat([-keep, keep])


class MinGRU(nn.Module):
    """A GRU whose gate and candidate do not read the state, so that all steps are computed at once.

    h(t) = (1 - z(t)) h(t-1) + z(t) g(t), with z = sigmoid(W x) and g = x + 0.5 above 0 and sigmoid below, W apart.

    References:
        Feng et al. (2024), Were RNNs All We Needed?, with the scan in logarithms of their appendix B.
    """

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.linear = nn.Linear(input_size, 2 * hidden_size)

    def forward(self, steps: Tensor) -> Tensor:
        gate, candidate = self.linear(steps).chunk(2, -1)
        log_keep = -nn.functional.softplus(gate).cumsum(1)
        log_new = -nn.functional.softplus(-gate) + _log_positive(candidate)
        return (log_keep + torch.logcumsumexp(log_new - log_keep, 1)).exp()

    def recursive(self, steps: Tensor) -> Tensor:
        """The same, one step after the other."""
        gate, candidate = self.linear(steps).chunk(2, -1)
        state, states = torch.zeros_like(candidate[:, 0]), []
        for z, g in zip(gate.sigmoid().unbind(1), _log_positive(candidate).exp().unbind(1), strict=True):
            state = (1 - z) * state + z * g
            states.append(state)
        return torch.stack(states, 1)


class SLSTM(nn.Module):
    """LSTM with exponential gates, a normaliser state, and a stabiliser that keeps the exponentials finite.

    References:
        Beck et al. (2024), xLSTM: Extended Long Short-Term Memory, section 2.2.
    """

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.input = nn.Linear(input_size, 4 * hidden_size)
        self.state = nn.Linear(hidden_size, 4 * hidden_size, bias=False)

    def forward(self, steps: Tensor) -> Tensor:
        read = self.input(steps)
        hidden = read.new_zeros(len(steps), read.shape[-1] // 4)
        cell, count, largest = hidden, hidden, hidden
        states = []
        for number, row in enumerate(read.unbind(1)):
            enter, forget, value, out = (row + self.state(hidden)).chunk(4, -1)
            keep = nn.functional.logsigmoid(forget) + largest
            largest = torch.maximum(keep, enter) if number else enter
            old = (keep - largest).exp() if number else torch.zeros_like(keep)
            new = (enter - largest).exp()
            cell, count = old * cell + new * value.tanh(), old * count + new
            hidden = out.sigmoid() * cell / count
            states.append(hidden)
        return torch.stack(states, 1)


class Bidirectional(nn.Module):
    """A layer that reads the steps, beside one that reads them from the last to the first; each has half the width.

    Every state has seen the whole lookback, so only the state at the crop's end may forecast: one origin a crop.

    References:
        Schuster & Paliwal (1997), Bidirectional Recurrent Neural Networks.
    """

    causal = False
    layer: type[nn.GRU] | type[nn.LSTM]

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        half = hidden_size // 2
        self.forwards = self.layer(input_size, hidden_size - half, batch_first=True)
        self.backwards = self.layer(input_size, max(half, 1), batch_first=True)
        self.out = nn.Linear(hidden_size - half + max(half, 1), hidden_size)

    def forward(self, steps: Tensor) -> Tensor:
        there, back = self.forwards(steps)[0], self.backwards(steps.flip(1))[0].flip(1)
        # the backward layer's summary stands at the first step; the forecast is made from the last
        whole = torch.cat([there, back[:, :1].expand(-1, steps.shape[1], -1)], -1)
        out: Tensor = self.out(whole)
        return out


class BiGRU(Bidirectional):
    """Gated recurrent units, both ways."""

    layer = nn.GRU


class BiLSTM(Bidirectional):
    """Long short-term memory, both ways."""

    layer = nn.LSTM


class CausalAttention(nn.Module):
    """A transformer encoder layer: each step attends to the steps up to it, the nearer ones with a head start.

    References:
        Vaswani et al. (2017), Attention Is All You Need; Xiong et al. (2020) (normalisation first); Press et al.
        (2022), Train Short, Test Long (a linear penalty on distance instead of positions).
    """

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.heads = next(n for n in (4, 2, 1) if hidden_size % n == 0)
        self.enter = nn.Identity() if input_size == hidden_size else nn.Linear(input_size, hidden_size)
        self.before, self.between = nn.LayerNorm(hidden_size), nn.LayerNorm(hidden_size)
        self.qkv, self.out = nn.Linear(hidden_size, 3 * hidden_size), nn.Linear(hidden_size, hidden_size)
        self.feed = nn.Sequential(
            nn.Linear(hidden_size, 2 * hidden_size), nn.GELU(), nn.Linear(2 * hidden_size, hidden_size)
        )

    def forward(self, steps: Tensor) -> Tensor:
        x = self.enter(steps)
        batch, time, width = x.shape
        query, key, value = self.qkv(self.before(x)).reshape(batch, time, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        at = torch.arange(time, device=x.device)
        distance = (at[:, None] - at).to(x.dtype)
        slopes = 2.0 ** (-8.0 / self.heads * torch.arange(1, self.heads + 1, device=x.device, dtype=x.dtype))
        penalty = torch.where(distance < 0, -torch.inf, -slopes[:, None, None] * distance)
        seen = nn.functional.scaled_dot_product_attention(query, key, value, attn_mask=penalty)
        x = x + self.out(seen.transpose(1, 2).reshape(batch, time, width))
        out: Tensor = x + self.feed(self.between(x))
        return out


def register_cell(name: str, cell: CellMaker) -> None:
    """Make a cell of the user's own known by its name, for this process.

    Raises:
        ConfigError: if the name is taken by another, or the cell does not keep the contract: (batch, time, feature)
            in, (batch, time, hidden) out, no step reading a later one.
    """
    if name in CELLS and CELLS[name].made_by is cell:
        return
    if name in CELLS and CELLS[name].source != OWN:
        problems = [Problem(what=f"the name {name!r} is taken", remedy="Rename the class.")]
    else:
        problems = _contract_problems(name, cell)
    if problems:
        raise ConfigError(f"{name} cannot be used as a cell", problems=problems)
    CELLS[name] = Cell(what="your own cell", made_by=cell, source=OWN)


def is_causal(name: str) -> bool:
    """Whether no state of the cell has read a later step."""
    with torch.random.fork_rng(devices=[]):
        return bool(getattr(CELLS[name](2, 2), "causal", True))


def _contract_problems(name: str, cell: CellMaker) -> list[Problem]:
    expected = f"{name}(3, 4) maps (2, 5, 3) to (2, 5, 4)"
    try:
        with torch.random.fork_rng(devices=[]), torch.no_grad():
            layer, steps = cell(3, 4).eval(), torch.randn(2, 5, 3)
            found = layer(steps)
            later = layer(torch.cat([steps[:, :-1], steps[:, -1:] + 1], 1))
    except Exception as error:  # whatever the user's class raises is the finding
        return [Problem(what=f"{type(error).__name__}: {error}", expected=expected)]
    if not isinstance(found, Tensor) or found.shape != (2, 5, 4):
        shape = tuple(found.shape) if isinstance(found, Tensor) else type(found).__name__
        return [Problem(what=f"its output is {shape}", expected=expected)]
    if getattr(layer, "causal", True) and not torch.allclose(found[:, :-1], later[:, :-1], atol=1e-5):
        remedy = "Set causal = False on the class; it then forecasts from the crop's end only."
        return [Problem(what="a step's state depends on a later step", expected="a causal cell", remedy=remedy)]
    return []


class RecurrentCore(nn.Module):
    """A stack of recurrent layers, each with a residual connection around it where the widths agree.

    Args:
        cell: a name in `CELLS`.
        input_size: features of each step.
        hidden_size: width of the layers.
        layers: how many are stacked.
        dropout: of what a layer reads, but the first.
        dilations: steps from one state to the next, a number a layer; empty is 1 everywhere.

    References:
        Chang et al. (2017), Dilated Recurrent Neural Networks; Kim et al. (2017), Residual LSTM.
    """

    def __init__(
        self, cell: str, input_size: int, hidden_size: int, layers: int, dropout: float, dilations: tuple[int, ...] = ()
    ) -> None:
        super().__init__()
        sizes = [input_size] + [hidden_size] * (layers - 1)
        self.layers = nn.ModuleList(CELLS[cell](size, hidden_size) for size in sizes)
        self.dilations = dilations or (1,) * layers
        self.residual = [size == hidden_size for size in sizes]
        self.dropout = nn.Dropout(dropout)

    def forward(self, steps: Tensor) -> Tensor:
        """(batch, time, feature) to (batch, time, hidden); step t has read steps 0 to t."""
        for number, (layer, dilation) in enumerate(zip(self.layers, self.dilations, strict=True)):
            read = self.dropout(steps) if number else steps
            hidden = _dilated(layer, read, dilation)
            steps = hidden + steps if self.residual[number] else hidden
        return steps


def _dilated(layer: nn.Module, steps: Tensor, dilation: int) -> Tensor:
    """Every `dilation`-th step is a sequence of its own, beside the others in the batch."""
    if dilation == 1:
        out: Tensor = layer(steps)
        return out
    batch, time, width = steps.shape
    # what is missing is added at the end, where a causal layer's other steps cannot see it
    padded = nn.functional.pad(steps, (0, 0, 0, -time % dilation))
    apart = padded.reshape(batch, -1, dilation, width).transpose(1, 2).flatten(0, 1)
    hidden: Tensor = layer(apart)
    return hidden.reshape(batch, dilation, padded.shape[1] // dilation, -1).transpose(1, 2).flatten(1, 2)[:, :time]


def _log_positive(values: Tensor) -> Tensor:
    """Logarithm of g: log(x + 0.5) above 0, log(sigmoid(x)) below."""
    return torch.where(values >= 0, (values.relu() + 0.5).log(), -nn.functional.softplus(-values))
