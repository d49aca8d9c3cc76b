"""Models by name: `auto`, the recurrent networks, the baselines."""

from __future__ import annotations

from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Protocol

from numpy.typing import NDArray

from forecast.datasets.errors import ConfigError, Problem
from forecast.datasets.panel import Panel
from forecast.datasets.windows.origins import Origins
from forecast.progress import Progress
from forecast.protocol import Prediction
from forecast.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytorch_lightning.loggers import Logger

    from forecast.networks.cells import Cell


class Saveable(Protocol):
    """What a named model adds to `Model`, so that it can be saved without pickle."""

    name: str
    horizon: int

    @property
    def context(self) -> int | None:
        """Rows of history a forecast reads; None reads all."""

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
        cell: the network's cell in `CELLS`.
        source: where it comes from.
        settings: what the name sets where the user left it open.
        cold: whether it forecasts series without a history.
        reads: which covariates it can use.
        cost: of a training step, in `gru`'s, each with the settings its name sets (`tests/benchmarks/family.py`).
    """

    what: str
    kind: str
    cell: str = ""
    source: str = ""
    settings: dict[str, Any] = field(default_factory=dict)
    cold: bool = False
    reads: str = "static, known, past"
    cost: str = ""


OWN = "you"
ARCHITECTURES: dict[str, Architecture] = {
    "auto": Architecture(
        what="networks blended with statistical forecasts and boosting",
        kind="network",
        cell="gru",
        source="this toolkit",
    ),
    "gru": Architecture(what="gated recurrent units", kind="network", cell="gru", source="Cho et al. 2014", cost="1"),
    "lstm": Architecture(
        what="long short-term memory", kind="network", cell="lstm", source="Hochreiter & Schmidhuber 1997", cost="1.0"
    ),
    "rnn": Architecture(
        what="plain recurrent network, tanh", kind="network", cell="rnn", source="Elman 1990", cost="0.8"
    ),
    "rnn_relu": Architecture(
        what="plain recurrent network, relu", kind="network", cell="rnn_relu", source="Le et al. 2015", cost="0.8"
    ),
    "mingru": Architecture(
        what="GRU whose gates do not read the state",
        kind="network",
        cell="mingru",
        source="Feng et al. 2024",
        cost="1.5",
    ),
    "slstm": Architecture(
        what="LSTM with exponential gates", kind="network", cell="slstm", source="Beck et al. 2024", cost="1.6"
    ),
    "bigru": Architecture(
        what="GRU that reads the lookback both ways",
        kind="network",
        cell="bigru",
        source="Schuster & Paliwal 1997",
        settings={"origins": 1},
        cost="1.3",
    ),
    "bilstm": Architecture(
        what="LSTM that reads the lookback both ways",
        kind="network",
        cell="bilstm",
        source="Schuster & Paliwal 1997",
        settings={"origins": 1},
        cost="0.8",
    ),
    "transformer": Architecture(
        what="causal transformer encoder over the same segments, the comparator",
        kind="network",
        cell="transformer",
        source="Vaswani et al. 2017",
        settings={"layers": 2, "learning_rate": 2e-3},
        cost="1.7",
    ),
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
        cell="lstm",
        source="Salinas et al. 2020",
        settings={"segment": 1, "layers": 2, "head": "student_t"},
        reads="static, known",
        cost="1.9; a whole pass a step and sample to forecast",
    ),
    "one_to_many": Architecture(
        what="cold start: a whole horizon from static and known covariates, no history",
        kind="network",
        cell="gru",
        source="Karpathy 2015",
        cold=True,
        reads="static, known",
    ),
    "aligned": Architecture(
        what="the target at each row from the covariates up to it (nowcast, soft sensor)",
        kind="network",
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
    "naive": Architecture(what="the last value", kind="baseline", reads="none"),
    "seasonal_naive": Architecture(what="the last season, repeated", kind="baseline", reads="none"),
    "drift": Architecture(what="the straight line from first to last value", kind="baseline", reads="none"),
    "naive2": Architecture(
        what="the last value, seasonally adjusted", kind="baseline", reads="none", source="Makridakis & Hibon 2000"
    ),
    "theta": Architecture(
        what="two theta lines, seasonally adjusted",
        kind="baseline",
        reads="none",
        source="Assimakopoulos & Nikolopoulos 2000",
    ),
    "croston": Architecture(
        what="size over gap of intermittent demand", kind="baseline", reads="none", source="Croston 1972"
    ),
    "sba": Architecture(
        what="Croston's method, unbiased", kind="baseline", reads="none", source="Syntetos & Boylan 2005"
    ),
    "tsb": Architecture(
        what="size times chance of intermittent demand", kind="baseline", reads="none", source="Teunter et al. 2011"
    ),
    "boosting": Architecture(
        what="gradient boosting on lags", kind="baseline", reads="none", source="scikit-learn's HistGradientBoosting"
    ),
}


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


def register(cells: Mapping[str, Cell]) -> None:
    """Add models of the user's own cells to the table, for this process.

    Raises:
        ConfigError: if a cell does not keep the contract of cells, or its name is taken.
    """
    from forecast.networks.cells import is_causal, register_cell

    for name, cell in cells.items():
        if name in ARCHITECTURES and ARCHITECTURES[name].source != OWN:
            problem = Problem(what=f"the name {name!r} is taken", remedy="Rename the class.")
            raise ConfigError(f"{name} cannot be used as a cell", problems=[problem])
        register_cell(name, cell)
        settings = {} if is_causal(name) else {"origins": 1}
        ARCHITECTURES[name] = Architecture(
            what="your own cell", kind="network", cell=name, source=OWN, settings=settings
        )


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
    if line.kind == "baseline":
        from forecast.baselines import BASELINES

        baseline = BASELINES[settings.model]
        return baseline(settings.horizon, season_length=season_length, levels=settings.quantiles, seed=settings.seed)
    if settings.model == "auto":
        from forecast.automatic.ensemble import Ensemble

        return Ensemble(settings, season_length, progress=progress, logger=logger)
    from forecast.models.covariates_only import AlignedModel, ColdStartModel
    from forecast.models.deepar import RecursiveModel
    from forecast.models.esrnn import SmoothingModel
    from forecast.models.recurrent import RecurrentModel

    special = {
        "deepar": RecursiveModel,
        "one_to_many": ColdStartModel,
        "aligned": AlignedModel,
        "esrnn": SmoothingModel,
    }
    kind = special.get(settings.model, RecurrentModel)
    return kind(settings.model, line.cell, settings, season_length, progress=progress, logger=logger)
