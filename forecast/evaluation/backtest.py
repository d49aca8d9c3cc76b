"""Rolling-origin evaluation of models side by side, on one panel."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from forecast.datasets.errors import ModelError, Problem
from forecast.datasets.panel import Panel
from forecast.datasets.tables.result import result_table
from forecast.datasets.windows.cutoffs import Cutoff
from forecast.datasets.windows.history import actuals
from forecast.datasets.windows.origins import Origins
from forecast.evaluation.accumulator import Accumulator
from forecast.evaluation.forecast_file import ForecastFile
from forecast.evaluation.metrics import Metric, Term, chosen_metrics
from forecast.evaluation.result import Evaluation, Outcome, make_evaluation
from forecast.evaluation.scales import Scales
from forecast.evaluation.seeds import SeedComparison, SeedSpread
from forecast.fitted import FittedModel
from forecast.progress import Progress
from forecast.protocol import Prediction
from forecast.settings import Settings

if TYPE_CHECKING:
    import pandas as pd
    from pytorch_lightning.loggers import Logger

ORIGINS_AT_ONCE = 8192  # that are forecast together; bounds memory whatever the number of cutoffs
NAIVE2_ROWS = 50_000_000  # history rows Naive2 may read before OWA is left out: it reads whole histories
NAIVE2_READS = 50  # times it may read the same rows, cutoff by cutoff


class Recording(Protocol):
    """A place to record one model's evaluation."""

    run_id: str | None

    def logger(self) -> Logger | None:
        """A Lightning logger for the learning curve, None where nothing is recorded."""
        ...

    def record_evaluation(self, outcome: Outcome, panel: Panel, origins: Origins, source: str | None) -> None:
        """Record one model's scores; `origins` are those of the last cutoff."""
        ...


Recorder = Callable[[Settings, str], AbstractContextManager[Recording]]
Keep = Callable[["pd.DataFrame"], None]


@dataclass(frozen=True, kw_only=True)
class EvaluationProtocol:
    """Which origins are scored, and against what.

    Args:
        horizon: steps scored.
        cutoffs: rolling origins, oldest first.
        refit: cutoffs from one fit to the next; 0 fits once, before the first.
        gap: steps after the cutoff that are not scored.
        season_length: of the models.
        mase_season: of the MASE scale.
        standardise: whether errors on standardised values are added.
        val_size: newest training rows that the standardisation leaves out, as the long-horizon papers do.
        metrics: what is scored, as of `chosen_metrics`.
    """

    horizon: int
    cutoffs: Sequence[Cutoff]
    refit: int
    gap: int
    season_length: int
    mase_season: int
    standardise: bool = False
    val_size: int = 0
    metrics: Sequence[str | Term | Metric] | str | None = None


@dataclass(frozen=True)
class Candidate:
    """A model to be evaluated.

    Args:
        settings: the recipe that is fitted.
        fitted: a model whose weights are kept; None fits the recipe.
    """

    settings: Settings
    fitted: FittedModel | None = None


class Backtest:
    """One panel and one protocol under which all candidates run.

    Args:
        panel: all rows, those that are scored included.
        protocol: the origins that are scored.
        candidates: the models by name.
        progress: it is told of each training step.
        source: the address of the data, for the record.
    """

    def __init__(
        self,
        panel: Panel,
        protocol: EvaluationProtocol,
        candidates: dict[str, Candidate],
        *,
        progress: Progress | None = None,
        source: str | None = None,
    ) -> None:
        self.panel, self.protocol, self.candidates = panel, protocol, candidates
        self.progress, self.source = progress, source
        self.scales = _scales(panel, protocol)

    def run(self, recorder: Recorder, *, seeds: int = 1, output: str | Path | None = None) -> Evaluation:
        """Forecast and score every candidate, the references beside them.

        Args:
            recorder: it opens the record of a model's evaluation, by settings and name.
            seeds: number of fits of each candidate.
            output: file that the forecasts go to; None keeps them in memory.
        """
        references = self._references()
        outcomes: dict[str, Outcome] = {}
        spreads: dict[str, SeedSpread] = {}
        with ForecastFile(output) as file:
            for name, candidate in self.candidates.items():
                keep = file.writer(name if len(self.candidates) > 1 else None)
                comparison = SeedComparison(self.panel.n_series) if seeds > 1 and not candidate.fitted else None
                with recorder(candidate.settings, name) as run:
                    outcome = self._outcome(name, candidate, keep, run, comparison).against(references)
                    run.record_evaluation(outcome, self.panel, self.protocol.cutoffs[-1].origins, self.source)
                    outcomes[name] = replace(outcome, run_id=run.run_id)
                    if comparison is not None:
                        spreads[name] = self._other_seeds(candidate, outcomes[name], comparison, seeds, references)
            frame = file.frame()
        return make_evaluation(self.panel, outcomes, references, frame, list(self.protocol.cutoffs), spreads)

    def _references(self) -> dict[str, Outcome]:
        """Seasonal naive always; Naive2, which OWA is relative to, unless its reading of whole histories would dominate."""
        names, protocol = ["seasonal_naive"], self.protocol
        history = sum(int((c.origins.end - self.panel.indptr[c.origins.series]).sum()) for c in protocol.cutoffs)
        if history <= min(NAIVE2_ROWS, NAIVE2_READS * self.panel.n_rows) or "naive2" in self.candidates:
            names.append("naive2")
        quantiles = next(iter(self.candidates.values())).settings.quantiles
        horizon = protocol.horizon + protocol.gap
        plain = Settings(horizon=horizon, season_length=protocol.season_length, quantiles=quantiles)
        return {name: self._outcome(name, Candidate(replace(plain, model=name)), _forget) for name in names}

    def _outcome(
        self,
        name: str,
        candidate: Candidate,
        keep: Keep,
        run: Recording | None = None,
        comparison: SeedComparison | None = None,
    ) -> Outcome:
        """Fit and forecast one candidate at every cutoff."""
        fitted, protocol = candidate.fitted, self.protocol
        if fitted is not None:
            _check_trained_before(fitted, self.panel, protocol.cutoffs[0])
        scores: Accumulator | None = None
        clock = dict.fromkeys(("fit_seconds", "fit_cpu_seconds", "predict_seconds"), 0.0)
        for block in _blocks(protocol):
            if candidate.fitted is None and block.fit:
                fitted = self._fit(candidate.settings, block, run)
                clock["fit_seconds"] += fitted.fit_seconds
                clock["fit_cpu_seconds"] += fitted.fit_cpu_seconds
            assert fitted is not None, "the first block fits"
            started = time.perf_counter()
            origins, numbers = block.origins()
            prediction = fitted.predict(self.panel, origins)
            prediction = prediction.steps(slice(protocol.gap, protocol.gap + protocol.horizon))
            clock["predict_seconds"] += time.perf_counter() - started
            scores = scores or self._scores(prediction.levels)
            actual = actuals(self.panel, origins, protocol.horizon, gap=protocol.gap)
            scores.add(origins.series, actual, prediction.point, prediction.quantiles, cutoff=numbers)
            if comparison is not None:
                comparison.add(origins.series, actual, prediction.point)
            keep(self._frame(origins, prediction))
        assert scores is not None, "a protocol has at least one cutoff"
        assert fitted is not None
        return Outcome(name=name, fitted=fitted, scores=scores, standardise=protocol.standardise, **clock)  # type: ignore[arg-type]  # the three seconds

    def _scores(self, levels: tuple[float, ...]) -> Accumulator:
        metrics = chosen_metrics(self.protocol.metrics, levels, standardised=self.protocol.standardise)
        return Accumulator(self.scales, self.protocol.horizon, levels, metrics)

    def _fit(self, settings: Settings, block: _Block, run: Recording | None) -> FittedModel:
        before = self.panel.truncate(block.cutoffs[0][1].ends(self.panel))
        progress = self.progress if run is not None else None
        return FittedModel.fit(before, settings, progress=progress, logger=run.logger if run is not None else None)

    def _other_seeds(
        self,
        candidate: Candidate,
        first: Outcome,
        comparison: SeedComparison,
        seeds: int,
        references: dict[str, Outcome],
    ) -> SeedSpread:
        """The same model with the seeds after the first."""
        comparison.close(first.metrics)
        for number in range(1, seeds):
            again = Candidate(replace(candidate.settings, seed=candidate.settings.seed + number))
            outcome = self._outcome(first.name, again, _forget, comparison=comparison)
            comparison.close(outcome.against(references).metrics)
        return comparison.result()

    def _frame(self, origins: Origins, prediction: Prediction) -> pd.DataFrame:
        first = self.protocol.gap + 1
        parts = (prediction.point, prediction.quantiles, prediction.levels)
        return result_table(self.panel, origins, *parts, cutoff=True, actual=True, first_step=first)


@dataclass(frozen=True)
class _Block:
    """Cutoffs that are forecast together, with one set of weights."""

    cutoffs: list[tuple[int, Cutoff]]
    fit: bool

    def origins(self) -> tuple[Origins, NDArray[np.int64]]:
        """The origins of all cutoffs, and the number of each one's cutoff."""
        parts = [cutoff.origins for _, cutoff in self.cutoffs]
        numbers = np.repeat([number for number, _ in self.cutoffs], [len(part) for part in parts])
        return Origins(np.concatenate([p.series for p in parts]), np.concatenate([p.end for p in parts])), numbers


def _blocks(protocol: EvaluationProtocol) -> Iterator[_Block]:
    block: list[tuple[int, Cutoff]] = []
    size, fit = 0, True
    for number, cutoff in enumerate(protocol.cutoffs):
        due = number > 0 and protocol.refit > 0 and number % protocol.refit == 0
        if block and (due or size + len(cutoff.origins) > ORIGINS_AT_ONCE):
            yield _Block(block, fit)
            block, size, fit = [], 0, due
        block.append((number, cutoff))
        size += len(cutoff.origins)
    yield _Block(block, fit)


def _scales(panel: Panel, protocol: EvaluationProtocol) -> Scales:
    """Scales by the panel's series numbers; a series without a row before the first cutoff has none."""
    history = panel.truncate(protocol.cutoffs[0].ends(panel))
    val_size = protocol.val_size if protocol.standardise else 0
    at = np.searchsorted(panel.ids.astype(str), history.ids.astype(str))
    return Scales.of(history, protocol.mase_season, val_size=val_size).spread(at, panel.n_series)


def _check_trained_before(fitted: FittedModel, panel: Panel, cutoff: Cutoff) -> None:
    """Refuse weights that have seen what they are to forecast."""
    seen = fitted.context
    known = {str(i): k for k, i in enumerate(seen.ids)}
    problems = []
    for series, end in zip(cutoff.origins.series, cutoff.origins.end, strict=True):
        number = known.get(str(panel.ids[series]))
        if number is None:
            continue
        trained = seen.grid.shift(seen.starts[number : number + 1], seen.lengths[number : number + 1])[0]
        here = panel.grid.shift(panel.starts[series : series + 1], np.array([end - panel.indptr[series]]))[0]
        if trained > here:
            problems.append(Problem(series=str(panel.ids[series]), what="training went on after the first cutoff"))
    if problems:
        hint = "Use later cutoffs, or evaluate the model by name, which fits it on earlier rows."
        raise ModelError("the model has seen the rows it would be scored on", hint=hint, problems=problems)


def _forget(frame: pd.DataFrame) -> None:
    """Forecasts of references and of further seeds are scored, not kept."""
