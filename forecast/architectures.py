"""Models by name: `auto`, the recurrent networks, the baselines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Any, Protocol, Self

from numpy.typing import NDArray

from forecast.baselines import BASELINES
from forecast.baselines.base import Baseline
from forecast.datasets.errors import ConfigError, Problem
from forecast.datasets.panel import Panel
from forecast.datasets.windows.origins import Origins
from forecast.networks.cell_table import CELLS, Cell, CellMaker
from forecast.progress import Progress
from forecast.protocol import Prediction
from forecast.settings import Settings

if TYPE_CHECKING:
    from pytorch_lightning.loggers import Logger


class Saveable(Protocol):
    """What a named model adds to `Model`, so that it can be saved without pickle."""

    name: str
    horizon: int
    cpu_seconds_elsewhere: float  # that other processes spent on the last fit

    @classmethod
    def make(
        cls,
        settings: Settings,
        season_length: int,
        *,
        cell: str = "",
        progress: Progress | None = None,
        logger: Logger | None = None,
    ) -> Self:
        """An unfitted model; arguments as of `build`, and the cell of its line in the table."""

    @property
    def context(self) -> int | None:
        """Rows of history a forecast reads; None reads all."""

    @property
    def uncertain(self) -> bool:
        """Whether forecasts have quantiles."""

    def plan(self, panel: Panel) -> tuple[Settings, dict[str, str]]: ...
    def fit(self, panel: Panel) -> Any: ...
    def predict(self, panel: Panel, origins: Origins) -> Prediction: ...
    def state(self) -> dict[str, NDArray[Any]]: ...
    def restore(self, state: dict[str, NDArray[Any]]) -> None: ...


@dataclass(frozen=True, kw_only=True)
class Architecture:
    """A line of the table of models.

    Args:
        what: one sentence for `forecast models list`.
        kind: "network" or "baseline".
        made_by: "module:name" of the class, whose `make` builds an unfitted model.
        cell: the network's cell in `CELLS`.
        source: where it comes from.
        settings: what the name sets where the user left it open.
        cold: whether it forecasts series without a history.
        reads: which covariates it can use.
        cost: of a training step, in `gru`'s, each with the settings its name sets (`tests/benchmarks/family.py`).
    """

    what: str
    kind: str
    made_by: str = "forecast.models.recurrent:RecurrentModel"
    cell: str = ""
    source: str = ""
    settings: dict[str, Any] = field(default_factory=dict)
    cold: bool = False
    reads: str = "static, known, past"
    cost: str = ""

    @classmethod
    def of_cell(cls, name: str, cell: Cell) -> Architecture:
        """The plain network of a cell."""
        line = cls(what=cell.what, kind="network", cell=name)
        return replace(line, source=cell.source, settings=cell.settings, cost=cell.cost)

    @classmethod
    def of_baseline(cls, baseline: type[Baseline]) -> Architecture:
        """A model without a network."""
        made_by = f"{baseline.__module__}:{baseline.__qualname__}"
        return cls(what=baseline.what, kind="baseline", made_by=made_by, source=baseline.source, reads="none")


RECOMMENDED: dict[str, Architecture] = {
    "auto": Architecture(
        what="networks blended with statistical forecasts and boosting",
        kind="network",
        made_by="forecast.automatic.ensemble:Ensemble",
        cell="gru",
        source="this toolkit",
    ),
}
# Networks with more to their name than a cell; those of a plain cell are in `CELLS`, the baselines in `BASELINES`.
NETWORKS: dict[str, Architecture] = {
    "seq2seq": Architecture(
        what="encoder and decoder, fed its own forecasts",
        kind="network",
        cell="gru",
        source="Sutskever et al. 2014",
        settings={"decoder": "seq2seq"},
        cost="1.6",
    ),
    "attention": Architecture(
        what="encoder and decoder with additive attention",
        kind="network",
        cell="gru",
        source="Bahdanau et al. 2015",
        settings={"decoder": "attention"},
        cost="2.9",
    ),
    "luong": Architecture(
        what="encoder and decoder with dot-product attention",
        kind="network",
        cell="gru",
        source="Luong et al. 2015",
        settings={"decoder": "luong"},
        cost="1.8",
    ),
    "deepar": Architecture(
        what="LSTM that forecasts a step's distribution and is fed what is drawn from it",
        kind="network",
        made_by="forecast.models.deepar:RecursiveModel",
        cell="lstm",
        source="Salinas et al. 2020",
        settings={"segment": 1, "layers": 2, "head": "student_t"},
        reads="static, known",
        cost="1.9; a whole pass a step and sample to forecast",
    ),
    "one_to_many": Architecture(
        what="cold start: a whole horizon from static and known covariates, no history",
        kind="network",
        made_by="forecast.models.covariates_only:ColdStartModel",
        cell="gru",
        source="Karpathy 2015",
        cold=True,
        reads="static, known",
    ),
    "aligned": Architecture(
        what="the target at each row from the covariates up to it (nowcast, soft sensor)",
        kind="network",
        made_by="forecast.models.covariates_only:AlignedModel",
        cell="gru",
        source="Graves 2012",
        reads="static, known",
    ),
    "mqrnn": Architecture(
        what="LSTM, forked origins, quantiles",
        kind="network",
        cell="lstm",
        source="Wen et al. 2017",
        settings={"segment": 1, "quantiles": (0.1, 0.5, 0.9)},
        cost="1.4",
    ),
    "esrnn": Architecture(
        what="exponential smoothing of each series, learnt together with a stack of dilated LSTMs",
        kind="network",
        made_by="forecast.models.esrnn:SmoothingModel",
        cell="lstm",
        source="Smyl 2020",
        settings={
            "layers": 4,
            "dilations": (1, 2, 4, 8),
            "highway": "zero",
            "base": "last",
            "normaliser": "last",
        },
        cost="3.8",
    ),
    "segrnn": Architecture(
        what="GRU over segments, parallel position decoder, last-value normaliser",
        kind="network",
        cell="gru",
        source="Lin et al. 2023",
        settings={"origins": 1, "decoder": "position", "normaliser": "last", "highway": "zero"},
        cost="0.9",
    ),
}


class Architectures(Mapping[str, Architecture]):
    """Every model by name: the recommended one, a network for each cell, the other networks, the baselines."""

    def __getitem__(self, name: str) -> Architecture:
        return self._lines()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._lines())

    def __len__(self) -> int:
        return len(self._lines())

    def _lines(self) -> dict[str, Architecture]:
        cells = {name: Architecture.of_cell(name, cell) for name, cell in CELLS.items()}
        baselines = {name: Architecture.of_baseline(baseline) for name, baseline in BASELINES.items()}
        return {**RECOMMENDED, **cells, **NETWORKS, **baselines}


ARCHITECTURES = Architectures()


def architecture(name: str) -> Architecture:
    """The line of the table, or an error that names the nearest."""
    if name in ARCHITECTURES:
        return ARCHITECTURES[name]
    near = get_close_matches(str(name), ARCHITECTURES, n=1)
    hint = f"Did you mean {near[0]!r}? " if near else ""
    problem = Problem(what=f"unknown model {name!r}", expected=f"one of {', '.join(ARCHITECTURES)}")
    raise ConfigError(
        f"unknown model {name!r}", hint=f"{hint}`forecast models list` shows them all.", problems=[problem]
    )


def with_defaults(given: Mapping[str, Any]) -> dict[str, Any]:
    """What was asked for, and what the architecture's name sets beside it."""
    return {**architecture(given.get("model", "auto")).settings, **given}


def register(cells: Mapping[str, CellMaker]) -> None:
    """Add models of the user's own cells to the table, for this process.

    Raises:
        ConfigError: if a cell does not keep the contract of cells, or its name is taken.
    """
    for name, cell in cells.items():
        if name in ARCHITECTURES and name not in CELLS:
            problem = Problem(what=f"the name {name!r} is taken", remedy="Rename the class.")
            raise ConfigError(f"{name} cannot be used as a cell", problems=[problem])
        from forecast.networks.cells import register_cell  # torch, which only the check of a cell needs

        register_cell(name, cell)


def build(
    settings: Settings, season_length: int, *, progress: Progress | None = None, logger: Logger | None = None
) -> Saveable:
    """An unfitted model.

    Args:
        settings: what was asked for; `settings.model` names it.
        season_length: steps in a season.
        progress: told of each training step.
        logger: a Lightning logger for the learning curve.
    """
    line = architecture(settings.model)
    maker: type[Saveable] = resolve_name(line.made_by)
    return maker.make(settings, season_length, cell=line.cell, progress=progress, logger=logger)
