"""Every setting has its one home here: the command line, the pandas API, MLflow and the model directory read it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from difflib import get_close_matches
from typing import Any, Literal

from forecast.datasets.errors import ConfigError, Problem

Auto = Literal["auto"]
PRESETS = ("fast", "balanced", "best")
DEVICES = ("auto", "cpu", "cuda")
BLENDS = ("auto", "on", "boosted", "intermittent", "off")
HIGHWAYS = ("auto", "ridge", "zero")
POINTS = ("median", "mean")
CALIBRATIONS = ("none", "split", "adaptive")
SERIES_WEIGHTS = ("equal", "scale")


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What a user can ask for. "auto" and None are filled in from the data in hand, and shown.

    Args:
        horizon: steps to forecast after the cutoff.
        model: architecture or baseline by name; `forecast models list` shows them.
        id: column of the series ids; None finds it (unique_id, item_id, series_id), or takes the table as one series.
        time: column of the time stamps or integer steps; None finds it (ds, timestamp, date).
        target: column to forecast; None finds it (y, target, value).
        static: columns with one value a series.
        known: columns known up to the cutoff + horizon.
        past: columns known up to the cutoff.
        observed: boolean column, False where the target was filled in.
        freq: pandas offset alias of the grid; None finds it.
        season_length: steps in one season; None takes the frequency's own, or finds it for integer time.
        quantiles: levels in (0, 1) to forecast beside the point.
        lookback: rows of history the network reads.
        segment: rows one recurrent step reads; 1 is the textbook network.
        origins: forecasts trained in one crop; 1 is the classical window.
        transform: what is forecast instead of the target: "none", "log" or "softplus" (of positive values, undone by
            an exponential or a softplus), "sigmoid" (of values in (0, 1)) or "softmax" (of shares that add up to one
            over all series at each time).
        normaliser: how the history is scaled at each origin.
        memory: rows up to an origin that the normaliser and the linear highway read.
        base: forecast that training starts from: last, season, or cycle (half the last season, half one further back).
        highway: where the linear map beside the network starts: at its ridge regression, or at zero.
        hidden_size: width of the recurrent layers.
        layers: stacked recurrent layers.
        dilations: steps between a layer's states, a number a layer; empty is 1 everywhere.
        decoder: direct (all steps from one state), position (a state for each output segment), seq2seq (a recurrent
            decoder), attention or luong (one that looks back at every state).
        teacher_forcing: share of a recurrent decoder's steps that read what came instead of their own forecast, when
            training begins; it falls to none until training ends.
        head: what a step's forecast is: point, quantile, or a distribution (normal, student_t, lognormal, poisson,
            negative_binomial, beta).
        point: what `forecast` holds of a distribution: its median or its mean.
        calibrate: correct the quantiles on the newest rows, which then do not train: none, split or adaptive (conformal
            prediction).
        dropout: share of activations dropped between layers in training.
        loss: what training minimises.
        series_weights: how much a series counts in the loss: "equal", or "scale", as much as it varies.
        members: networks in the ensemble of `auto`; other models are one network.
        workers: processes that train the networks of `auto` side by side.
        blend: forecasts beside the networks in `auto`: "on" (Theta, naive), "boosted" (these and boosting on lags),
            "intermittent" (TSB, SBA) or "off".
        preset: how much work to spend: fast, balanced or best.
        steps: optimiser steps.
        batch_size: crops in one optimiser step.
        learning_rate: peak of the one-cycle schedule.
        weight_decay: AdamW's decoupled weight decay.
        gradient_clip: largest norm of the gradient.
        averaging: decay of the moving average of the weights, which is what is kept; 0 keeps the last weights.
        patience: validation rounds without progress before training stops; 0 never stops early.
        val_size: rows at each series' end held back to choose the best weights.
        max_time: seconds training may take, planned for beforehand ("90s", "5m").
        seed: of the weights and of the order of crops.
        threads: CPU threads torch computes with.
        device: auto, cpu or cuda.
        experiment: MLflow experiment; in Python, naming one turns tracking on.
        run_name: MLflow run name.
        tracking_uri: MLflow store.
    """

    horizon: int
    model: str = "auto"
    id: str | None = None
    time: str | None = None
    target: str | None = None
    static: tuple[str, ...] = ()
    known: tuple[str, ...] = ()
    past: tuple[str, ...] = ()
    observed: str | None = None
    freq: str | None = None
    season_length: int | None = None
    quantiles: tuple[float, ...] = ()
    lookback: int | Auto = "auto"
    segment: int | Auto = "auto"
    origins: int | Auto = "auto"
    transform: str = "auto"
    normaliser: str = "auto"
    memory: int | Auto = "auto"
    base: str = "auto"
    highway: str = "auto"
    hidden_size: int | Auto = "auto"
    layers: int = 1
    dilations: tuple[int, ...] = ()
    decoder: str = "auto"
    teacher_forcing: float = 0.5
    head: str = "auto"
    point: str = "median"
    calibrate: str = "none"
    dropout: float = 0.0
    loss: str = "auto"
    series_weights: str = "equal"
    members: int | Auto = "auto"
    workers: int | Auto = "auto"
    blend: str = "auto"
    preset: str = "balanced"
    steps: int | Auto = "auto"
    batch_size: int | Auto = "auto"
    learning_rate: float | Auto = "auto"
    weight_decay: float = 0.01
    gradient_clip: float = 1.0
    averaging: float | Auto = "auto"
    patience: int | Auto = "auto"
    val_size: int | Auto = "auto"
    max_time: str | None = None
    seed: int = 0
    threads: int | Auto = "auto"
    device: str = "auto"
    experiment: str | None = None
    run_name: str | None = None
    tracking_uri: str | None = None

    def __post_init__(self) -> None:
        for name in ("static", "known", "past", "quantiles", "dilations"):
            value = getattr(self, name)
            object.__setattr__(self, name, (value,) if isinstance(value, str | int | float) else tuple(value))
        problems = [*_range_problems(self), *_choice_problems(self), *quantile_problems(self.quantiles)]
        problems += _time_problems(self.max_time)
        problems += _dilation_problems(self.dilations, self.layers)
        if problems:
            raise ConfigError("the settings do not fit together", problems=problems)

    @property
    def max_seconds(self) -> float | None:
        """`max_time` in seconds."""
        return None if self.max_time is None else _seconds(self.max_time)

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """The settings' names, in the order they are declared."""
        return tuple(f.name for f in fields(cls))

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Settings:
        """Settings from a mapping (a config file, keywords), refusing names that do not exist."""
        unknown = [_unknown(name, cls.names()) for name in values if name not in cls.names()]
        if unknown:
            raise ConfigError("unknown setting", problems=unknown)
        if "horizon" not in values:
            raise ConfigError("horizon is required", hint="Say how many steps to forecast, as in horizon=12.")
        return cls(**values)


COUNTS = (
    "horizon",
    "season_length",
    "lookback",
    "segment",
    "origins",
    "memory",
    "hidden_size",
    "members",
    "workers",
    "layers",
    "steps",
    "batch_size",
    "threads",
)
AMOUNTS = (
    "dropout",
    "weight_decay",
    "gradient_clip",
    "learning_rate",
    "averaging",
    "val_size",
    "patience",
    "teacher_forcing",
)
AUTO = frozenset(COUNTS[2:] + AMOUNTS) - {"layers", "dropout", "weight_decay", "gradient_clip", "teacher_forcing"}


def _range_problems(settings: Settings) -> list[Problem]:
    problems = []
    for name in COUNTS:
        value = getattr(settings, name)
        if value is None or (value == "auto" and name in AUTO):
            continue
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            problems.append(Problem(what=f"{name}={value!r}", expected="a whole number of at least 1"))
    for name in AMOUNTS:
        value = getattr(settings, name)
        if value == "auto" and name in AUTO:
            continue
        if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value < float("inf"):
            problems.append(Problem(what=f"{name}={value!r}", expected="a number of at least 0"))
    if isinstance(settings.teacher_forcing, int | float) and settings.teacher_forcing > 1:
        problems.append(Problem(what=f"teacher_forcing={settings.teacher_forcing!r}", expected="a share up to 1"))
    if isinstance(settings.dropout, int | float) and settings.dropout >= 1:
        problems.append(Problem(what=f"dropout={settings.dropout!r}", expected="a share below 1"))
    if isinstance(settings.averaging, int | float) and settings.averaging >= 1:
        problems.append(Problem(what=f"averaging={settings.averaging!r}", expected="a decay below 1"))
    if not isinstance(settings.seed, int) or not 0 <= settings.seed < 2**63:
        problems.append(Problem(what=f"seed={settings.seed!r}", expected="a whole number of at least 0"))
    return problems


def _choice_problems(settings: Settings) -> list[Problem]:
    choices = {
        "preset": PRESETS,
        "device": DEVICES,
        "blend": BLENDS,
        "highway": HIGHWAYS,
        "series_weights": SERIES_WEIGHTS,
        "point": POINTS,
        "calibrate": CALIBRATIONS,
    }
    return [
        Problem(what=f"{name}={getattr(settings, name)!r}", expected=f"one of {', '.join(known)}")
        for name, known in choices.items()
        if getattr(settings, name) not in known
    ]


def quantile_problems(levels: tuple[float, ...]) -> list[Problem]:
    """What is wrong with quantile levels."""
    bad = [level for level in levels if not isinstance(level, int | float) or not 0 < level < 1]
    problems = [
        Problem(what=f"quantile level {level!r}", expected="a probability in (0, 1), such as 0.9") for level in bad
    ]
    if not bad and list(levels) != sorted(set(levels)):
        problems.append(Problem(what=f"quantiles={levels!r}", expected="ascending levels without repeats"))
    return problems


def _dilation_problems(dilations: tuple[int, ...], layers: int) -> list[Problem]:
    if any(not isinstance(d, int) or d < 1 for d in dilations):
        return [Problem(what=f"dilations={dilations!r}", expected="whole numbers of at least 1")]
    if dilations and len(dilations) != layers:
        return [Problem(what=f"dilations={dilations!r} with layers={layers}", expected="a number a layer")]
    return []


def _time_problems(text: str | None) -> list[Problem]:
    if text is None or _seconds(text) is not None:
        return []
    return [Problem(what=f"max_time={text!r}", expected="a number of seconds, or a time such as 90s, 5m or 1h")]


def _seconds(text: str) -> float | None:
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([smh]?)", str(text).strip())
    return float(match[1]) * {"": 1, "s": 1, "m": 60, "h": 3600}[match[2]] if match and float(match[1]) else None


def _unknown(name: str, known: tuple[str, ...]) -> Problem:
    near = get_close_matches(name, known, n=1)
    return Problem(what=f"unknown setting {name!r}", expected=f"{near[0]!r}?" if near else f"one of {', '.join(known)}")
