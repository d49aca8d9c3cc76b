"""Recurrent layers by name: (batch, time, feature) in, (batch, time, hidden) out, causal."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn


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


Cell = Callable[[int, int], nn.Module]

# One line a cell: (input size, hidden size) -> a module.
CELLS: dict[str, Cell] = {
    "rnn": lambda i, h: TorchCell(nn.RNN(i, h, batch_first=True, nonlinearity="tanh")),
    "rnn_relu": lambda i, h: TorchCell(nn.RNN(i, h, batch_first=True, nonlinearity="relu")),
    "lstm": lambda i, h: TorchCell(nn.LSTM(i, h, batch_first=True)),
    "gru": lambda i, h: TorchCell(nn.GRU(i, h, batch_first=True)),
    "mingru": MinGRU,
    "slstm": SLSTM,
}


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
