"""Recurrent layers, which map (batch, time, input size) to (batch, time, hidden size).

Every layer is made from `input_size` and `hidden_size`, both counts of features, and its state starts at zero. It is
causal, so that its output at a step has read no later step, unless its class says `causal = False`. A new one is a
class here and a line in `CELLS` (`forecast/networks/cell_table.py`).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from forecast.datasets.errors import ConfigError, Problem
from forecast.networks.cell_table import CELLS, SOURCE_OF_USER_CELLS, Cell, CellMaker

LONGEST_INITIAL_MEMORY = 50  # steps


class TorchCell(nn.Module):
    """One of torch's recurrent layers, as torch defines it.

    Args:
        layer: a module of one recurrent layer, made with `batch_first=True`.
    """

    def __init__(self, layer: nn.RNNBase) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, steps: Tensor) -> Tensor:
        """Map (batch, time, input size) to the states at every step, (batch, time, hidden size)."""
        hidden: Tensor = self.layer(steps)[0]
        return hidden


class RNN(TorchCell):
    """A plain recurrent layer with a hyperbolic tangent.

    References:
        Elman (1990), Finding Structure in Time.
    """

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(nn.RNN(input_size, hidden_size, batch_first=True, nonlinearity="tanh"))


class ReluRNN(TorchCell):
    """A plain recurrent layer with a rectifier, whose weights start as torch starts them.

    References:
        Le et al. (2015), A Simple Way to Initialize Recurrent Networks of Rectified Linear Units (we do not use its
        identity initialisation).
    """

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(nn.RNN(input_size, hidden_size, batch_first=True, nonlinearity="relu"))


class GRU(TorchCell):
    """A layer of gated recurrent units.

    References:
        Cho et al. (2014), Learning Phrase Representations using RNN Encoder-Decoder for Statistical Machine
        Translation.
    """

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(nn.GRU(input_size, hidden_size, batch_first=True))


class LSTM(TorchCell):
    """Long short-term memory whose forget gates, before training, remember for 1 to `LONGEST_INITIAL_MEMORY` steps.

    A forget gate of bias b forgets about 1 / (1 + exp(b)) of its state at each step; b = log(t) remembers for about t
    steps. The times t are drawn uniformly. With torch's own biases half of the state is gone after each step, and a lag
    of 50 steps is never learnt.

    References:
        Hochreiter & Schmidhuber (1997), Long Short-Term Memory; Tallec & Ollivier (2018), Can Recurrent Neural Networks
        Warp Time? (chrono initialisation).
    """

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(nn.LSTM(input_size, hidden_size, batch_first=True))
        keep = torch.log(1 + torch.rand(hidden_size) * (LONGEST_INITIAL_MEMORY - 1))
        with torch.no_grad():
            # torch stacks the gates as input, forget, cell, output; what is kept is not overwritten
            self.layer.get_parameter("bias_ih_l0")[: 2 * hidden_size] = torch.cat([-keep, keep])


class MinGRU(nn.Module):
    """A GRU whose gate and candidate do not read the state, so that all steps are computed at once.

    The state is h(t) = (1 - z(t)) h(t-1) + z(t) g(c(t)), where z = sigmoid(W x) is the gate, c = V x is the candidate,
    and g(c) is c + 0.5 where c >= 0, else sigmoid(c). Because g is positive, the states can be computed in logarithms.

    References:
        Feng et al. (2024), Were RNNs All We Needed?, with the scan in logarithms of their appendix B.
    """

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.linear = nn.Linear(input_size, 2 * hidden_size)

    def forward(self, steps: Tensor) -> Tensor:
        """Map (batch, time, input size) to the states at every step, (batch, time, hidden size)."""
        gate, candidate = self.linear(steps).chunk(2, -1)
        log_keep = -nn.functional.softplus(gate).cumsum(1)  # log of the product of (1 - z) up to each step
        log_new = -nn.functional.softplus(-gate) + _log_positive(candidate)
        return (log_keep + torch.logcumsumexp(log_new - log_keep, 1)).exp()

    def recursive(self, steps: Tensor) -> Tensor:
        """Compute the same states as `forward`, one step after the other; tests compare the two."""
        gate, candidate = self.linear(steps).chunk(2, -1)
        state, states = torch.zeros_like(candidate[:, 0]), []
        for z, g in zip(gate.sigmoid().unbind(1), _log_positive(candidate).exp().unbind(1), strict=True):
            state = (1 - z) * state + z * g
            states.append(state)
        return torch.stack(states, 1)


class SLSTM(nn.Module):
    """An LSTM with an exponential input gate, a normaliser state, and a stabiliser that keeps the exponentials finite.

    References:
        Beck et al. (2024), xLSTM: Extended Long Short-Term Memory, section 2.2 (with a sigmoid forget gate).
    """

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.input = nn.Linear(input_size, 4 * hidden_size)
        self.state = nn.Linear(hidden_size, 4 * hidden_size, bias=False)

    def forward(self, steps: Tensor) -> Tensor:
        """Map (batch, time, input size) to the states at every step, (batch, time, hidden size)."""
        from_input = self.input(steps)  # (batch, time, 4 * hidden): input gate, forget gate, value, output gate
        hidden = from_input.new_zeros(len(steps), from_input.shape[-1] // 4)
        cell, normaliser, stabiliser = hidden, hidden, hidden
        states = []
        for number, row in enumerate(from_input.unbind(1)):
            log_input, forget, value, output = (row + self.state(hidden)).chunk(4, -1)
            log_keep = nn.functional.logsigmoid(forget) + stabiliser
            stabiliser = torch.maximum(log_keep, log_input) if number else log_input
            old = (log_keep - stabiliser).exp() if number else torch.zeros_like(log_keep)
            new = (log_input - stabiliser).exp()
            cell, normaliser = old * cell + new * value.tanh(), old * normaliser + new
            hidden = output.sigmoid() * cell / normaliser
            states.append(hidden)
        return torch.stack(states, 1)


class Bidirectional(nn.Module):
    """A layer that reads the steps forwards, beside one that reads them backwards; each has half of the hidden size.

    Every state has seen the whole lookback. Only the state at the crop's end may forecast, so a crop has one origin.

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
        """Map (batch, time, input size) to the states at every step, (batch, time, hidden size)."""
        forwards, backwards = self.forwards(steps)[0], self.backwards(steps.flip(1))[0].flip(1)
        # the backward layer has read everything at the first step; the forecast is made from the last
        both = torch.cat([forwards, backwards[:, :1].expand(-1, steps.shape[1], -1)], -1)
        out: Tensor = self.out(both)
        return out


class BiGRU(Bidirectional):
    """A bidirectional layer of gated recurrent units."""

    layer = nn.GRU


class BiLSTM(Bidirectional):
    """A bidirectional layer of long short-term memory."""

    layer = nn.LSTM


class CausalAttention(nn.Module):
    """A transformer encoder layer, in which each step attends to itself and to the steps before it.

    A penalty on the scores grows linearly with the distance, each head with a slope of its own, so that nearer steps
    are preferred. There are 4 heads, or fewer where the hidden size cannot be divided by 4.

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
        """Map (batch, time, input size) to the states at every step, (batch, time, hidden size)."""
        x = self.enter(steps)
        batch, time, width = x.shape
        # (query, key or value; batch; head; time; features of a head)
        query, key, value = self.qkv(self.before(x)).reshape(batch, time, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        number = torch.arange(time, device=x.device)
        distance = (number[:, None] - number).to(x.dtype)
        slopes = 2.0 ** (-8.0 / self.heads * torch.arange(1, self.heads + 1, device=x.device, dtype=x.dtype))
        penalty = torch.where(distance < 0, -torch.inf, -slopes[:, None, None] * distance)
        attended = nn.functional.scaled_dot_product_attention(query, key, value, attn_mask=penalty)
        x = x + self.out(attended.transpose(1, 2).reshape(batch, time, width))
        out: Tensor = x + self.feed(self.between(x))
        return out


def register_cell(name: str, cell: CellMaker) -> None:
    """Add a user's cell to `CELLS`, for this process.

    Args:
        name: the name that the cell, and the model of it, will have.
        cell: the class of the cell, called with the input size and the hidden size.

    Raises:
        ConfigError: if the name is taken by another, or the cell does not keep the contract: (batch, time, feature)
            in, (batch, time, hidden) out, no step reading a later one.
    """
    if name in CELLS and CELLS[name].made_by is cell:
        return
    if name in CELLS and CELLS[name].source != SOURCE_OF_USER_CELLS:
        problems = [Problem(what=f"the name {name!r} is taken", remedy="Rename the class.")]
    else:
        problems = _contract_problems(name, cell)
    if problems:
        raise ConfigError(f"{name} cannot be used as a cell", problems=problems)
    CELLS[name] = Cell(what="your own cell", made_by=cell, source=SOURCE_OF_USER_CELLS)


def is_causal(name: str) -> bool:
    """Return whether no state of the cell of this name has read a later step."""
    with torch.random.fork_rng(devices=[]):
        return bool(getattr(CELLS[name](2, 2), "causal", True))


def _contract_problems(name: str, cell: CellMaker) -> list[Problem]:
    """Try a user's cell on a random batch, and list how it breaks the contract of a cell."""
    expected = f"{name}(3, 4) maps (2, 5, 3) to (2, 5, 4)"
    try:
        with torch.random.fork_rng(devices=[]), torch.no_grad():
            layer, steps = cell(3, 4).eval(), torch.randn(2, 5, 3)
            states = layer(steps)
            states_of_other_end = layer(torch.cat([steps[:, :-1], steps[:, -1:] + 1], 1))
    except Exception as error:  # whatever the user's class raises is the problem to report
        return [Problem(what=f"{type(error).__name__}: {error}", expected=expected)]
    if not isinstance(states, Tensor) or states.shape != (2, 5, 4):
        shape = tuple(states.shape) if isinstance(states, Tensor) else type(states).__name__
        return [Problem(what=f"its output is {shape}", expected=expected)]
    causal = torch.allclose(states[:, :-1], states_of_other_end[:, :-1], atol=1e-5)
    if getattr(layer, "causal", True) and not causal:
        remedy = "Set causal = False on the class; it then forecasts from the crop's end only."
        return [Problem(what="a step's state depends on a later step", expected="a causal cell", remedy=remedy)]
    return []


class RecurrentCore(nn.Module):
    """A stack of recurrent layers, each with a residual connection around it where the widths agree.

    Args:
        cell: a name in `CELLS`.
        input_size: number of features of each step.
        hidden_size: number of features of each layer's state.
        layers: number of stacked layers.
        dropout: probability that a feature is dropped on its way from one layer to the next; the first layer reads
            every feature.
        dilations: for each layer, the number of steps from one of its states to the next; empty (the default) means
            1 for every layer.

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
        """Map (batch, time, input size) to (batch, time, hidden size); with causal cells state t reads steps 0 to t."""
        for number, (layer, dilation) in enumerate(zip(self.layers, self.dilations, strict=True)):
            inputs = self.dropout(steps) if number else steps
            hidden = _dilated(layer, inputs, dilation)
            steps = hidden + steps if self.residual[number] else hidden
        return steps


def _dilated(layer: nn.Module, steps: Tensor, dilation: int) -> Tensor:
    """Run a layer over every `dilation`-th step, once from each of the first `dilation` steps.

    Args:
        layer: maps (batch, time, input size) to (batch, time, hidden size).
        steps: (batch, time, input size).
        dilation: number of steps from one state to the next.

    Returns:
        (batch, time, hidden size).
    """
    if dilation == 1:
        out: Tensor = layer(steps)
        return out
    batch, time, width = steps.shape
    # padding stands at the end, where no other step of a causal layer can see it
    padded = nn.functional.pad(steps, (0, 0, 0, -time % dilation))
    # (batch * dilation, time / dilation, input size): the phases are sequences beside one another in the batch
    phases = padded.reshape(batch, -1, dilation, width).transpose(1, 2).flatten(0, 1)
    hidden: Tensor = layer(phases)
    return hidden.reshape(batch, dilation, padded.shape[1] // dilation, -1).transpose(1, 2).flatten(1, 2)[:, :time]


def _log_positive(values: Tensor) -> Tensor:
    """Compute log(g(x)) of `MinGRU`: log(x + 0.5) where x >= 0, log(sigmoid(x)) below."""
    return torch.where(values >= 0, (values.relu() + 0.5).log(), -nn.functional.softplus(-values))
