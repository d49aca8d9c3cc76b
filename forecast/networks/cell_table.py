"""Recurrent cells by name; each is a model of that name, too. Nothing heavy is imported until a cell is built."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import nn

CellMaker = Callable[[int, int], "nn.Module"]
OWN = "you"  # the source of a cell that a user registered
HOME = "forecast.networks.cells"


@dataclass(frozen=True, kw_only=True)
class Cell:
    """A line of the table of cells.

    Args:
        what: one sentence for `forecast models list`.
        made_by: "module:name" of its class, or the class itself: (input size, hidden size) -> a module that maps
            (batch, time, input size) to (batch, time, hidden size); no step reads a later one, unless the class says
            `causal = False`.
        source: the paper it comes from.
        settings: what the model of this name sets where the user left it open.
        cost: of a training step, in `gru`'s (`tests/benchmarks/family.py`).
    """

    what: str
    made_by: str | CellMaker
    source: str = ""
    settings: dict[str, Any] = field(default_factory=dict)
    cost: str = ""

    def __call__(self, input_size: int, hidden_size: int) -> nn.Module:
        """A layer with fresh weights."""
        maker: CellMaker = resolve_name(self.made_by) if isinstance(self.made_by, str) else self.made_by
        return maker(input_size, hidden_size)


CELLS: dict[str, Cell] = {
    "gru": Cell(what="gated recurrent units", made_by=f"{HOME}:GRU", source="Cho et al. 2014", cost="1"),
    "lstm": Cell(
        what="long short-term memory", made_by=f"{HOME}:LSTM", source="Hochreiter & Schmidhuber 1997", cost="1.0"
    ),
    "rnn": Cell(what="plain recurrent network, tanh", made_by=f"{HOME}:RNN", source="Elman 1990", cost="0.8"),
    "rnn_relu": Cell(
        what="plain recurrent network, relu", made_by=f"{HOME}:ReluRNN", source="Le et al. 2015", cost="0.8"
    ),
    "mingru": Cell(
        what="GRU whose gates do not read the state", made_by=f"{HOME}:MinGRU", source="Feng et al. 2024", cost="1.5"
    ),
    "slstm": Cell(what="LSTM with exponential gates", made_by=f"{HOME}:SLSTM", source="Beck et al. 2024", cost="1.6"),
    "bigru": Cell(
        what="GRU that reads the lookback both ways",
        made_by=f"{HOME}:BiGRU",
        source="Schuster & Paliwal 1997",
        cost="1.3",
    ),
    "bilstm": Cell(
        what="LSTM that reads the lookback both ways",
        made_by=f"{HOME}:BiLSTM",
        source="Schuster & Paliwal 1997",
        cost="0.8",
    ),
    "transformer": Cell(
        what="causal transformer encoder over the same segments, the comparator",
        made_by=f"{HOME}:CausalAttention",
        source="Vaswani et al. 2017",
        settings={"layers": 2, "learning_rate": 2e-3},
        cost="1.7",
    ),
}
