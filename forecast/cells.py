"""Recurrent cores by name: (batch, time, feature) in, (batch, time, hidden) out, causal."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn

Cell = Callable[[int, int, int, float], nn.RNNBase]

# One line a cell: (input size, hidden size, layers, dropout) -> a torch recurrent module.
CELLS: dict[str, Cell] = {
    "rnn": lambda i, h, n, p: nn.RNN(i, h, n, batch_first=True, dropout=p, nonlinearity="tanh"),
    "rnn_relu": lambda i, h, n, p: nn.RNN(i, h, n, batch_first=True, dropout=p, nonlinearity="relu"),
    "lstm": lambda i, h, n, p: nn.LSTM(i, h, n, batch_first=True, dropout=p),
    "gru": lambda i, h, n, p: nn.GRU(i, h, n, batch_first=True, dropout=p),
}


class RecurrentCore(nn.Module):
    """A stack of recurrent layers, with a residual connection around it where the widths agree.

    Args:
        cell: a name in `CELLS`.
        input_size: features of each step.
        hidden_size: width of the layers.
        layers: how many are stacked.
        dropout: between layers.
    """

    def __init__(self, cell: str, input_size: int, hidden_size: int, layers: int, dropout: float) -> None:
        super().__init__()
        self.stack = CELLS[cell](input_size, hidden_size, layers, dropout if layers > 1 else 0.0)
        self.residual = input_size == hidden_size

    def forward(self, steps: Tensor) -> Tensor:
        """(batch, time, feature) to (batch, time, hidden); step t has read steps 0 to t."""
        hidden: Tensor = self.stack(steps)[0]
        return hidden + steps if self.residual else hidden
