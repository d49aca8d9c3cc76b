"""The recurrent network as a model, which is fitted on a panel and forecasts at origins."""

from __future__ import annotations

import json
import time
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import torch
from numpy.typing import NDArray

from forecast.datasets.errors import ModelError
from forecast.datasets.panel import Panel
from forecast.datasets.saved_arrays import REMEDY, Expected, check_arrays, json_of
from forecast.datasets.windows.crops import WindowSpec
from forecast.datasets.windows.facts import Facts
from forecast.datasets.windows.history import ends_without_newest
from forecast.datasets.windows.origins import Origins
from forecast.datasets.windows.support import ANY
from forecast.models.checks import check_choices, check_rows, check_size, check_targets
from forecast.models.covariate_encoding import Covariates
from forecast.models.inference import predict, threads
from forecast.models.setting_rules import NO_LIMIT, Allowance, resolve
from forecast.models.transforms import Transform, transform_named
from forecast.networks.cell_table import CELLS, SOURCE_OF_USER_CELLS
from forecast.networks.cells import is_causal
from forecast.networks.heads import make_head
from forecast.networks.network import ForecastNetwork, NetworkSettings
from forecast.progress import Progress
from forecast.protocol import Prediction
from forecast.settings import Settings
from forecast.training.settings import TrainSettings

if TYPE_CHECKING:
    from pytorch_lightning.loggers import Logger

JSON_STATE_KEYS = ("network_settings", "covariates")  # every other key of a state is the name of a weight
RESOLVED = ("lookback", "segment", "origins", "memory", "hidden_size", "threads")  # sizes that a forecast needs
REASON_FOR_ONE_ORIGIN = "the cell reads the lookback both ways, so only its last state may forecast"


class RecurrentModel:
    """A network of one cell, whose open settings are resolved from the rows that it is fitted on.

    Args:
        name: the name by which the user chose the model.
        cell: a name in `CELLS`.
        settings: the user's settings.
        season_length: steps in a season.
        progress: shows each training step to the user; None (the default) shows nothing.
        logger: a Lightning logger that records the learning curve; None (the default) records nothing.
        allowance: the work that the training run may take; no limit by default.

    Attributes:
        resolved: the settings without "auto", once the model is fitted.
        reasons: the reason for each setting that was filled in, by name.
        history: the learning curve, one row for each epoch, as `train` returns it.
        network: the trained network; None before `fit`.
        covariates: the covariates of the training rows.
    """

    cpu_seconds_elsewhere = 0.0  # a network is trained in this process

    def __init__(
        self,
        name: str,
        cell: str,
        settings: Settings,
        season_length: int,
        *,
        progress: Progress | None = None,
        logger: Logger | None = None,
        allowance: Allowance = NO_LIMIT,
    ) -> None:
        self.allowance = allowance
        self.name, self.cell, self.horizon = name, cell, settings.horizon
        self.settings, self.season_length = settings, season_length
        self.progress, self.logger = progress, logger
        self.resolved, self.reasons = settings, dict[str, str]()
        self.history: list[dict[str, float]] = []
        self.network: ForecastNetwork | None = None
        self.covariates = Covariates()
        self._started = 0.0

    @classmethod
    def make(
        cls,
        settings: Settings,
        season_length: int,
        *,
        cell: str = "gru",
        progress: Progress | None = None,
        logger: Logger | None = None,
    ) -> Self:
        """Make the model that the settings name; the arguments are those of the class."""
        return cls(settings.model, cell, settings, season_length, progress=progress, logger=logger)

    @property
    def context(self) -> int:
        """Return the number of rows that a forecast reads: the lookback, and the horizon with its known covariates."""
        return int(self.resolved.lookback) + (self.horizon if self.settings.known else 0)

    @property
    def transform(self) -> Transform:
        """Return the transform whose result the network forecasts."""
        return transform_named(self.settings.transform)

    @property
    def uncertain(self) -> bool:
        """Return whether forecasts have quantiles."""
        return make_head(self.settings.head, self.settings.quantiles).uncertain

    def fit(self, panel: Panel) -> RecurrentModel:
        """Resolve the open settings, then train; the caller's random state is left as it was.

        Args:
            panel: the training rows; the rows that validate are the last of each series.

        Returns:
            The model itself.

        Raises:
            ConfigError: if settings contradict one another.
            DataError: if there is nothing to learn from, or a target that head or transform cannot give.
            RunError: if training diverges.
        """
        check_rows(panel)
        check_choices(self.settings, self.cell)
        check_targets(panel, self.settings)
        self.transform.check(panel)
        self._started = time.perf_counter()
        panel = self._transformed(panel)
        self.resolved, self.reasons = self._plan(panel)
        self.covariates = Covariates.of(panel)
        panel = self._read(panel)
        devices = [torch.cuda.current_device()] if self.resolved.device == "cuda" else []
        with torch.random.fork_rng(devices=devices), threads(int(self.resolved.threads)):
            shape = self._shape(panel)
            check_size(lambda: self._network(shape, None), self.resolved)
            torch.manual_seed(self.resolved.seed)
            self.network = self._network(shape, panel)
            self._train(panel)
        return self

    def plan(self, panel: Panel) -> tuple[Settings, dict[str, str]]:
        """Return the settings that fitting this panel would use, and the reason for each that was filled in."""
        return self._plan(self._transformed(panel))

    def _plan(self, panel: Panel) -> tuple[Settings, dict[str, str]]:
        decided, why = self._decided(panel)
        resolved, reasons = resolve(decided, Facts.of(panel, self.horizon, self.season_length))
        return resolved, reasons | why

    def _decided(self, panel: Panel) -> tuple[Settings, dict[str, str]]:
        """Fill in what this model decides before the rules for every network, and return the reasons, too."""
        decided, why = self.allowance.limit(self.settings)
        if decided.origins == "auto" and not is_causal(self.cell):
            return replace(decided, origins=1), {"origins": REASON_FOR_ONE_ORIGIN, **why}
        return decided, why

    def predict(self, panel: Panel, origins: Origins) -> Prediction:
        """Forecast the horizon after each origin, in units of the target, with the quantiles that the user set."""
        assert self.network is not None, "predict before fit"
        return self.transform.together(self._forecast, panel, origins)

    def _forecast(self, panel: Panel, origins: Origins) -> Prediction:
        """Forecast each series by itself; a transform of all series together comes after this."""
        assert self.network is not None
        # the mean of a transformed target is not the transform of the mean: that is computed after the transform is undone
        mean = self.settings.point == "mean" and self.transform.support is ANY
        with threads(int(self.resolved.threads)):
            mapped = predict(self.network, self.encoded(panel), self._origins(origins), mean=mean)
        return self.transform.undo(mapped).at(self.resolved.quantiles)  # the head always has the median

    def encoded(self, panel: Panel) -> Panel:
        """Return the panel as the network reads it."""
        return self._read(self._transformed(panel))

    def state(self) -> dict[str, NDArray[Any]]:
        """Return the weights as arrays by name, and two byte arrays of JSON: network settings and covariates."""
        assert self.network is not None, "state before fit"
        arrays = {name: value.cpu().numpy() for name, value in self.network.state_dict().items()}
        settings, columns = _to_bytes(asdict(self.network.settings)), _to_bytes(self.covariates.to_json())
        return {**arrays, "network_settings": settings, "covariates": columns}

    def restore(self, state: dict[str, NDArray[Any]]) -> None:
        """Make the network from arrays that `state` returned; nothing in them is executed.

        Raises:
            ModelError: if the arrays are not exactly those of a network of these settings. That is known before the
                network is built, so that no setting can make it larger than its arrays.
        """
        check_choices(self.settings, self.cell)
        left_open = [name for name in RESOLVED if getattr(self.settings, name) == "auto"]
        if left_open:
            raise ModelError(f"the resolved settings leave {', '.join(left_open)} open", hint=REMEDY)
        self.covariates = Covariates.from_json(json_of(state, "covariates"))
        self._check_covariates()
        settings = self._saved_shape(json_of(state, "network_settings"))
        # a single number comes back from a file as an array of one
        weights = {name: np.atleast_1d(array) for name, array in state.items() if name not in JSON_STATE_KEYS}
        self._check_weights(weights, settings)
        self.network = self._network(settings, None).eval()
        self.network.load_state_dict({name: torch.from_numpy(array.copy()) for name, array in weights.items()})
        self.resolved = self.settings

    def check_context(self, panel: Panel) -> None:
        """Refuse rows that the restored network cannot read.

        Raises:
            DataError: if their covariates, or the values of the target, are not those of the training rows.
        """
        self.encoded(panel)

    def _check_covariates(self) -> None:
        """Refuse saved covariates that the settings do not name; a model may read static ones of its own behind them."""
        columns, settings = self.covariates.columns, self.settings
        static = [column.name for column in columns if column.role == "static"]
        rest = [(column.role, column.name) for column in columns if column.role != "static"]
        named = [*(("known", name) for name in settings.known), *(("past", name) for name in settings.past)]
        if static[: len(settings.static)] != list(settings.static) or rest != named:
            raise ModelError("the saved covariates are not those that the settings name", hint=REMEDY)

    def _saved_shape(self, saved: Any) -> NetworkSettings:
        """Return the settings of the saved network, which follow from those of the model, but for its mask."""
        settings = self._shape(None)
        masked = saved.get("masked") if isinstance(saved, dict) else None
        settings = replace(settings, masked=masked is True)
        if saved != json.loads(json.dumps(asdict(settings))):
            raise ModelError("network_settings are not those that the model's settings give", hint=REMEDY)
        return settings

    def _check_weights(self, weights: dict[str, NDArray[Any]], settings: NetworkSettings) -> None:
        """Compare arrays with the weights of a network that holds no numbers, and so takes no memory."""
        try:
            with torch.device("meta"):
                blank = self._network(settings, None).state_dict()
        except (NotImplementedError, RuntimeError):
            if CELLS[self.cell].source != SOURCE_OF_USER_CELLS:
                raise
            return  # a cell of the user's own may compute with its weights when it is made; torch compares them later
        types = {each.dtype: torch.empty(0, dtype=each.dtype).numpy().dtype for each in blank.values()}
        shapes = {name: tuple(each.shape) or (1,) for name, each in blank.items()}
        check_arrays(weights, {name: Expected(types[each.dtype], shapes[name]) for name, each in blank.items()})

    def _read(self, panel: Panel) -> Panel:
        """Encode a transformed panel as the network reads it."""
        return self.covariates.encode(panel)

    def _origins(self, origins: Origins) -> Origins:
        """Return where origins of a panel lie in what `_read` makes of it."""
        return origins

    def _network(self, settings: NetworkSettings, panel: Panel | None) -> ForecastNetwork:
        """Make a network with fresh weights; the panel holds the training rows, None where weights will be loaded."""
        return ForecastNetwork(settings)

    def _shape(self, panel: Panel | None) -> NetworkSettings:
        """Return the settings of the network, with the sizes of the covariates; without a panel, nothing is masked."""
        plain, sizes = network_settings(self.cell, self.resolved, panel, self.season_length), self.covariates.sizes
        return replace(plain, static=sizes("static"), known=sizes("known"), past=sizes("past"))

    def _transformed(self, panel: Panel) -> Panel:
        """Check the settings, and map the target of a panel."""
        check_choices(self.settings, self.cell)
        return self.transform.panel(panel)

    def _train(self, panel: Panel) -> None:
        """Fit the highway, plan the steps and train the network, in place."""
        from forecast.training.budget import affordable_steps
        from forecast.training.loop import train, train_gaps  # Lightning, which only training needs

        assert self.network is not None
        if self.resolved.highway == "ridge":
            self._fit_highway(self.network, panel)
        plan = TrainSettings.of(self.resolved)
        if self.resolved.max_seconds is not None:
            spent = time.perf_counter() - self._started
            steps = affordable_steps(self.network, panel, plan, self.resolved.max_seconds - spent)
            plan = replace(plan, steps=steps, epochs=min(plan.epochs, steps))
            self.reasons["steps"] = (
                f"as many as max_time={self.resolved.max_time} allows on this machine, at most {plan.steps}"
            )
        plan = replace(plan, steps=max(1, plan.steps // plan.epochs) * plan.epochs)
        self.resolved = replace(self.resolved, steps=plan.steps)
        self.history = train(self.network, panel, plan, progress=self.progress, logger=self.logger)
        train_gaps(self.network, panel, plan)
        self.network.cpu().eval()

    def _fit_highway(self, network: ForecastNetwork, panel: Panel) -> None:
        """Fit the highway on the rows that do not validate, and record the outcome as its reason."""
        from forecast.training.highway import fit_highway

        train_rows = panel.truncate(ends_without_newest(panel, int(self.resolved.val_size)))
        penalty = fit_highway(network, train_rows, self.resolved.seed)
        outcome = "no linear map of the recent rows beats the base" if penalty is None else f"penalty {penalty:g}"
        self.reasons["highway"] = f"{outcome}, on the last training rows"


def network_settings(cell: str, settings: Settings, panel: Panel | None, season_length: int) -> NetworkSettings:
    """Take the settings that decide which weights a network has out of the resolved settings.

    Args:
        cell: a name in `CELLS`.
        settings: settings without "auto".
        panel: the training rows; the mask is an input where a target is missing. None for no mask.
        season_length: steps in a season.

    Returns:
        The settings without sizes of covariates; the lookback is rounded up to whole segments.
    """
    lookback, segment = int(settings.lookback), int(settings.segment)
    window = WindowSpec(
        lookback=-(-lookback // segment) * segment,
        horizon=settings.horizon,
        segment=segment,
        origins=int(settings.origins),
    )
    return NetworkSettings(
        cell=cell,
        window=window,
        hidden_size=int(settings.hidden_size),
        layers=settings.layers,
        dropout=settings.dropout,
        normaliser=settings.normaliser,
        memory=max(segment, min(int(settings.memory), window.lookback)),
        base=settings.base,
        season_length=season_length,
        decoder=settings.decoder,
        dilations=settings.dilations,
        head=settings.head,
        levels=settings.quantiles,
        masked=panel is not None and not bool(panel.observed[:, 0].all()),
    )


def _to_bytes(values: Any) -> NDArray[np.uint8]:
    """Write JSON primitives as JSON into an array of bytes."""
    return np.frombuffer(json.dumps(values, sort_keys=True).encode(), np.uint8).copy()
