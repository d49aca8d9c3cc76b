"""A blend: forecasts combined by the median over networks of a kind, and by a weighted mean over these and the companions."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from forecast.automatic.companions import companions
from forecast.automatic.members import CELL, NetworkPlan
from forecast.datasets.errors import ModelError
from forecast.datasets.panel import Panel
from forecast.datasets.saved_arrays import REMEDY, Expected, check_arrays, json_of
from forecast.datasets.strict_json import shown
from forecast.datasets.windows.origins import Origins
from forecast.models.recurrent import RecurrentModel
from forecast.protocol import Prediction
from forecast.settings import Settings

State = dict[str, NDArray[Any]]
ROUNDING_OF_WEIGHTS = 1e-6  # of their sum
SHARED = ("horizon", "quantiles", "static", "known", "past", "transform")  # settings of a blend and all its networks


class Part(Protocol):
    """A fitted forecast that a blend holds: a committee of networks or a companion."""

    @property
    def name(self) -> str:
        """The name that its state goes by."""

    @property
    def context(self) -> int | None:
        """Rows of history a forecast reads; None reads all."""

    def predict(self, panel: Panel, origins: Origins) -> Prediction:
        """Forecast at origins."""
        ...

    def state(self) -> State:
        """What was learnt, as arrays."""
        ...

    def check_context(self, panel: Panel) -> None:
        """Refuse rows that it cannot forecast from."""


@dataclass(frozen=True, eq=False)
class Committee:
    """Fitted networks of one kind, which forecast their median, quantile by quantile."""

    members: tuple[RecurrentModel, ...]
    name: ClassVar[str] = CELL

    @property
    def context(self) -> int:
        """Rows of history a forecast reads."""
        return max(member.context for member in self.members)

    def predict(self, panel: Panel, origins: Origins) -> Prediction:
        """The median of the members' points and of each of their quantiles."""
        predictions = [member.predict(panel, origins) for member in self.members]
        point = np.median([each.point for each in predictions], axis=0)
        quantiles = [each.quantiles for each in predictions if each.quantiles is not None]
        return Prediction(point, predictions[0].levels, np.median(quantiles, axis=0) if quantiles else None)

    def state(self) -> State:
        """Every member's arrays under its number, and their settings as JSON in a byte array."""
        settings = [asdict(member.resolved) for member in self.members]
        arrays = _numbered([member.state() for member in self.members])
        return {**arrays, "settings": _to_bytes(settings)}

    def check_context(self, panel: Panel) -> None:
        """Refuse rows that a member cannot read."""
        for member in self.members:
            member.check_context(panel)

    @classmethod
    def restore(cls, state: State, blended: Settings, season_length: int) -> Committee:
        """The committee that gave this state.

        Args:
            state: as `state` gave it.
            blended: settings of the blend, which every member shares where it forecasts the same.
            season_length: steps in a season.

        Raises:
            ModelError: if the state is not that of such a committee.
        """
        saved = json_of(state, "settings")
        if not isinstance(saved, list) or not all(isinstance(values, dict) for values in saved):
            raise ModelError("the members' settings are no list of settings", hint=REMEDY)
        _check_numbers(state, len(saved), {"settings"})
        settings = [Settings.of(values) for values in saved]
        for name in SHARED:
            if any(getattr(each, name) != getattr(blended, name) for each in settings):
                raise ModelError(f"a member has another {name} than the model", hint=REMEDY)
        members = tuple(NetworkPlan(settings=each, season_length=season_length).build() for each in settings)
        for number, member in enumerate(members):
            member.restore(_under(number, state))
        return cls(members)


@dataclass(frozen=True, eq=False)
class Blend:
    """The weighted mean of several forecasts, quantile by quantile; a weighted mean of quantiles that do not cross does
    not cross either.

    Args:
        parts: fitted, all for the same horizon and quantile levels.
        weights: a weight of each part; none is negative, and they sum to 1. A part of weight 0 makes no forecast.
    """

    parts: tuple[Part, ...]
    weights: tuple[float, ...]

    @classmethod
    def of(cls, parts: Sequence[Part | None], weights: NDArray[np.float64]) -> Blend:
        """A blend of the parts that there are; None stands in the place of a part that was not fitted."""
        pairs = [(part, float(weight)) for part, weight in zip(parts, weights, strict=True) if part is not None]
        return cls(tuple(part for part, _ in pairs), tuple(weight for _, weight in pairs))

    @property
    def context(self) -> int | None:
        """Rows of history a forecast reads; None reads all."""
        contexts = [part.context for part in self.parts]
        return None if None in contexts else max(rows for rows in contexts if rows is not None)

    def predict(self, panel: Panel, origins: Origins) -> Prediction:
        """The weighted mean at each origin."""
        predictions = [(w, part.predict(panel, origins)) for part, w in zip(self.parts, self.weights, strict=True) if w]
        weighted = [(w, each.coherent().at(each.levels)) for w, each in predictions]
        is_mean = any(each.is_mean for _, each in weighted)
        point: NDArray[np.float64] = sum((w * each.point for w, each in weighted), np.zeros(()))
        levels = weighted[0][1].levels
        if not levels:
            return Prediction(point, is_mean=is_mean)
        quantiles = np.zeros((*point.shape, len(levels)))
        for weight, each in weighted:
            assert each.quantiles is not None, "every part forecasts the quantiles of the first"
            quantiles += weight * each.quantiles
        return Prediction(point, levels, quantiles, is_mean=is_mean)

    def state(self) -> State:
        """Every part's arrays under its number, the parts' names and the weights."""
        arrays = _numbered([part.state() for part in self.parts])
        return {**arrays, "parts": _to_bytes([part.name for part in self.parts]), "weights": np.array(self.weights)}

    @classmethod
    def restore(cls, state: State, settings: Settings, season_length: int) -> Blend:
        """The blend that gave this state; nothing in the state is executed.

        Args:
            state: as `state` gave it.
            settings: of the model `auto`, with nothing left open.
            season_length: steps in a season.

        Raises:
            ModelError: if the state is not that of a blend of these settings.
        """
        others = {each.name: each for each in companions(settings, season_length, levels=settings.quantiles)}
        names = json_of(state, "parts")
        if not isinstance(names, list) or not names or not all(name in (Committee.name, *others) for name in names):
            expected = ", ".join([Committee.name, *others])
            raise ModelError(f"the parts of the blend are not some of {expected}", hint=REMEDY)
        _check_numbers(state, len(names), {"parts", "weights"})
        check_arrays({"weights": state["weights"]}, {"weights": Expected(np.float64, (len(names),), least=0)})
        if abs(state["weights"].sum() - 1) > ROUNDING_OF_WEIGHTS:
            raise ModelError("the weights of the blend do not add up to 1", hint=REMEDY)
        parts: list[Part] = []
        for number, name in enumerate(names):
            arrays = _under(number, state)
            if name == Committee.name:
                parts.append(Committee.restore(arrays, settings, season_length))
                continue
            companion = others.pop(name, None)
            if companion is None:
                raise ModelError(f"{name} is in the blend twice", hint=REMEDY)
            companion.restore(arrays)
            parts.append(companion)
        return cls(tuple(parts), tuple(state["weights"].tolist()))

    def check_context(self, panel: Panel) -> None:
        """Refuse rows that a part cannot forecast from."""
        for part in self.parts:
            part.check_context(panel)


def _check_numbers(state: State, count: int, named: set[str]) -> None:
    """Refuse a state that has anything but these names, and arrays under the numbers up to `count`."""
    there = {name.partition(".")[0] if "." in name else name for name in state}
    expected = {*map(str, range(count)), *named}
    if there != expected:
        problem = shown(min(there ^ expected))
        raise ModelError(f"the model has not exactly {count} parts: see the arrays of {problem!r}", hint=REMEDY)


def _numbered(states: Sequence[State]) -> State:
    return {f"{number}.{name}": array for number, state in enumerate(states) for name, array in state.items()}


def _under(number: int, state: State) -> State:
    """The arrays of one number, without it."""
    prefix = f"{number}."
    return {name.removeprefix(prefix): array for name, array in state.items() if name.startswith(prefix)}


def _to_bytes(values: Any) -> NDArray[np.uint8]:
    return np.frombuffer(json.dumps(values).encode(), np.uint8).copy()
