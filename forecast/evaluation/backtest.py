"""Models are evaluated side by side at rolling origins of one panel."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from forecast.datasets.errors import ModelError, Problem
from forecast.datasets.panel import Panel
from forecast.datasets.tables.result import result_table
from forecast.datasets.time.times import as_text
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
from forecast.progress import Progress, doing
from forecast.protocol import Prediction
from forecast.settings import Settings

if TYPE_CHECKING:
    import pandas as pd
    from pytorch_lightning.loggers import Logger

ORIGINS_AT_ONCE = 8192  # are forecast together; this bounds memory whatever the number of cutoffs
# Naive2 reads a whole history for each origin; with more than this it is left out, and OWA with it
MAX_NAIVE2_ROWS = 50_000_000
MAX_NAIVE2_READS_OF_A_ROW = 50
REFERENCES = ("seasonal_naive", "naive2")  # they stand beside every result


class Recording(Protocol):
    """A place to record one model's evaluation."""

    @property
    def record(self) -> str | None:
        """Return the id of the record; None where nothing is recorded."""
        ...

    def logger(self) -> Logger | None:
        """Return a Lightning logger for the learning curve; None where nothing is recorded."""
        ...

    def add_forecasts(self, frame: pd.DataFrame) -> None:
        """Record forecasts beside their actuals, a block of cutoffs at a time."""
        ...

    def record_evaluation(
        self, outcome: Outcome, panel: Panel, protocol: EvaluationProtocol, source: str | None
    ) -> None:
        """Record one model's scores, after its forecasts."""
        ...


@dataclass(frozen=True, eq=False)
class Scored:
    """Forecasts from n origins, as they are scored.

    Args:
        name: name of the model.
        is_reference: whether the model stands beside the candidates, and is none.
        origins: the n origins.
        cutoff: (n,) number of each origin's cutoff, from 0.
        actual: (n, horizon) observed targets, NaN where nothing was observed.
        prediction: the (n, horizon) forecasts, those of the gap left out.
    """

    name: str
    is_reference: bool
    origins: Origins
    cutoff: NDArray[np.int64]
    actual: NDArray[np.float64]
    prediction: Prediction


Recorder = Callable[[Settings, str], AbstractContextManager[Recording]]
Watch = Callable[[Scored], None]
Keep = Callable[["pd.DataFrame"], None]


@dataclass(frozen=True, kw_only=True)
class EvaluationProtocol:
    """The rules of an evaluation: which origins are scored, and with which scales and metrics.

    Args:
        horizon: steps that are scored after each cutoff and gap.
        cutoffs: the cutoffs, oldest first.
        refit: number of cutoffs from one fit to the next; 0 fits once, before the first.
        gap: steps directly after the cutoff that are not scored.
        season_length: steps in the season of the references; 1 means none.
        mase_season: steps in the season of MASE's scale.
        standardise: whether errors on standardised values are added; False by default.
        val_size: newest training rows that the standardisation leaves out, as the long-horizon papers do; 0 by default.
        metrics: metrics as `chosen_metrics` takes them; None takes all that the quantiles allow.
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

    @property
    def step(self) -> int | None:
        """Return the rows from one cutoff to the next; None where no series is forecast at two that follow each other."""
        for older, newer in zip(self.cutoffs, self.cutoffs[1:], strict=False):
            _, at, then = np.intersect1d(older.origins.series, newer.origins.series, return_indices=True)
            if len(at):
                return int(newer.origins.end[then[0]] - older.origins.end[at[0]])
        return None

    def described(self, panel: Panel) -> dict[str, Any]:
        """Return the rules as values by name, for people to read; None where one does not apply."""
        integer = panel.grid.kind == "integer"
        times = [cutoff_times(panel, cutoff) for cutoff in self.cutoffs]
        return {
            "horizon": self.horizon,
            "cutoffs": len(self.cutoffs),
            "first_cutoff": as_text(min(int(time.min()) for time in times), integer),
            "last_cutoff": as_text(max(int(time.max()) for time in times), integer),
            "step": self.step,
            "gap": self.gap,
            "refit": {0: "never", 1: "each"}.get(self.refit, self.refit),
            "season_length": self.season_length,
            "mase_season": self.mase_season,
            "scale": "train" if self.standardise else None,
            "val_size": self.val_size if self.standardise else None,
            "skipped": sum(len(cutoff.skipped) for cutoff in self.cutoffs),
        }

    def sha256(self, panel: Panel) -> str:
        """Hash the rules, and which series are forecast from which row at each cutoff, to 64 hexadecimal digits.

        Scores of two evaluations can be compared where this hash and that of the target (`target_sha256`) are the same.
        Which metrics are computed is not part of it.
        """
        digest = hashlib.sha256(json.dumps(self.described(panel), sort_keys=True).encode())
        for cutoff in self.cutoffs:
            for array in (cutoff.origins.series, cutoff_times(panel, cutoff)):
                digest.update(np.asarray(array, np.int64).tobytes())
        return digest.hexdigest()


@dataclass(frozen=True)
class Candidate:
    """A model to be evaluated.

    Args:
        settings: settings that are fitted.
        fitted: a fitted model whose weights are kept; None fits the settings.
    """

    settings: Settings
    fitted: FittedModel | None = None


class Backtest:
    """An evaluation of several candidates on one panel under one protocol.

    Args:
        panel: all rows, those that are scored included, with the covariates of every candidate.
        protocol: the rules of the evaluation.
        candidates: the models by name.
        progress: it is told of each training step; None for nobody.
        source: address of the data, for the record; None where it has none.
        watch: it is told of the forecasts of candidates and references; None tells nobody. It is not told of those of
            further seeds.
    """

    def __init__(
        self,
        panel: Panel,
        protocol: EvaluationProtocol,
        candidates: dict[str, Candidate],
        *,
        progress: Progress | None = None,
        source: str | None = None,
        watch: Watch | None = None,
    ) -> None:
        self.panel, self.protocol, self.candidates = panel, protocol, candidates
        self.progress, self.source, self.watch = progress, source, watch
        self.scales = _scales(panel, protocol)

    def run(self, recorder: Recorder, *, seeds: int = 1, output: str | Path | None = None) -> Evaluation:
        """Forecast and score every candidate, and the references beside them.

        Args:
            recorder: it opens the record of a model's evaluation, given settings and name.
            seeds: number of fits of each candidate; 1 by default.
            output: file that the forecasts are written to; None keeps them in memory.
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
                    outcome = outcome.noted(self.protocol.horizon, len(self.protocol.cutoffs), run.record)
                    panel = self.panel.with_roles(candidate.settings.columns)
                    doing("" if run.record is None else f"recording {name}")
                    run.record_evaluation(outcome, panel, self.protocol, self.source)
                    outcomes[name] = replace(outcome, run_id=run.record)
                    if comparison is not None:
                        spreads[name] = self._other_seeds(candidate, outcomes[name], comparison, seeds, references)
            frame = file.frame()
        return make_evaluation(self.panel, outcomes, references, frame, list(self.protocol.cutoffs), spreads)

    def _references(self) -> dict[str, Outcome]:
        """Score seasonal naive, and Naive2, which OWA is relative to, unless reading whole histories would take too long."""
        names, protocol = list(REFERENCES), self.protocol
        history = sum(int((c.origins.end - self.panel.indptr[c.origins.series]).sum()) for c in protocol.cutoffs)
        much = history > min(MAX_NAIVE2_ROWS, MAX_NAIVE2_READS_OF_A_ROW * self.panel.n_rows)
        if much and "naive2" not in self.candidates:
            names.remove("naive2")
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
        doing(f"backtesting {name}")
        fitted, protocol = candidate.fitted, self.protocol
        panel = self.panel.with_roles(candidate.settings.columns)
        if fitted is not None:
            _check_trained_before(fitted, self.panel, protocol.cutoffs[0])
        scores: Accumulator | None = None
        clock = dict.fromkeys(("fit_seconds", "fit_cpu_seconds", "predict_seconds"), 0.0)
        for block in _blocks(protocol):
            if candidate.fitted is None and block.fit:
                fitted = self._fit(panel, candidate.settings, block, run)
                clock["fit_seconds"] += fitted.fit_seconds
                clock["fit_cpu_seconds"] += fitted.fit_cpu_seconds
            assert fitted is not None, "the first block fits"
            started = time.perf_counter()
            origins, numbers = block.origins()
            prediction = fitted.predict(panel, origins)
            prediction = prediction.steps(slice(protocol.gap, protocol.gap + protocol.horizon))
            clock["predict_seconds"] += time.perf_counter() - started
            scores = scores or self.no_scores(prediction.levels)
            actual = actuals(self.panel, origins, protocol.horizon, gap=protocol.gap)
            scores.add(origins.series, actual, prediction.point, prediction.quantiles, cutoff=numbers)
            if comparison is not None:
                comparison.add(origins.series, actual, prediction.point)
            if self.watch is not None and (run is not None or comparison is None):
                about = Scored(name, run is None, origins, numbers, actual, prediction)
                self.watch(about)
            frame = self._frame(origins, prediction)
            if run is not None:
                run.add_forecasts(frame)  # first: `keep` may add a column
            keep(frame)
        assert scores is not None, "a protocol has at least one cutoff"
        assert fitted is not None
        return Outcome(name=name, fitted=fitted, scores=scores, standardise=protocol.standardise, **clock)  # type: ignore[arg-type]  # the three seconds

    def no_scores(self, levels: tuple[float, ...]) -> Accumulator:
        """Return an empty sum of the scores that these quantile levels allow."""
        metrics = chosen_metrics(self.protocol.metrics, levels, standardised=self.protocol.standardise)
        return Accumulator(self.scales, self.protocol.horizon, levels, metrics)

    def _fit(self, panel: Panel, settings: Settings, block: _Block, run: Recording | None) -> FittedModel:
        """Fit on the rows before the block's first cutoff; references, which have no record, show no progress."""
        before = panel.truncate(block.cutoffs[0][1].ends(panel))
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
        """Score the same model with the seeds after the first."""
        comparison.close(first.metrics)
        for number in range(1, seeds):
            again = Candidate(replace(candidate.settings, seed=candidate.settings.seed + number))
            outcome = self._outcome(first.name, again, _forget, comparison=comparison)
            comparison.close(outcome.against(references).metrics)
        return comparison.result()

    def _frame(self, origins: Origins, prediction: Prediction) -> pd.DataFrame:
        """Return the forecasts as a table in the caller's form, with cutoffs and actuals."""
        first = self.protocol.gap + 1
        parts = (prediction.point, prediction.quantiles, prediction.levels)
        return result_table(self.panel, origins, *parts, cutoff=True, actual=True, first_step=first)


@dataclass(frozen=True)
class _Block:
    """Numbered cutoffs that are forecast together with one set of weights; `fit` says whether it is fitted there."""

    cutoffs: list[tuple[int, Cutoff]]
    fit: bool

    def origins(self) -> tuple[Origins, NDArray[np.int64]]:
        """Return the n origins of all cutoffs, and the number of each origin's cutoff, (n,)."""
        parts = [cutoff.origins for _, cutoff in self.cutoffs]
        numbers = np.repeat([number for number, _ in self.cutoffs], [len(part) for part in parts])
        return Origins(np.concatenate([p.series for p in parts]), np.concatenate([p.end for p in parts])), numbers


def _blocks(protocol: EvaluationProtocol) -> Iterator[_Block]:
    """Yield the cutoffs in blocks; a block ends where a new fit is due or its origins are many."""
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


def cutoff_times(panel: Panel, cutoff: Cutoff) -> NDArray[np.int64]:
    """Return the time, (series of the cutoff,), of the last row that each series is forecast from."""
    series = cutoff.origins.series
    return panel.grid.shift(panel.starts[series], cutoff.origins.end - panel.indptr[series] - 1)


def first_ends(panel: Panel, cutoffs: Sequence[Cutoff]) -> NDArray[np.int64]:
    """Return the flat row, (series,), at which each series' history before its first cutoff ends.

    Args:
        panel: the rows.
        cutoffs: the cutoffs, oldest first. A series that is skipped at the oldest one may have its first later; a series
            that has none gets its own first row.
    """
    ends = panel.indptr[:-1].copy()
    for cutoff in reversed(cutoffs):
        ends[cutoff.origins.series] = cutoff.origins.end
    return ends


def _scales(panel: Panel, protocol: EvaluationProtocol) -> Scales:
    """Compute the scales of each series from its rows before its first cutoff; a series without a cutoff has none."""
    history = panel.truncate(first_ends(panel, protocol.cutoffs))
    val_size = protocol.val_size if protocol.standardise else 0
    series = panel.numbers_of(history.ids)
    return Scales.of(history, protocol.mase_season, val_size=val_size).spread(series, panel.n_series)


def _check_trained_before(fitted: FittedModel, panel: Panel, cutoff: Cutoff) -> None:
    """Refuse a fitted model whose training went on after the first cutoff: it has seen what it is to forecast."""
    context = fitted.context
    numbers = {str(name): number for number, name in enumerate(context.ids)}
    problems = []
    for series, end in zip(cutoff.origins.series, cutoff.origins.end, strict=True):
        number = numbers.get(str(panel.ids[series]))
        if number is None:
            continue
        training_end = context.grid.shift(context.starts[number : number + 1], context.lengths[number : number + 1])[0]
        first_forecast = panel.grid.shift(panel.starts[series : series + 1], np.array([end - panel.indptr[series]]))[0]
        if training_end > first_forecast:
            problems.append(Problem(series=str(panel.ids[series]), what="training went on after the first cutoff"))
    if problems:
        hint = "Use later cutoffs, or evaluate the model by name, which fits it on earlier rows."
        raise ModelError("the model has seen the rows it would be scored on", hint=hint, problems=problems)


def _forget(frame: pd.DataFrame) -> None:
    """Drop a table of forecasts: those of references and of further seeds are only scored."""
