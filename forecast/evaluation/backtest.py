"""Rolling-origin evaluation of models side by side."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from forecast.architectures import ARCHITECTURES
from forecast.datasets.errors import ConfigError, ModelError, Problem
from forecast.datasets.panel import Panel
from forecast.datasets.profile import season_length
from forecast.datasets.tables.result import result_table
from forecast.datasets.tables.schema import panel_from_table
from forecast.datasets.windows.origins import Origins
from forecast.datasets.windows.splits import Cutoff, cutoffs_between, last_cutoffs
from forecast.evaluation.accumulator import Accumulator
from forecast.evaluation.forecast_file import ForecastFile
from forecast.evaluation.result import Evaluation, Outcome, make_evaluation
from forecast.evaluation.scales import Scales
from forecast.evaluation.seeds import SeedComparison, SeedSpread
from forecast.forecaster import Forecaster
from forecast.progress import Progress, progress_for
from forecast.protocol import Prediction
from forecast.roles import columns
from forecast.settings import Settings

if TYPE_CHECKING:
    import pandas as pd

Asked = str | Path | Forecaster
Refit = Literal["never", "each"] | int
AT_ONCE = 8192  # origins forecast together; bounds memory whatever the number of cutoffs
NAIVE2_ROWS = 50_000_000  # history rows Naive2 may read before OWA is left out: it reads whole histories
NAIVE2_READS = 50  # times it may read the same rows, cutoff by cutoff


@dataclass(frozen=True, kw_only=True)
class Protocol:
    """Which origins are scored, and how.

    Args:
        horizon: steps scored.
        cutoffs: rolling origins, oldest first.
        refit: fit again at every so many cutoffs; 0 fits once, before the first.
        gap: steps after the cutoff that are not scored.
        season_length: of the models.
        mase_season: of the MASE scale.
    """

    horizon: int
    cutoffs: Sequence[Cutoff]
    refit: int
    gap: int
    season_length: int
    mase_season: int


def evaluate(
    data: Any,
    horizon: int,
    *,
    models: Asked | Sequence[Asked] = "auto",
    cutoffs: int = 1,
    start: Any = None,
    end: Any = None,
    step: int | None = None,
    gap: int = 0,
    refit: Refit = "never",
    scale: Literal["train"] | None = None,
    mase_season: int | None = None,
    seeds: int = 1,
    output: str | Path | None = None,
    progress: Progress | None = None,
    source: str | None = None,
    **settings: Any,
) -> Evaluation:
    """Forecast past cutoffs as if the future were unknown, and score what came out.

    Every model is fitted on the rows before the first cutoff only, and reads newer rows at later cutoffs. Seasonal
    naive stands beside every result.

    Args:
        data: a long or wide frame, a Series with a time index, or anything narwhals reads.
        horizon: steps to forecast at each cutoff.
        models: names, Forecasters (their recipe is fitted afresh) or model directories (their weights are used).
        cutoffs: how many, counted back from each series' end; ignored when `start` is given.
        start: time of the first forecast step of the first cutoff.
        end: time of the last forecast step of the last cutoff, at most.
        step: rows between cutoffs; None takes the horizon.
        gap: rows after the cutoff that are not scored.
        refit: "never", "each" cutoff, or every N cutoffs.
        scale: "train" adds errors on values standardised by each series' training rows less `val_size` of them.
        mase_season: season of the MASE scale; None takes the season length.
        seeds: fit each model so many times, with seeds from `seed` on; the metrics and forecasts are the first's, and
            `seeds` of the result says how far the others are from it.
        output: file the forecasts go to as they are made; memory then does not grow with the cutoffs.
        progress: told of each training step; None shows a bar on a terminal.
        source: where the data came from, for the tracked runs.
        **settings: fields of `Settings`, for the models asked for by name.

    Returns:
        Forecasts, metrics and the leaderboard.

    Raises:
        DataError: with every problem of the table at once, or if no series has a row before a cutoff.
        ConfigError: where the settings do not fit the data.
        ModelError: if a model directory cannot be read, or its training ended after a cutoff.
    """
    from forecast.tracking import open_evaluation

    if not isinstance(seeds, int) or seeds < 1:
        problem = Problem(what=f"seeds={seeds!r}", expected="a whole number of at least 1")
        raise ConfigError("seeds is not understood", problems=[problem])
    asked = _candidates(models, {"horizon": horizon, **settings}, horizon + gap)
    lead = next(iter(asked.values())).forecaster
    panel = panel_from_table(data, columns(lead.settings), freq=lead.settings.freq)
    if start is not None:
        rolling = cutoffs_between(panel, horizon=horizon, first=start, last=end, step=step, gap=gap)
    else:
        rolling = last_cutoffs(panel, horizon=horizon, n_cutoffs=cutoffs, step=step, gap=gap)
    history = panel.truncate(_ends(panel, rolling[0]))
    season, _ = season_length(history, lead.settings.season_length)
    protocol = Protocol(
        horizon=horizon,
        cutoffs=rolling,
        refit=_every(refit),
        gap=gap,
        season_length=season,
        mase_season=mase_season or season,
    )
    val_size = lead.settings.val_size if isinstance(lead.settings.val_size, int) else 0
    scales = Scales.of(history, protocol.mase_season, val_size=val_size if scale == "train" else 0)
    bench = _Bench(panel, protocol, _aligned(scales, panel, history), standardise=scale == "train")
    references = bench.references(asked)
    outcomes: dict[str, Outcome] = {}
    spreads: dict[str, SeedSpread] = {}
    with ForecastFile(output) as file:
        for name, candidate in asked.items():
            with open_evaluation(candidate.forecaster.settings, name) as run:
                logger_run = run if not candidate.fixed else None
                keep = file.writer(name if len(asked) > 1 else None)
                watched = SeedComparison(panel.n_series) if seeds > 1 and not candidate.fixed else None
                outcome = bench.run(name, candidate, keep, progress or progress_for(), logger_run, watched)
                outcomes[name] = outcome.against(references)
                run.record_evaluation(outcomes[name], panel, rolling[-1].origins, source)
                outcomes[name] = replace(outcomes[name], run_id=run.run_id)
                if watched is not None:
                    spreads[name] = bench.other_seeds(name, candidate, outcomes[name], watched, seeds, references)
        frame = file.frame()
    return make_evaluation(panel, outcomes, references, frame, rolling, spreads)


@dataclass(frozen=True)
class Candidate:
    """A model to be evaluated; `fixed` ones keep the weights they came with."""

    forecaster: Forecaster
    fixed: bool = False


class _Bench:
    """One panel and one protocol that all candidates run under."""

    def __init__(self, panel: Panel, protocol: Protocol, scales: Scales, *, standardise: bool) -> None:
        self.panel, self.protocol, self.scales, self.standardise = panel, protocol, scales, standardise

    def references(self, asked: dict[str, Candidate]) -> dict[str, Outcome]:
        """Seasonal naive always; Naive2, which OWA is relative to, unless its reading of whole histories would dominate."""
        names = ["seasonal_naive"]
        history = sum(int((c.origins.end - self.panel.indptr[c.origins.series]).sum()) for c in self.protocol.cutoffs)
        if history <= min(NAIVE2_ROWS, NAIVE2_READS * self.panel.n_rows) or "naive2" in asked:
            names.append("naive2")
        horizon = self.protocol.horizon + self.protocol.gap
        base = next(iter(asked.values())).forecaster.settings
        plain = Settings(horizon=horizon, season_length=self.protocol.season_length, quantiles=base.quantiles)
        made = {name: Candidate(Forecaster.of(replace(plain, model=name))) for name in names}
        return {name: self.run(name, candidate, lambda frame: None) for name, candidate in made.items()}

    def run(
        self,
        name: str,
        candidate: Candidate,
        keep: Callable[[pd.DataFrame], None],
        progress: Progress | None = None,
        run: Any = None,
        watched: SeedComparison | None = None,
    ) -> Outcome:
        """Fit and forecast one candidate at every cutoff."""
        forecaster, protocol = candidate.forecaster, self.protocol
        if candidate.fixed:
            _check_trained_before(forecaster, self.panel, protocol.cutoffs[0])
        scores: Accumulator | None = None
        clock = dict.fromkeys(("fit_seconds", "fit_cpu_seconds", "predict_seconds"), 0.0)
        for block in _blocks(protocol):
            if not candidate.fixed and block.fit:
                forecaster.fit_panel(
                    self.panel.truncate(_ends(self.panel, block.cutoffs[0])), progress=progress, run=run
                )
                clock["fit_seconds"] += forecaster.fit_seconds_
                clock["fit_cpu_seconds"] += forecaster.fit_cpu_seconds_
            started = time.perf_counter()
            origins, numbers = block.origins()
            prediction = _after_gap(forecaster.predict_panel(self.panel, origins), protocol)
            clock["predict_seconds"] += time.perf_counter() - started
            if scores is None:
                scores = Accumulator(self.scales, protocol.horizon, prediction.levels)
            actual = _actuals(self.panel, origins, protocol)
            scores.add(origins.series, actual, prediction.point, prediction.quantiles, cutoff=numbers)
            if watched is not None:
                watched.add(origins.series, actual, prediction.point)
            keep(self._frame(origins, prediction))
        assert scores is not None, "a protocol has at least one cutoff"
        return Outcome(name=name, forecaster=forecaster, scores=scores, standardise=self.standardise, **clock)  # type: ignore[arg-type]  # the three seconds

    def other_seeds(
        self,
        name: str,
        candidate: Candidate,
        first: Outcome,
        watched: SeedComparison,
        seeds: int,
        references: dict[str, Outcome],
    ) -> SeedSpread:
        """The same model with the seeds after the first."""
        watched.close(first.metrics)
        asked = candidate.forecaster.settings
        for number in range(1, seeds):
            again = Candidate(Forecaster.of(replace(asked, seed=asked.seed + number)))
            outcome = self.run(name, again, lambda frame: None, watched=watched)
            watched.close(outcome.against(references).metrics)
        return watched.result()

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
        parts = [cutoff.origins for _, cutoff in self.cutoffs]
        numbers = np.repeat([number for number, _ in self.cutoffs], [len(part) for part in parts])
        return Origins(np.concatenate([p.series for p in parts]), np.concatenate([p.end for p in parts])), numbers


def _blocks(protocol: Protocol) -> Iterator[_Block]:
    block: list[tuple[int, Cutoff]] = []
    size, fit = 0, True
    for number, cutoff in enumerate(protocol.cutoffs):
        due = number > 0 and protocol.refit > 0 and number % protocol.refit == 0
        if block and (due or size + len(cutoff.origins) > AT_ONCE):
            yield _Block(block, fit)
            block, size, fit = [], 0, due
        block.append((number, cutoff))
        size += len(cutoff.origins)
    yield _Block(block, fit)


def _candidates(models: Asked | Sequence[Asked], settings: dict[str, Any], horizon: int) -> dict[str, Candidate]:
    listed = [models] if isinstance(models, str | Path | Forecaster) else list(models)
    if not listed:
        raise ConfigError("no model to evaluate", hint="Name one, such as models='auto'.")
    found: dict[str, Candidate] = {}
    for model in listed:
        name, candidate = _candidate(model, settings, horizon)
        found[name if name not in found else f"{name}_{len(found)}"] = candidate
    return found


def _candidate(model: Asked, settings: dict[str, Any], horizon: int) -> tuple[str, Candidate]:
    if isinstance(model, Forecaster):
        recipe = Forecaster.of(replace(model.settings, horizon=horizon))
        return model.settings.model, Candidate(recipe)
    if isinstance(model, Path) or (model not in ARCHITECTURES and Path(model).is_dir()):
        from forecast.storage.saving import load

        loaded = load(model)
        if loaded.settings.horizon < horizon:
            what = f"{model} forecasts {loaded.settings.horizon} steps, {horizon} are needed"
            raise ConfigError(what, hint="Evaluate a shorter horizon or gap, or fit again.")
        return Path(model).name, Candidate(loaded, fixed=True)
    return model, Candidate(Forecaster(**{**settings, "model": model, "horizon": horizon}))


def _every(refit: Refit) -> int:
    if refit in ("never", "each"):
        return 0 if refit == "never" else 1
    if isinstance(refit, int) and refit >= 1:
        return refit
    problem = Problem(what=f"refit={refit!r}", expected="never, each, or a number of cutoffs of at least 1")
    raise ConfigError("refit is not understood", problems=[problem])


def _ends(panel: Panel, cutoff: Cutoff | tuple[int, Cutoff]) -> NDArray[np.int64]:
    """Flat row at which each series' known rows end at a cutoff; its first row where it has none."""
    origins = cutoff[1].origins if isinstance(cutoff, tuple) else cutoff.origins
    ends = panel.indptr[:-1].copy()
    ends[origins.series] = origins.end
    return ends


def _aligned(scales: Scales, panel: Panel, history: Panel) -> Scales:
    """Scales by the panel's series numbers; a series without a row before the first cutoff has none."""
    at = np.searchsorted(panel.ids.astype(str), history.ids.astype(str))
    return scales.spread(at, panel.n_series)


def _after_gap(prediction: Prediction, protocol: Protocol) -> Prediction:
    steps = slice(protocol.gap, protocol.gap + protocol.horizon)
    quantiles = None if prediction.quantiles is None else prediction.quantiles[:, steps]
    return Prediction(prediction.point[:, steps], prediction.levels, quantiles)


def _actuals(panel: Panel, origins: Origins, protocol: Protocol) -> NDArray[np.float64]:
    """What came after each origin, (n, horizon), NaN where nothing was observed."""
    rows = origins.end[:, None] + protocol.gap + np.arange(protocol.horizon)
    last = panel.indptr[origins.series + 1][:, None] - 1
    actual = panel.target[np.minimum(rows, last)]
    actual[rows > last] = np.nan
    return actual


def _check_trained_before(forecaster: Forecaster, panel: Panel, cutoff: Cutoff) -> None:
    """Refuse weights that have seen what they are to forecast."""
    seen = forecaster.context
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
