"""A model is chosen by its past, and the choice is scored by what came after it, so that the score promises nothing false.

The best of several models on some cutoffs looks better there than it is: chance helped to choose it. So each cutoff from
the second on scores the forecasts of the model that was best up to then, and of no other.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from forecast.datasets.errors import ConfigError
from forecast.datasets.time.times import as_text
from forecast.evaluation.accumulator import Accumulator
from forecast.evaluation.backtest import Backtest, cutoff_times
from forecast.evaluation.leaderboard import ranking_metric
from forecast.evaluation.metrics import chosen_metrics, owa
from forecast.evaluation.result import Evaluation
from forecast.jobs.kept import Forecasts, Kept
from forecast.tracking.comparing.boards import distance

Scores = dict[str, dict[str, float]]
NAIVE2 = "naive2"
NOTHING_TO_CHOOSE_BY = "there is nothing to choose a model by"
MORE_CUTOFFS = "Give --cutoffs 2 or more (or an earlier --from), or one model: each cutoff scores the model that was best before it."


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """The model that one cutoff scores.

    Args:
        cutoff: number of the cutoff, from 0.
        time: its time as text, the latest over the series.
        model: name of the model that was best on what was known then.
        scores: by model, the metric that it was chosen by; empty where there was no choice.
    """

    cutoff: int
    time: str
    model: str
    scores: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Choice:
    """What was chosen, and how good choosing in this way was; `metrics`, `models` and `baselines` are of the same forecasts.

    Args:
        model: name of the model that is best over all cutoffs.
        metric: name of the metric that chooses.
        by_cutoff: what was chosen at each cutoff that is scored.
        metrics: metrics of the forecasts that were chosen, by name.
        models: by model, its metrics on the same cutoffs.
        baselines: by reference, its metrics on the same cutoffs.
        n_forecasts: number of forecasts that these rest on: those of all series, cutoffs and steps with an actual.
    """

    model: str
    metric: str
    by_cutoff: tuple[Chosen, ...]
    metrics: dict[str, float]
    models: Scores
    baselines: Scores
    n_forecasts: int

    @property
    def best(self) -> str:
        """Return what the metrics are of, in words: the model where there is one, else the choice among several."""
        return self.model if len(self.models) == 1 else f"the choice among {', '.join(self.models)}"

    @property
    def times_chosen(self) -> int:
        """Return at how many of the scored cutoffs the model was chosen that is best over all."""
        return sum(chosen.model == self.model for chosen in self.by_cutoff)


def check_enough(n_models: int, n_cutoffs: int) -> None:
    """Refuse a choice among several models at one cutoff.

    Raises:
        ConfigError: if no cutoff stands before another.
    """
    if n_models > 1 and n_cutoffs < 2:
        raise ConfigError(
            f"{NOTHING_TO_CHOOSE_BY}: {n_models} models, and no cutoff before the only one", hint=MORE_CUTOFFS
        )


def choose(evaluation: Evaluation, backtest: Backtest, kept: Kept, metric: str | None = None) -> Choice:
    """Choose a model, and score the way in which it was chosen.

    Args:
        evaluation: the result of the backtest.
        backtest: the backtest.
        kept: the forecasts that it made.
        metric: name of the metric that chooses: an error, of which less is better, a bias or a coverage. None takes
            that which evaluations rank by.

    Raises:
        ConfigError: if there is no cutoff before which anything is known.
    """
    candidates, references = kept.candidates(), kept.references()
    metric = metric or ranking_metric(evaluation.models)
    if len(candidates) == 1:
        name = next(iter(candidates))
        everywhere = [_chosen(backtest, number, name) for number in range(len(backtest.protocol.cutoffs))]
    else:
        everywhere = _choices(backtest, candidates, references, metric)
    if not everywhere:
        raise ConfigError(f"{NOTHING_TO_CHOOSE_BY}: no actual was known before any cutoff", hint=MORE_CUTOFFS)
    numbers = [chosen.cutoff for chosen in everywhere]
    scored = _at_cutoffs(candidates, numbers)
    mine = _composed(candidates, everywhere)
    baselines = _metrics(backtest, _at_cutoffs(references, numbers))
    naive2 = baselines.get(NAIVE2, {})
    return Choice(
        model=_best(evaluation.models, metric),
        metric=metric,
        by_cutoff=tuple(everywhere),
        metrics=_with_owa(_score(backtest, mine, _names(backtest, mine.levels)), naive2),
        models={name: _with_owa(scores, naive2) for name, scores in _metrics(backtest, scored).items()},
        baselines=baselines,
        n_forecasts=mine.n_scored,
    )


def _choices(
    backtest: Backtest, candidates: Mapping[str, Forecasts], references: Mapping[str, Forecasts], metric: str
) -> list[Chosen]:
    """Choose at each cutoff by what was known there; cutoffs at which nothing was are left out."""
    choices = []
    wanted = {**({NAIVE2: references[NAIVE2]} if metric == "owa" and NAIVE2 in references else {}), **candidates}
    for cutoff in backtest.protocol.cutoffs[1:]:
        known = {name: made.as_known_at(cutoff, backtest.panel, backtest.protocol.gap) for name, made in wanted.items()}
        scores = {name: _score(backtest, made, [metric]) for name, made in known.items()}
        naive2 = scores.get(NAIVE2, {})
        values = {name: _with_owa(scores[name], naive2).get(metric, math.nan) for name in candidates}
        if not all(map(math.isnan, values.values())):
            model = _best({name: {metric: value} for name, value in values.items()}, metric)
            choices.append(_chosen(backtest, cutoff.index, model, values))
    return choices


def _chosen(backtest: Backtest, number: int, model: str, scores: dict[str, float] | None = None) -> Chosen:
    """Say what was chosen at a cutoff."""
    panel = backtest.panel
    time = int(cutoff_times(panel, backtest.protocol.cutoffs[number]).max())
    return Chosen(cutoff=number, time=as_text(time, panel.grid.kind == "integer"), model=model, scores=scores or {})


def _best(models: Mapping[str, Mapping[str, float]], metric: str) -> str:
    """Return the model whose metric is nearest to its best value; of equal ones, and where none is defined, the first."""

    def off(name: str) -> float:
        value = distance(metric, models[name].get(metric))
        return math.inf if math.isnan(value) else value

    return min(models, key=off)


def _at_cutoffs(forecasts: Mapping[str, Forecasts], numbers: Sequence[int]) -> dict[str, Forecasts]:
    return {name: made.at(numbers) for name, made in forecasts.items()}


def _composed(candidates: Mapping[str, Forecasts], choices: Sequence[Chosen]) -> Forecasts:
    """Put together what was chosen at each cutoff, with the quantile levels that all of it has."""
    parts = [candidates[chosen.model].at([chosen.cutoff]) for chosen in choices]
    levels = tuple(level for level in parts[0].levels if all(level in part.levels for part in parts))
    return Forecasts.joined([part.with_levels(levels) for part in parts])


def _metrics(backtest: Backtest, forecasts: Mapping[str, Forecasts]) -> Scores:
    return {name: _score(backtest, made, _names(backtest, made.levels)) for name, made in forecasts.items()}


def _names(backtest: Backtest, levels: tuple[float, ...]) -> list[str] | None:
    """Return the names of the backtest's metrics that these levels allow; None takes all."""
    if backtest.protocol.metrics is None:
        return None
    standardised = backtest.protocol.standardise
    allowed: list[str] = []
    for name in backtest.protocol.metrics:
        try:
            allowed += chosen_metrics([name], levels, standardised=standardised)
        except ConfigError:  # only models with other levels have it
            continue
    return list(dict.fromkeys(allowed))


def _score(backtest: Backtest, made: Forecasts, metrics: Sequence[str] | None) -> dict[str, float]:
    """Score forecasts by the rules and the scales of the backtest."""
    protocol = backtest.protocol
    try:
        chosen = chosen_metrics(metrics, made.levels, standardised=protocol.standardise)
    except ConfigError:  # a model without the levels that the metric needs
        return {}
    scores = Accumulator(backtest.scales, protocol.horizon, made.levels, chosen)
    if len(made.series):
        scores.add(made.series, made.actual, made.point, made.quantiles)
    return scores.result(standardised=protocol.standardise)


def _with_owa(metrics: dict[str, float], naive2: Mapping[str, float]) -> dict[str, float]:
    value = owa(metrics, naive2)
    return metrics if value is None else {**metrics, "owa": value}
