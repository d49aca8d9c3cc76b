"""Every setting has its one home here: the command line, the pandas API, MLflow and the model directory read it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields
from difflib import get_close_matches
from typing import Any, Literal, Self

from forecast.datasets.errors import ConfigError, Problem
from forecast.datasets.tables.columns import Columns
from forecast.declarations import (
    DATA,
    MODEL,
    TRACKING,
    TRAINING,
    Range,
    check,
    declarations,
    described,
    docstring,
    setting,
)

Auto = Literal["auto"]
COUNT, AMOUNT = Range(least=1), Range(least=0)
PRESETS = ("fast", "balanced", "best")
DEVICES = ("auto", "cpu", "cuda")
BLENDS = ("auto", "on", "boosted", "intermittent", "off")
HIGHWAYS = ("auto", "ridge", "zero")
POINTS = ("median", "mean")
CALIBRATIONS = ("none", "split", "adaptive")
SERIES_WEIGHTS = ("equal", "scale")


@dataclass(frozen=True, kw_only=True)
class Settings:
    horizon: int = field(
        metadata=described(
            "Steps to forecast after the cutoff.",
            group=MODEL,
            values=COUNT,
            flags=("--horizon", "-H"),
            metavar="STEPS",
            everyday=True,
        )
    )
    model: str = setting(
        "auto",
        "Architecture or baseline by name; `forecast models list` shows them.",
        group=MODEL,
        flags=("--model", "-m"),
        everyday=True,
    )
    id: str | None = setting(
        None,
        "Column of the series ids; left out, it is unique_id, item_id or series_id, or the table is one series.",
        group=DATA,
        metavar="COL",
        everyday=True,
    )
    time: str | None = setting(
        None,
        "Column of the time stamps or integer steps; left out, it is ds, timestamp or date.",
        group=DATA,
        metavar="COL",
        everyday=True,
    )
    target: str | None = setting(
        None,
        "Column to forecast; left out, it is y, target or value.",
        group=DATA,
        metavar="COL",
        everyday=True,
    )
    static: tuple[str, ...] = setting(
        (), "Columns with one value a series.", group=DATA, metavar="COL,...", everyday=True
    )
    known: tuple[str, ...] = setting(
        (), "Columns that are known up to the cutoff + horizon.", group=DATA, metavar="COL,...", everyday=True
    )
    past: tuple[str, ...] = setting(
        (), "Columns that are known up to the cutoff.", group=DATA, metavar="COL,...", everyday=True
    )
    observed: str | None = setting(
        None, "Boolean column that is false where the target was filled in.", group=DATA, metavar="COL", everyday=True
    )
    freq: str | int | None = setting(
        None,
        "Frequency of the rows: h, 15min, D, W, MS..., or 1 for integer time; left out, the times tell it.",
        group=DATA,
        metavar="FREQ",
        everyday=True,
    )
    season_length: int | None = setting(
        None,
        "Steps in one season; left out, it is the frequency's usual one, or is found for integer time.",
        group=DATA,
        values=COUNT,
        metavar="STEPS",
        everyday=True,
    )
    quantiles: tuple[float, ...] = setting(
        (),
        "Levels in (0, 1) to forecast beside the point, such as 0.1,0.5,0.9.",
        group=MODEL,
        metavar="LEVEL,...",
        everyday=True,
    )
    lookback: int | Auto = setting(
        "auto", "Rows of history that the network reads.", group=MODEL, values=COUNT, metavar="ROWS"
    )
    segment: int | Auto = setting(
        "auto",
        "Rows that one recurrent step reads; 1 is the textbook network.",
        group=MODEL,
        values=COUNT,
        metavar="ROWS",
    )
    origins: int | Auto = setting(
        "auto", "Forecasts that are trained in one crop; 1 is the classical window.", group=MODEL, values=COUNT
    )
    transform: str = setting(
        "auto",
        "What is forecast instead of the target: none, log or softplus (of positive values, undone by an exponential "
        "or a softplus), sigmoid (of values in (0, 1)), or softmax (of shares that add up to one over all series at "
        "each time).",
        group=MODEL,
    )
    normaliser: str = setting("auto", "How the history is scaled at each origin: mean, last or robust.", group=MODEL)
    memory: int | Auto = setting(
        "auto",
        "Rows up to an origin that the normaliser and the linear highway read.",
        group=MODEL,
        values=COUNT,
        metavar="ROWS",
    )
    base: str = setting(
        "auto",
        "Forecast that training starts from: last, season, or cycle (half the last season, half one further back).",
        group=MODEL,
    )
    highway: str = setting(
        "auto",
        "Where the linear map beside the network starts: at its ridge regression, or at zero.",
        group=MODEL,
        values=HIGHWAYS,
    )
    hidden_size: int | Auto = setting("auto", "Width of the recurrent layers.", group=MODEL, values=COUNT)
    layers: int = setting(1, "Recurrent layers, one on top of the other.", group=MODEL, values=COUNT)
    dilations: tuple[int, ...] = setting(
        (), "Steps between a layer's states, a number a layer; none is 1 everywhere.", group=MODEL, values=COUNT
    )
    decoder: str = setting(
        "auto",
        "How a state becomes a forecast: direct (all steps from one state), position (a state for each output "
        "segment), seq2seq (a recurrent decoder), attention or luong (one that looks back at every state).",
        group=MODEL,
    )
    teacher_forcing: float = setting(
        0.5,
        "Share of a recurrent decoder's steps that read the actual value instead of their own forecast when training "
        "begins; it falls to none until training ends.",
        group=TRAINING,
        values=Range(most=1),
    )
    head: str = setting(
        "auto",
        "What a step's forecast is: point, quantile, or a distribution (normal, student_t, lognormal, poisson, "
        "negative_binomial, beta).",
        group=MODEL,
        everyday=True,
    )
    point: str = setting(
        "median", "What `forecast` holds of a distribution: its median or its mean.", group=MODEL, values=POINTS
    )
    calibrate: str = setting(
        "none",
        "Correct the quantiles by conformal prediction on the newest rows, which then do not train.",
        group=MODEL,
        values=CALIBRATIONS,
        everyday=True,
    )
    dropout: float = setting(
        0.0,
        "Share of the activations that is dropped between layers in training.",
        group=TRAINING,
        values=Range(below=1),
    )
    loss: str = setting(
        "auto",
        "What training minimises: mae, mse, huber, relative, mixed, pinball (with quantiles) or nll (with a "
        "distribution).",
        group=TRAINING,
    )
    series_weights: str = setting(
        "equal",
        "How much a series counts in the loss: all equal, or by scale, as much as it varies.",
        group=TRAINING,
        values=SERIES_WEIGHTS,
    )
    members: int | Auto = setting(
        "auto",
        "Networks in the ensemble of `auto`; other models are one network.",
        group=MODEL,
        values=Range(least=1, most=1000),
    )
    workers: int | Auto = setting(
        "auto", "Processes that train the networks of `auto` side by side.", group=TRAINING, values=COUNT
    )
    blend: str = setting(
        "auto",
        "Forecasts beside the networks in `auto`: on (Theta, naive), boosted (these and boosting on lags), "
        "intermittent (TSB, SBA) or off.",
        group=MODEL,
        values=BLENDS,
    )
    preset: str = setting("balanced", "How much work to spend.", group=TRAINING, values=PRESETS, everyday=True)
    steps: int | Auto = setting("auto", "Optimiser steps.", group=TRAINING, values=COUNT)
    batch_size: int | Auto = setting("auto", "Crops in one optimiser step.", group=TRAINING, values=COUNT)
    learning_rate: float | Auto = setting(
        "auto", "Peak of the one-cycle learning-rate schedule.", group=TRAINING, values=AMOUNT
    )
    weight_decay: float = setting(0.01, "AdamW's decoupled weight decay.", group=TRAINING, values=AMOUNT)
    gradient_clip: float = setting(1.0, "Largest norm of the gradient.", group=TRAINING, values=AMOUNT)
    averaging: float | Auto = setting(
        "auto",
        "Decay of the moving average of the weights, which is what is kept; 0 keeps the last weights.",
        group=TRAINING,
        values=Range(below=1),
    )
    patience: int | Auto = setting(
        "auto",
        "Validation rounds without progress before training stops; 0 never stops early.",
        group=TRAINING,
        values=AMOUNT,
        metavar="ROUNDS",
    )
    val_size: int | Auto = setting(
        "auto",
        "Rows at each series' end that are held back to choose the best weights.",
        group=TRAINING,
        values=AMOUNT,
        metavar="ROWS",
        everyday=True,
    )
    max_time: str | float | None = setting(
        None,
        "Time that training may take, planned for beforehand: 90s, 5m, 1h, or seconds.",
        group=TRAINING,
        metavar="TIME",
        everyday=True,
    )
    seed: int = setting(
        0, "Seed of the weights and of the order of crops.", group=TRAINING, values=Range(below=2**63), everyday=True
    )
    threads: int | Auto = setting(
        "auto", "CPU threads that torch computes with.", group=TRAINING, values=COUNT, everyday=True
    )
    device: str = setting("auto", "Where the network is trained.", group=TRAINING, values=DEVICES, everyday=True)
    experiment: str | None = setting(
        None, "MLflow experiment; in Python, naming one turns tracking on.", group=TRACKING, everyday=True
    )
    run_name: str | None = setting(
        None, "Name of the MLflow run; left out, it is the model's.", group=TRACKING, everyday=True
    )
    tracking_uri: str | None = setting(
        None,
        "MLflow store; left out, it is FORECAST_TRACKING_URI, MLFLOW_TRACKING_URI or .forecast/mlflow.db.",
        group=TRACKING,
        metavar="URI",
        everyday=True,
    )

    def __post_init__(self) -> None:
        lines = declarations(type(self))
        for name, line in lines.items():
            object.__setattr__(self, name, line.coerced(getattr(self, name)))
        single = {name: line.problems(getattr(self, name)) for name, line in lines.items()}
        problems = [problem for wrong in single.values() for problem in wrong]
        for names, cross in CROSS_CHECKS.items():
            if not any(single[name] for name in names):
                problems += cross(self)
        if problems:
            raise ConfigError("the settings do not fit together", problems=problems)

    @property
    def columns(self) -> Columns:
        """The roles of the table's columns."""
        return Columns(**{role.name: getattr(self, role.name) for role in fields(Columns)})

    @property
    def max_seconds(self) -> float | None:
        """`max_time` in seconds."""
        return None if self.max_time is None else _seconds(self.max_time)

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """The settings' names, in the order they are declared."""
        return tuple(f.name for f in fields(cls))

    @classmethod
    def unknown(cls, names: Iterable[str]) -> list[Problem]:
        """A problem for each name that no setting has, with the nearest one."""
        known = cls.names()
        return [_unknown(name, known) for name in names if name not in known]

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Self:
        """Settings from a mapping (a config file, keywords).

        Raises:
            ConfigError: with every name that does not exist and every value that is out of range.
        """
        unknown = cls.unknown(values)
        wrong = check(cls, {name: value for name, value in values.items() if name in cls.names()})
        if unknown:
            raise ConfigError("unknown setting", problems=[*unknown, *wrong])
        if "horizon" not in values:
            hint = "Say how many steps to forecast, as in horizon=12."
            raise ConfigError("horizon is required", problems=wrong, hint=hint)
        return cls(**values)


SUMMARY = """What a user can set. "auto" and none are filled in from the training rows, and shown."""
Settings.__doc__ = docstring(SUMMARY, Settings)


def quantile_problems(levels: tuple[float, ...]) -> list[Problem]:
    """What is wrong with quantile levels."""
    bad = [level for level in levels if not isinstance(level, int | float) or not 0 < level < 1]
    problems = [
        Problem(what=f"quantile level {level!r}", expected="a probability in (0, 1), such as 0.9") for level in bad
    ]
    if not bad and list(levels) != sorted(set(levels)):
        problems.append(Problem(what=f"quantiles={levels!r}", expected="ascending levels without repeats"))
    return problems


def _dilation_problems(settings: Settings) -> list[Problem]:
    dilations, layers = settings.dilations, settings.layers
    if dilations and len(dilations) != layers:
        return [Problem(what=f"dilations={dilations!r} with layers={layers}", expected="a number a layer")]
    return []


def _time_problems(settings: Settings) -> list[Problem]:
    text = settings.max_time
    if text is None or _seconds(text) is not None:
        return []
    return [Problem(what=f"max_time={text!r}", expected="a number of seconds, or a time such as 90s, 5m or 1h")]


# what no setting can tell of itself alone, by the settings that must be right for the question to make sense
CROSS_CHECKS: dict[tuple[str, ...], Callable[[Settings], list[Problem]]] = {
    ("quantiles",): lambda settings: quantile_problems(settings.quantiles),
    ("max_time",): _time_problems,
    ("dilations", "layers"): _dilation_problems,
}


def _seconds(text: str | float) -> float | None:
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([smh]?)", str(text).strip())
    return float(match[1]) * {"": 1, "s": 1, "m": 60, "h": 3600}[match[2]] if match and float(match[1]) else None


def _unknown(name: str, known: tuple[str, ...]) -> Problem:
    near = get_close_matches(name, known, n=1)
    return Problem(what=f"unknown setting {name!r}", expected=f"{near[0]!r}?" if near else f"one of {', '.join(known)}")
