"""The conditions of --require are read before any work is done, and the best model is held to them after it."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from forecast.datasets.errors import ConfigError, GateError, Problem
from forecast.evaluation.metrics import RELATIVE, chosen_metrics


class Judged(Protocol):
    """What conditions are held against: an evaluation, or the choice of a job."""

    @property
    def best(self) -> str:
        """Return what the metrics are of, in words."""
        ...

    @property
    def metrics(self) -> dict[str, float]:
        """Return the metrics that the conditions are on."""
        ...

    @property
    def models(self) -> dict[str, dict[str, float]]:
        """Return by model its metrics, which conditions may name."""
        ...

    @property
    def baselines(self) -> dict[str, dict[str, float]]:
        """Return by reference its metrics, which conditions may name."""
        ...


COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "<=": operator.le,
    ">=": operator.ge,
    "<": operator.lt,
    ">": operator.gt,
}
NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
CONDITION = re.compile(rf"\s*([\w.]+)\s*(<=|>=|<|>)\s*(?:({NUMBER})|(?:({NUMBER})\s*\*\s*)?(\S.*?))\s*")
HINT = "Write it as 'mase<=0.9', 'mase<seasonal_naive' or 'wql<=0.9*theta'."


@dataclass(frozen=True, kw_only=True)
class Gate:
    """A condition that the best model must meet.

    Args:
        text: the condition as the user wrote it.
        metric: name of the best model's metric.
        sign: a key of `COMPARISONS`.
        factor: the limit, or the factor of the other model's metric.
        model: name of the other model; None where the limit is a number.
    """

    text: str
    metric: str
    sign: str
    factor: float
    model: str | None = None

    @classmethod
    def of(cls, text: str) -> Gate:
        """Read a condition.

        Raises:
            ConfigError: if it is no metric, a comparison, and a number or a model.
        """
        match = CONDITION.fullmatch(text)
        if match is None:
            raise ConfigError(f"--require {text!r} is not understood", hint=HINT)
        metric, sign, number, factor, model = match.groups()
        return cls(text=text, metric=metric, sign=sign, factor=float(number or factor or 1), model=model)

    def problem(self, result: Judged) -> Problem | None:
        """Return what keeps the best model from meeting the condition; None where it is met."""
        value = result.metrics.get(self.metric)
        if value is None:
            return Problem(what=f"{self.metric} is not defined here", expected=f"{self.sign} {self._right}")
        if self.model is None:
            limit, whose = self.factor, ""
        else:
            other = {**result.baselines, **result.models}.get(self.model, {}).get(self.metric)
            if other is None:
                return Problem(what=f"{self.model} has no {self.metric} here", expected=f"one for {self.text!r}")
            limit, whose = self.factor * other, f", which is {self._right}"
        if COMPARISONS[self.sign](value, limit):
            return None
        return Problem(what=f"{self.metric} is {value:.6g}", expected=f"{self.sign} {limit:.6g}{whose}")

    @property
    def _right(self) -> str:
        """Return what stands on the condition's right."""
        if self.model is None:
            return f"{self.factor:g}"
        return self.model if self.factor == 1 else f"{self.factor:g} * {self.model}"


def check_gates(
    gates: Iterable[Gate],
    models: Collection[str],
    references: Collection[str],
    metrics: Sequence[str] | None,
    levels: Iterable[tuple[float, ...]],
    *,
    standardised: bool,
) -> None:
    """Refuse conditions on metrics or models that the evaluation will not have.

    Args:
        gates: the conditions.
        models: names of the models of the run.
        references: names of the references.
        metrics: names of the metrics that are computed; None stands for all that the quantiles allow.
        levels: quantile levels in (0, 1) of each model.
        standardised: whether errors on standardised values are computed (`--scale train`).

    Raises:
        ConfigError: with every such condition.
    """
    problems: list[Problem] = []
    distinct = list(dict.fromkeys(levels))
    for gate in gates:
        problems += _metric_problems(gate, metrics, distinct, standardised)
        if gate.model is not None and gate.model not in {*models, *references}:
            expected = f"a number, or one of {', '.join(dict.fromkeys((*models, *references)))}"
            problems.append(
                Problem(what=f"{gate.text!r}: there is no model {gate.model!r} in the run", expected=expected)
            )
        elif gate.metric in RELATIVE and gate.model is not None and gate.model not in models:
            what = f"{gate.text!r}: {gate.metric} of {gate.model} is not computed"
            problems.append(Problem(what=what, expected="a number, or a model of the run"))
    if problems:
        raise ConfigError("--require cannot be checked", problems=problems, hint=HINT)


def missed_gates(gates: Iterable[Gate], result: Judged) -> GateError | None:
    """Return the error that lists every condition that the best model does not meet; None where it meets them all."""
    missed = [problem for gate in gates if (problem := gate.problem(result)) is not None]
    return GateError(f"{result.best} does not meet what is required", problems=missed) if missed else None


def _metric_problems(
    gate: Gate, metrics: Sequence[str] | None, levels: Sequence[tuple[float, ...]], standardised: bool
) -> Sequence[Problem]:
    """List why no model has the metric of a condition; a metric that one of them has is no problem."""
    refusals: list[Sequence[Problem]] = []
    for quantiles in levels:
        try:
            meant = chosen_metrics([gate.metric], quantiles, standardised=standardised)
        except ConfigError as refused:
            refusals.append(refused.problems)
            continue
        if gate.metric not in (*meant, *RELATIVE):
            names = " or ".join(repr(name) for name in meant)
            refusals.append([Problem(what=f"{gate.metric!r} is a metric of each interval", expected=names)])
        elif (
            metrics is not None
            and not meant.keys() <= chosen_metrics(metrics, quantiles, standardised=standardised).keys()
        ):
            remedy = f"Add {gate.metric} to --metrics."
            refusals.append([Problem(what=f"metric {gate.metric!r} is not among --metrics", remedy=remedy)])
        else:
            return []
    return refusals[0]
