"""Every setting has its one home here: the command line, the pandas API, MLflow and the model directory read it."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal, Self

from forecast.datasets.addresses import without_password
from forecast.datasets.declarations import (
    DATA,
    MODEL,
    TRACKING,
    TRAINING,
    Range,
    check,
    declarations,
    described,
    docstring,
    quantile_problems,
    seconds,
    setting,
    unknown_name,
)
from forecast.datasets.errors import ConfigError, Problem
from forecast.datasets.tables.columns import Columns

Auto = Literal["auto"]
COUNT, AMOUNT = Range(least=1), Range(least=0)
# Far above what anybody trains on one machine. A model directory with more is not loaded, since a setting that no weight
# depends on can cost as much memory as it says; so more is not fitted, either.
SOME, MANY = Range(least=1, most=100_000), Range(least=1, most=1_000_000_000)
MANY_OR_NONE = Range(least=0, most=1_000_000_000)
MOST_BYTES_OF_WEIGHTS = 2**30  # of a model, in model.safetensors
PRESETS = ("fast", "balanced", "best")
DEVICES = ("auto", "cpu", "cuda")
BLENDS = ("auto", "on", "boosted", "intermittent", "off")
HIGHWAYS = ("auto", "ridge", "zero")
POINTS = ("median", "mean")
TUNES = ("off", "auto")
CALIBRATIONS = ("none", "split", "adaptive")
SERIES_WEIGHTS = ("equal", "scale")
TRACKINGS = ("optional", "required", "off")


def _record(help: str, metavar: str = "") -> Any:
    """Declare a text that says where runs are recorded."""
    return setting(None, help, group=TRACKING, metavar=metavar, everyday=True)


@dataclass(frozen=True, kw_only=True)
class Settings(Columns):
    horizon: int = field(
        metadata=described(
            "Number of steps to forecast after the cutoff.",
            group=MODEL,
            values=SOME,
            flags=("--horizon", "-H"),
            metavar="STEPS",
            everyday=True,
        )
    )
    model: str = setting(
        "auto",
        "Name of the model, a network or a baseline; `forecast models list` shows them.",
        group=MODEL,
        flags=("--model", "-m"),
        everyday=True,
    )
    freq: str | int | None = setting(
        None,
        "Frequency of the rows: h, 15min, D, W, MS..., or 1 for integer time. If left out, it is found from the times.",
        group=DATA,
        metavar="FREQ",
        everyday=True,
    )
    season_length: int | None = setting(
        None,
        "Steps in one season. If left out, it is the usual one of the frequency, or else is found from the values.",
        group=DATA,
        values=Range(least=1, most=1_000_000),
        metavar="STEPS",
        everyday=True,
    )
    quantiles: tuple[float, ...] = setting(
        (),
        "Quantile levels in (0, 1) to forecast beside the point forecast, such as 0.1,0.5,0.9.",
        group=MODEL,
        metavar="LEVEL,...",
        everyday=True,
    )
    lookback: int | Auto = setting(
        "auto", "Rows of history that the network reads.", group=MODEL, values=SOME, metavar="ROWS"
    )
    segment: int | Auto = setting(
        "auto",
        "Rows that one recurrent step reads; 1 gives the textbook network.",
        group=MODEL,
        values=SOME,
        metavar="ROWS",
    )
    origins: int | Auto = setting(
        "auto",
        "Number of origins in a training crop, each with a forecast; 1 gives the classical window.",
        group=MODEL,
        values=SOME,
    )
    transform: str = setting(
        "auto",
        "Transform of the target before it is forecast: none; log or softplus, for positive values, which an "
        "exponential or a softplus undoes; sigmoid, for values in (0, 1); or softmax, for shares that add up to one "
        "over all series at each time.",
        group=MODEL,
    )
    normaliser: str = setting("auto", "Scaling of the history at each origin: mean, last or robust.", group=MODEL)
    memory: int | Auto = setting(
        "auto", "Rows that the normaliser and the linear highway read.", group=MODEL, values=SOME, metavar="ROWS"
    )
    base: str = setting(
        "auto",
        "Simple forecast that the network corrects: last (the last value), season (the last season), or cycle (half the last "
        "season, half one further back).",
        group=MODEL,
    )
    highway: str = setting(
        "auto",
        "Weights that the linear highway beside the network starts with: those of a ridge regression, or zero.",
        group=MODEL,
        values=HIGHWAYS,
    )
    hidden_size: int | Auto = setting(
        "auto", "Numbers in the state of a recurrent layer.", group=MODEL, values=Range(least=1, most=65_536)
    )
    layers: int = setting(
        1, "Number of recurrent layers, one on top of the other.", group=MODEL, values=Range(least=1, most=256)
    )
    dilations: tuple[int, ...] = setting(
        (),
        "Steps between the states that a layer connects, a number for each layer; none takes 1 for all.",
        group=MODEL,
        values=COUNT,
    )
    decoder: str = setting(
        "auto",
        "Decoder that turns a state into a forecast: direct (all steps from one state), position (a state for each "
        "output segment), seq2seq (a recurrent decoder), attention or luong (a recurrent decoder that looks back at "
        "every state).",
        group=MODEL,
    )
    teacher_forcing: float = setting(
        0.5,
        "Share of a recurrent decoder's steps that read the actual value instead of the decoder's own forecast when "
        "training begins; it falls to zero by the end.",
        group=TRAINING,
        values=Range(most=1),
    )
    head: str = setting(
        "auto",
        "Form of the forecast of a step: point, quantile, or a distribution (normal, student_t, lognormal, poisson, "
        "negative_binomial, beta).",
        group=MODEL,
        everyday=True,
    )
    point: str = setting(
        "median", "Point forecast of a distribution: its median or its mean.", group=MODEL, values=POINTS
    )
    lower: float | None = setting(
        None,
        "Least value that the target can take. If left out, it follows from transform, head or the training rows.",
        group=MODEL,
        metavar="VALUE",
        everyday=True,
    )
    upper: float | None = setting(
        None, "Greatest value that the target can take.", group=MODEL, metavar="VALUE", everyday=True
    )
    calibrate: str = setting(
        "none",
        "Conformal prediction that corrects the quantiles on the newest rows, which are then not trained on.",
        group=MODEL,
        values=CALIBRATIONS,
        everyday=True,
    )
    dropout: float = setting(
        0.0, "Share of activations that training drops between layers.", group=TRAINING, values=Range(below=1)
    )
    loss: str = setting(
        "auto",
        "Loss that training minimises: mae, mse, huber, relative, mixed or nll (of a distribution); quantiles beside "
        "the point learn by the pinball loss.",
        group=TRAINING,
    )
    series_weights: str = setting(
        "equal",
        "Weight of a series in the loss: equal for all, or its scale, so that large series count more.",
        group=TRAINING,
        values=SERIES_WEIGHTS,
    )
    members: int | Auto = setting(
        "auto",
        "Number of networks in the ensemble of `auto`; other models are one network.",
        group=MODEL,
        values=Range(least=1, most=1000),
    )
    workers: int | Auto = setting(
        "auto", "Number of processes that train the networks of `auto` side by side.", group=TRAINING, values=SOME
    )
    blend: str = setting(
        "auto",
        "Forecasts beside the networks in `auto`: on (zero, naive), boosted (these and boosting on lags), "
        "intermittent (TSB, SBA) or off.",
        group=MODEL,
        values=BLENDS,
    )
    weights: str | None = setting(
        None,
        "File of weights for `zero` that `forecast pretrain` wrote; by default those that ship with the package.",
        group=MODEL,
        metavar="FILE",
    )
    tune: str = setting(
        "off", "Adapt the weights of `zero` to the training rows (auto), or not.", group=MODEL, values=TUNES
    )
    preset: str = setting(
        "balanced",
        "Amount of work that training may take: fast, balanced or best.",
        group=TRAINING,
        values=PRESETS,
        everyday=True,
    )
    steps: int | Auto = setting("auto", "Number of optimiser steps.", group=TRAINING, values=MANY)
    batch_size: int | Auto = setting("auto", "Number of crops in one optimiser step.", group=TRAINING, values=MANY)
    learning_rate: float | Auto = setting(
        "auto", "Peak of the one-cycle learning-rate schedule.", group=TRAINING, values=AMOUNT
    )
    weight_decay: float = setting(0.01, "Decoupled weight decay of AdamW.", group=TRAINING, values=AMOUNT)
    gradient_clip: float = setting(
        1.0, "Largest norm that a gradient keeps; a longer one is scaled down to it.", group=TRAINING, values=AMOUNT
    )
    averaging: float | Auto = setting(
        "auto",
        "Decay of the moving average of the weights, which the fitted model keeps; 0 keeps the last weights.",
        group=TRAINING,
        values=Range(below=1),
    )
    patience: int | Auto = setting(
        "auto",
        "Number of validation rounds without progress after which training stops; 0 never stops early.",
        group=TRAINING,
        values=MANY_OR_NONE,
        metavar="ROUNDS",
    )
    val_size: int | Auto = setting(
        "auto",
        "Rows at each series' end that are held back to choose the best weights.",
        group=TRAINING,
        values=MANY_OR_NONE,
        metavar="ROWS",
        everyday=True,
    )
    max_time: str | float | None = setting(
        None,
        "Time that training may take: 90s, 5m, 1h, or a number of seconds.",
        group=TRAINING,
        metavar="TIME",
        everyday=True,
    )
    seed: int = setting(
        0, "Seed of the weights and of the order of crops.", group=TRAINING, values=Range(below=2**63), everyday=True
    )
    threads: int | Auto = setting(
        "auto",
        "Number of CPU threads that torch computes with.",
        group=TRAINING,
        values=Range(least=1, most=4096),
        everyday=True,
    )
    device: str = setting(
        "auto", "Device that the network is trained on.", group=TRAINING, values=DEVICES, everyday=True
    )
    experiment: str | None = _record("MLflow experiment that runs belong to; in Python, naming one turns tracking on.")
    run_name: str | None = _record("Name of the MLflow run. If left out, it says model, data and horizon.")
    tracking_uri: str | None = _record(
        "MLflow store. If left out, it is FORECAST_TRACKING_URI, MLFLOW_TRACKING_URI or .forecast/mlflow.db.", "URI"
    )
    tracking: str = setting(
        "optional", "Record runs if possible, in any case, or not.", group=TRACKING, values=TRACKINGS, everyday=True
    )
    journal: str | None = _record(
        "Folder that keeps runs until a store has them. If left out, it is FORECAST_JOURNAL or .forecast/journal.",
        "DIR",
    )

    def __post_init__(self) -> None:
        lines = declarations(type(self))
        for name, line in lines.items():
            object.__setattr__(self, name, line.coerced(getattr(self, name)))
        object.__setattr__(self, "tracking_uri", without_password(self.tracking_uri))  # so that it is never shown
        single = {name: line.problems(getattr(self, name)) for name, line in lines.items()}
        problems = [problem for wrong in single.values() for problem in wrong]
        for names, cross in CROSS_CHECKS.items():
            if not any(single[name] for name in names):
                problems += cross(self)
        if problems:
            raise ConfigError("the settings do not fit together", problems=problems)

    @property
    def columns(self) -> Columns:
        """Return the roles of the table's columns."""
        return Columns(**{role.name: getattr(self, role.name) for role in fields(Columns)})

    @property
    def max_seconds(self) -> float | None:
        """Return `max_time` in seconds; None if it is not limited."""
        return None if self.max_time is None else seconds(self.max_time)

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """Return the settings' names, `horizon` first, in the order of their declarations."""
        return tuple(sorted((f.name for f in fields(cls)), key=lambda name: name != "horizon"))

    @classmethod
    def unknown(cls, names: Iterable[str]) -> list[Problem]:
        """List the names that no setting has as problems, each with the nearest name of a setting."""
        settings = cls.names()
        return [unknown_name(name, settings) for name in names if name not in settings]

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Self:
        """Build settings from a mapping, such as a settings file or keywords.

        Args:
            values: values by the settings' names; `horizon` is required.

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


SUMMARY = """The settings of a model. "auto" and none are filled in from the training rows, and shown."""
Settings.__doc__ = docstring(SUMMARY, Settings)


def _dilation_problems(settings: Settings) -> list[Problem]:
    """List dilations that are not one for each layer as a problem."""
    dilations, layers = settings.dilations, settings.layers
    if dilations and len(dilations) != layers:
        return [Problem(what=f"dilations={dilations!r} with layers={layers}", expected="a number a layer")]
    return []


def _time_problems(settings: Settings) -> list[Problem]:
    """List a `max_time` that cannot be read as a problem."""
    text = settings.max_time
    if text is None or seconds(text) is not None:
        return []
    return [Problem(what=f"max_time={text!r}", expected="a number of seconds, or a time such as 90s, 5m or 1h")]


def _role_problems(settings: Settings) -> list[Problem]:
    """List covariates that are named twice as problems."""
    named = Counter((*settings.static, *settings.known, *settings.past))
    return [
        Problem(what=f"{name!r} is named twice", column=name, expected="one of static, known and past")
        for name, count in named.items()
        if count > 1
    ]


def _bound_problems(settings: Settings) -> list[Problem]:
    """List bounds that are no numbers, or leave no room between them, as problems."""
    given = {name: bound for name in ("lower", "upper") if (bound := getattr(settings, name)) is not None}
    problems = [
        Problem(what=f"{name}={bound}", expected="a finite number")
        for name, bound in given.items()
        if not math.isfinite(bound)
    ]
    if not problems and len(given) == 2 and given["lower"] >= given["upper"]:
        return [Problem(what=f"lower={given['lower']:g}, upper={given['upper']:g}", expected="lower below upper")]
    return problems


# checks of settings against each other; each runs only if the settings of its key are right on their own
CROSS_CHECKS: dict[tuple[str, ...], Callable[[Settings], list[Problem]]] = {
    ("quantiles",): lambda settings: quantile_problems(settings.quantiles),
    ("max_time",): _time_problems,
    ("static", "known", "past"): _role_problems,
    ("lower", "upper"): _bound_problems,
    ("dilations", "layers"): _dilation_problems,
}
