"""The table of recurrent cells by name; each name is a model's name, too.

Nothing heavy is imported until a cell is built, so that the command line can list the cells quickly.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import nn

CellMaker = Callable[[int, int], "nn.Module"]
SOURCE_OF_USER_CELLS = "you"
CELLS_MODULE = "forecast.networks.cells"


@dataclass(frozen=True, kw_only=True)
class Cell:
    """A line of the table of cells.

    Args:
        what: a phrase that describes the cell in `forecast models list`.
        made_by: the class of the cell, or its place as "module:name". It is called with the input size and the hidden
            size, and makes a module that maps (batch, time, input size) to (batch, time, hidden size). No step reads
            a later one, unless the class says `causal = False`.
        source: authors and year of the paper that the cell comes from; empty by default.
        settings: values by name of the settings that the model of this name fills in where the user left them open;
            empty by default.
        cost: CPU time of a training step as a multiple of a `gru` step, as text (`tests/benchmarks/family.py`
            measures it); empty where it was not measured.
    """

    what: str
    made_by: str | CellMaker
    source: str = ""
    settings: dict[str, Any] = field(default_factory=dict)
    cost: str = ""

    def __call__(self, input_size: int, hidden_size: int) -> nn.Module:
        """Make a layer with fresh weights, which maps (batch, time, input size) to (batch, time, hidden size)."""
        maker: CellMaker = resolve_name(self.made_by) if isinstance(self.made_by, str) else self.made_by
        return maker(input_size, hidden_size)


CELLS: dict[str, Cell] = {
    "gru": Cell(what="gated recurrent units", made_by=f"{CELLS_MODULE}:GRU", source="Cho et al. 2014", cost="1"),
    "lstm": Cell(
        what="long short-term memory",
        made_by=f"{CELLS_MODULE}:LSTM",
        source="Hochreiter & Schmidhuber 1997",
        cost="1.0",
    ),
    "rnn": Cell(what="plain recurrent network, tanh", made_by=f"{CELLS_MODULE}:RNN", source="Elman 1990", cost="0.8"),
    "rnn_relu": Cell(
        what="plain recurrent network, relu", made_by=f"{CELLS_MODULE}:ReluRNN", source="Le et al. 2015", cost="0.8"
    ),
    "mingru": Cell(
        what="GRU whose gates do not read the state",
        made_by=f"{CELLS_MODULE}:MinGRU",
        source="Feng et al. 2024",
        cost="1.5",
    ),
    "slstm": Cell(
        what="LSTM with exponential gates", made_by=f"{CELLS_MODULE}:SLSTM", source="Beck et al. 2024", cost="1.6"
    ),
    "bigru": Cell(
        what="GRU that reads the lookback both ways",
        made_by=f"{CELLS_MODULE}:BiGRU",
        source="Schuster & Paliwal 1997",
        cost="1.3",
    ),
    "bilstm": Cell(
        what="LSTM that reads the lookback both ways",
        made_by=f"{CELLS_MODULE}:BiLSTM",
        source="Schuster & Paliwal 1997",
        cost="0.8",
    ),
    "transformer": Cell(
        what="causal transformer encoder over the same segments, the comparator",
        made_by=f"{CELLS_MODULE}:CausalAttention",
        source="Vaswani et al. 2017",
        settings={"layers": 2, "learning_rate": 2e-3},
        cost="1.7",
    ),
}
