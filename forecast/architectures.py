"""Every model has a name here: `auto`, the recurrent networks and the baselines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Any, Protocol, Self

from numpy.typing import NDArray

from forecast.baselines import BASELINES
from forecast.baselines.base import Baseline
from forecast.combining.zero import Zero
from forecast.datasets.declarations import DATA, TRACKING, declarations
from forecast.datasets.errors import ConfigError, Problem
from forecast.datasets.panel import Panel
from forecast.datasets.windows.origins import Origins
from forecast.networks.cell_table import CELLS, Cell, CellMaker
from forecast.progress import Progress
from forecast.protocol import Prediction
from forecast.settings import Settings

if TYPE_CHECKING:
    from pytorch_lightning.loggers import Logger

RATES = ("croston", "sba", "tsb")  # models whose point is a mean by nature
WITHOUT_SPREAD = ("auto", "point")  # heads that know no mean where no quantiles are asked for
# settings that every model reads, beside those that say how a table is read; networks read all but those of a few models
READ_BY_ALL = ("horizon", "model", "quantiles", "lower", "upper", "calibrate", "seed")
READ_BY_FEW = {
    **dict.fromkeys(("members", "workers", "blend"), ("auto",)),
    **dict.fromkeys(("weights", "tune"), ("auto", "zero")),
}
WITHOUT_FORCING = ("auto", "direct", "position")  # decoders that are never fed the actual values


class Saveable(Protocol):
    """The contract of every named model: it is fitted, forecasts, and is saved without pickle.

    Attributes:
        name: name of the model in the table.
        horizon: steps that it forecasts.
        cpu_seconds_elsewhere: CPU seconds that other processes spent on the last fit.
    """

    name: str
    horizon: int
    cpu_seconds_elsewhere: float

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
        """Build an unfitted model; `cell` names the cell of its line in the table, the other arguments are those of `build`."""

    @property
    def context(self) -> int | None:
        """Return the rows of history that a forecast reads; None for all."""

    @property
    def uncertain(self) -> bool:
        """Return whether forecasts have quantiles."""

    def plan(self, panel: Panel) -> tuple[Settings, dict[str, str]]:
        """Return the settings that a fit would use, and why each that was left open got its value."""

    def fit(self, panel: Panel) -> Any:
        """Learn from the training rows, and return the model."""

    def predict(self, panel: Panel, origins: Origins) -> Prediction:
        """Forecast the `horizon` rows after each of n origins: points (n, horizon), quantiles (n, horizon, levels)."""

    def state(self) -> dict[str, NDArray[Any]]:
        """Return what was learnt, as arrays by name."""

    def restore(self, state: dict[str, NDArray[Any]]) -> None:
        """Take back the arrays that `state` returned; whatever else they are is a ModelError, before it costs memory."""

    def check_context(self, panel: Panel) -> None:
        """Refuse rows that the restored model cannot forecast from."""


@dataclass(frozen=True, kw_only=True)
class Architecture:
    """A line of the table of models.

    Args:
        what: description for `forecast models list`, without a full stop.
        kind: "network" or "baseline".
        made_by: address "module:name" of the class whose `make` builds an unfitted model.
        cell: name of the network's cell in `CELLS`; empty for a baseline.
        source: author and year of its paper, or the package that it is from.
        settings: values of the settings that the name sets, unless the user sets them.
        cold: whether it forecasts series without a history; False by default.
        reads: kinds of covariates that it can read, or "none".
        cost: time of a training step as a multiple of `gru`'s, each with the settings that its name sets
            (`tests/benchmarks/family.py` measures it).
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
        """Build the line of a cell's plain network."""
        line = cls(what=cell.what, kind="network", cell=name)
        return replace(line, source=cell.source, settings=cell.settings, cost=cell.cost)

    @classmethod
    def of_baseline(cls, baseline: type[Baseline]) -> Architecture:
        """Build the line of a model without a network."""
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
    "zero": Architecture.of_baseline(Zero),
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
        """Return all lines by name; they are put together anew each time, since cells may be registered later."""
        cells = {name: Architecture.of_cell(name, cell) for name, cell in CELLS.items()}
        baselines = {name: Architecture.of_baseline(baseline) for name, baseline in BASELINES.items()}
        return {**RECOMMENDED, **cells, **NETWORKS, **baselines}


ARCHITECTURES = Architectures()


def architecture(name: str) -> Architecture:
    """Look a model up in the table.

    Raises:
        ConfigError: if there is no such model; the message names the nearest.
    """
    if name in ARCHITECTURES:
        return ARCHITECTURES[name]
    near = get_close_matches(str(name), ARCHITECTURES, n=1)
    hint = f"Did you mean {near[0]!r}? " if near else ""
    problem = Problem(what=f"unknown model {name!r}", expected=f"one of {', '.join(ARCHITECTURES)}")
    raise ConfigError(
        f"unknown model {name!r}", hint=f"{hint}`forecast models list` shows them all.", problems=[problem]
    )


def with_defaults(values: Mapping[str, Any]) -> dict[str, Any]:
    """Add the settings that the model's name sets to those that the user set, which win.

    Args:
        values: values of `Settings` by name, as the user set them.
    """
    return {**architecture(values.get("model", "auto")).settings, **values}


def register(cells: Mapping[str, CellMaker]) -> None:
    """Add models of the user's own cells to the table for this process.

    Args:
        cells: classes by name, each a `torch.nn.Module` that keeps the contract of cells.

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
    """Build an unfitted model.

    Args:
        settings: settings of the model; `settings.model` names it.
        season_length: steps in a season; 1 means none.
        progress: it is told of each training step; None for nobody.
        logger: Lightning logger that gets the learning curve; None keeps it in the model alone.

    Raises:
        ConfigError: if there is no such model.
    """
    line = architecture(settings.model)
    maker: type[Saveable] = resolve_name(line.made_by)
    return maker.make(settings, season_length, cell=line.cell, progress=progress, logger=logger)


def not_used(models: Mapping[str, Settings]) -> str | None:
    """Say in one sentence which of the things that were asked for some models of a run cannot use.

    Args:
        models: the settings of each model by the name that the run gives it.

    Returns:
        A sentence such as "price is used by gru, not by theta and naive"; None where every model uses all.
    """
    uses: dict[tuple[tuple[str, ...], tuple[str, ...]], list[str]] = {}
    for what in dict.fromkeys(name for settings in models.values() for name in _asked_for(settings)):
        asked = {name: settings for name, settings in models.items() if what in _asked_for(settings)}
        able = tuple(name for name, settings in asked.items() if what in _asked_for(settings, usable=True))
        unable = tuple(name for name in asked if name not in able)
        if unable:
            uses.setdefault((able, unable), []).append(what)
    sentences = []
    for (able, unable), things in uses.items():
        used = f"used by {_listed(able)}, not by {_listed(unable)}" if able else f"not used by {_listed(unable)}"
        sentences.append(f"{_listed(things)} {'is' if len(things) == 1 else 'are'} {used}")
    return "; ".join(sentences) or None


def settings_read(settings: Settings) -> dict[str, Any]:
    """Return by name the settings that their model reads, without those that are left empty.

    Of the settings that say how a table is read, those are among them that are not at their default.

    Args:
        settings: settings, open ones or those of a fitted model.
    """
    is_network = architecture(settings.model).kind == "network"
    unread = {*settings.static, *settings.known, *settings.past} - set(_asked_for(settings, usable=True))
    lines = declarations(Settings)

    def is_read(name: str, value: Any) -> bool:
        line = lines[name]
        if name == "point":
            return "point=mean" in _asked_for(settings, usable=True)
        if value in (None, ()) or line.group == TRACKING:
            return False
        if line.group == DATA:
            return value != line.default and not (isinstance(value, tuple) and unread.issuperset(value))
        if name in READ_BY_FEW:
            return settings.model in READ_BY_FEW[name]
        forced = name != "teacher_forcing" or settings.decoder not in WITHOUT_FORCING
        return name in READ_BY_ALL or (is_network and forced)

    values = {name: getattr(settings, name) for name in Settings.names()}
    return {name: value for name, value in values.items() if is_read(name, value)}


def _asked_for(settings: Settings, *, usable: bool = False) -> list[str]:
    """List the covariates that are named, and the mean where it is wanted; or of these only what the model can use."""
    is_network = architecture(settings.model).kind == "network"
    has_mean = settings.model in RATES or settings.quantiles or (is_network and settings.head not in WITHOUT_SPREAD)
    covariates = [*settings.static, *settings.known, *settings.past] if is_network or not usable else []
    return [*covariates, *(["point=mean"] if settings.point == "mean" and (has_mean or not usable) else [])]


def _listed(names: Sequence[str]) -> str:
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))
