"""The recurrent network as a model: fits on a panel, forecasts at origins."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from forecast.datasets.errors import ConfigError, DataError, Problem
from forecast.datasets.panel import Panel
from forecast.datasets.windows.crops import WindowSpec
from forecast.datasets.windows.origins import Origins
from forecast.models.covariates import Covariates
from forecast.models.inference import predict, threads
from forecast.models.open_settings import STEPS, Facts, resolve
from forecast.models.shares import check_shares, in_shares
from forecast.models.transforms import TRANSFORMS
from forecast.networks.cells import is_causal
from forecast.networks.decoders import DECODERS
from forecast.networks.distributions import FAMILIES
from forecast.networks.heads import HEADS
from forecast.networks.network import BASES, ForecastNetwork, NetworkSettings
from forecast.networks.normalisers import NORMALISERS
from forecast.progress import Progress
from forecast.protocol import Prediction
from forecast.settings import Settings
from forecast.training.losses import LOSSES

if TYPE_CHECKING:
    from pytorch_lightning.loggers import Logger

    from forecast.training.module import TrainSettings

SIDE = ("network_settings", "covariates")  # of the state, beside the weights
LISTED = 10  # values that are named
EPOCHS = 20  # validation rounds in a training run


class RecurrentModel:
    """One network of one cell, its open settings resolved from the rows it is fitted on.

    Args:
        name: as the user asked for it.
        cell: a name in `CELLS`.
        settings: what was asked for.
        season_length: steps in a season.
        progress: told of each training step.
        logger: a Lightning logger for the learning curve.
        steps_share: of the resolved steps, for whoever knows that fewer are better; steps asked for are obeyed.
    """

    def __init__(
        self,
        name: str,
        cell: str,
        settings: Settings,
        season_length: int,
        *,
        progress: Progress | None = None,
        logger: Logger | None = None,
        steps_share: float = 1.0,
    ) -> None:
        self.steps_share = steps_share
        self.name, self.cell, self.horizon = name, cell, settings.horizon
        self.settings, self.season_length = settings, season_length
        self.progress, self.logger = progress, logger
        self.resolved, self.reasons = settings, dict[str, str]()
        self.history: list[dict[str, float]] = []
        self.network: ForecastNetwork | None = None
        self.covariates = Covariates()
        self._started = 0.0

    @property
    def context(self) -> int:
        """Rows a forecast reads: the lookback, and the horizon where its covariates may stand in the table."""
        return int(self.resolved.lookback) + (self.horizon if self.settings.known else 0)

    def fit(self, panel: Panel) -> RecurrentModel:
        """Resolve what is open, then train; the caller's random state is left as it was."""
        _check_rows(panel)
        _check_targets(panel, self.settings.head)
        if self.settings.transform == "softmax":
            check_shares(panel)
        self._started = time.perf_counter()
        panel = self._transformed(panel)
        self.resolved, self.reasons = self._plan(panel)
        self.covariates = Covariates.of(panel)
        panel = self._read(panel)
        devices = [torch.cuda.current_device()] if self.resolved.device == "cuda" else []
        with torch.random.fork_rng(devices=devices), threads(int(self.resolved.threads)):
            torch.manual_seed(self.resolved.seed)
            self.network = self._network(self._shape(panel), panel)
            self._train(panel)
        return self

    def plan(self, panel: Panel) -> tuple[Settings, dict[str, str]]:
        """The settings that fitting this panel would use, and why."""
        return self._plan(self._transformed(panel))

    def _plan(self, panel: Panel) -> tuple[Settings, dict[str, str]]:
        asked, shared = self.settings, {}
        if asked.steps == "auto" and self.steps_share < 1:
            asked = replace(asked, steps=max(1, round(self.steps_share * STEPS[asked.preset])))
            shared = {"steps": f"preset {asked.preset}"}
        resolved, reasons = resolve(asked, Facts.of(panel, self.horizon, self.season_length))
        return resolved, reasons | shared

    def predict(self, panel: Panel, origins: Origins) -> Prediction:
        assert self.network is not None, "predict before fit"
        if self.settings.transform == "softmax":
            return in_shares(self._forecast, panel, origins)
        return self._forecast(panel, origins)

    def _forecast(self, panel: Panel, origins: Origins) -> Prediction:
        assert self.network is not None
        transform, mean = TRANSFORMS.get(self.settings.transform), self.settings.point == "mean"
        with threads(int(self.resolved.threads)):
            found = predict(self.network, self.encoded(panel), self._origins(origins), mean=mean)
        found = found if transform is None else transform.undo(found)
        return found.at(self.resolved.quantiles)  # the head always has the median

    def encoded(self, panel: Panel) -> Panel:
        """The panel as the network reads it."""
        return self._read(self._transformed(panel))

    def state(self) -> dict[str, NDArray[Any]]:
        """The weights as arrays, and the network's settings as JSON in a byte array."""
        assert self.network is not None, "state before fit"
        arrays = {name: value.cpu().numpy() for name, value in self.network.state_dict().items()}
        shape, columns = _to_bytes(asdict(self.network.settings)), _to_bytes(self.covariates.to_json())
        return {**arrays, "network_settings": shape, "covariates": columns}

    def restore(self, state: dict[str, NDArray[Any]]) -> None:
        """Take weights written by `state`; nothing in them is executed."""
        values = json.loads(state["network_settings"].tobytes())
        settings = NetworkSettings(
            **{
                **values,
                "window": WindowSpec(**values["window"]),
                "levels": tuple(values["levels"]),
                **{name: tuple(values[name]) for name in ("dilations", "static", "known", "past")},
            }
        )
        self.covariates = Covariates.from_json(json.loads(state["covariates"].tobytes()))
        self.network = self._network(settings, None).eval()
        weights = {k: torch.from_numpy(v.copy()) for k, v in state.items() if k not in SIDE}
        self.network.load_state_dict(weights)
        self.resolved = self.settings

    def _read(self, panel: Panel) -> Panel:
        return self.covariates.encode(panel)

    def _origins(self, origins: Origins) -> Origins:
        """Where these origins lie in what `_read` returns."""
        return origins

    def _network(self, settings: NetworkSettings, panel: Panel | None) -> ForecastNetwork:
        """Fresh weights; `panel` is what they will be trained on, None where they are about to be loaded."""
        return ForecastNetwork(settings)

    def _shape(self, panel: Panel) -> NetworkSettings:
        plain, sizes = network_settings(self.cell, self.resolved, panel, self.season_length), self.covariates.sizes
        return replace(plain, static=sizes("static"), known=sizes("known"), past=sizes("past"))

    def _transformed(self, panel: Panel) -> Panel:
        _check_choices(self.settings, self.cell)
        transform = TRANSFORMS.get(self.settings.transform)  # "auto" is none
        return panel if transform is None else transform.panel(panel)

    def _train(self, panel: Panel) -> None:
        from forecast.training.budget import affordable_steps
        from forecast.training.highway import fit_highway
        from forecast.training.loop import train  # Lightning: only when there is something to train

        assert self.network is not None
        if self.resolved.highway == "ridge":
            held = int(self.resolved.val_size)
            train_rows = panel.truncate(panel.indptr[1:] - np.where(panel.lengths > held, held, 0))
            penalty = fit_highway(self.network, train_rows, self.resolved.seed)
            found = "no linear map of the recent rows beats the base" if penalty is None else f"penalty {penalty:g}"
            self.reasons["highway"] = f"{found}, on the last training rows"
        plan = train_settings(self.resolved)
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
        self.network.cpu().eval()


def network_settings(cell: str, settings: Settings, panel: Panel, season_length: int) -> NetworkSettings:
    """The part of the resolved settings that shapes the weights."""
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
        masked=not bool(panel.observed[:, 0].all()),
    )


def train_settings(settings: Settings) -> TrainSettings:
    """The part of the resolved settings that says how to train."""
    from forecast.training.module import TrainSettings

    steps = int(settings.steps)
    return TrainSettings(
        loss=settings.loss,
        series_weights=settings.series_weights,
        teacher_forcing=settings.teacher_forcing,
        steps=steps,
        epochs=min(EPOCHS, steps),
        batch_size=int(settings.batch_size),
        learning_rate=float(settings.learning_rate),
        weight_decay=settings.weight_decay,
        gradient_clip=settings.gradient_clip,
        patience=int(settings.patience),
        val_size=int(settings.val_size),
        averaging=float(settings.averaging),
        seed=settings.seed,
        device=settings.device,
    )


def _check_choices(settings: Settings, cell: str) -> None:
    tables: dict[str, Mapping[str, object]] = {
        "transform": TRANSFORMS,
        "normaliser": NORMALISERS,
        "base": BASES,
        "loss": LOSSES,
        "decoder": DECODERS,
        "head": dict.fromkeys(HEADS),
    }
    problems = [
        Problem(what=f"{name}={getattr(settings, name)!r}", expected=f"auto or one of {', '.join(table)}")
        for name, table in tables.items()
        if getattr(settings, name) not in ("auto", *table)
    ]
    family = settings.head in FAMILIES
    needed = "nll" if family else "pinball" if settings.quantiles or settings.head == "quantile" else None
    if needed and settings.loss not in ("auto", needed):
        head = settings.head if family else "quantiles"
        problems.append(Problem(what=f"loss={settings.loss!r} with {head}", expected=f"{needed}, which they need"))
    if needed is None and settings.loss in ("nll", "pinball"):
        problems.append(
            Problem(what=f"loss={settings.loss!r} of a point", expected="a head or quantiles to go with it")
        )
    if settings.origins not in ("auto", 1) and not is_causal(cell):
        wanted = "1: this cell reads the lookback both ways, so only its last state may forecast"
        problems.append(Problem(what=f"origins={settings.origins} with {cell}", expected=wanted))
    if settings.head == "point" and settings.quantiles:
        problems.append(Problem(what="head='point' with quantiles", expected="quantile, or a distribution"))
    if settings.head in FAMILIES and FAMILIES[settings.head].own_units and settings.transform not in ("auto", "none"):
        problems.append(
            Problem(what=f"transform={settings.transform!r} with head={settings.head!r}", expected="no transform")
        )
    if problems:
        raise ConfigError("the network cannot be built", problems=problems)


def _check_rows(panel: Panel) -> None:
    if not (panel.lengths > 1).any():
        raise DataError(
            "no series has two rows to learn from", hint="A network needs a row to read and a row to forecast."
        )


def _check_targets(panel: Panel, head: str) -> None:
    """Refuse targets that a distribution cannot give."""
    if head not in FAMILIES:
        return
    bad = np.flatnonzero(~FAMILIES[head].valid(panel.target) & np.isfinite(panel.target))[:LISTED]
    series = np.searchsorted(panel.indptr, bad, side="right") - 1
    problems = [
        Problem(series=str(panel.ids[s]), what=f"value {panel.target[row]:g}", expected=FAMILIES[head].expected)
        for row, s in zip(bad, series, strict=True)
    ]
    if problems:
        hint = "Choose a distribution that has these values, such as normal."
        raise DataError(f"head={head} cannot give every target", hint=hint, problems=problems)


def _to_bytes(values: Any) -> NDArray[np.uint8]:
    return np.frombuffer(json.dumps(values, sort_keys=True).encode(), np.uint8).copy()
