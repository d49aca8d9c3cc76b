"""The door of backtests takes a table and models, and returns an `Evaluation`; each model is a tracked run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal, Protocol, cast

from forecast.architectures import ARCHITECTURES, not_used, with_defaults
from forecast.datasets.declarations import declarations, defaults
from forecast.datasets.errors import ConfigError, DataError, Problem
from forecast.datasets.panel import Panel
from forecast.datasets.season import season_length
from forecast.datasets.tables.columns import Columns
from forecast.datasets.tables.result import CUTOFF, FORECAST
from forecast.datasets.tables.schema import panel_from_table
from forecast.datasets.windows.cutoffs import Cutoff, cutoffs_between, last_cutoffs
from forecast.evaluation.backtest import Backtest, Candidate, EvaluationProtocol, Watch, first_ends
from forecast.evaluation.metrics import Metric, Term, chosen_metrics
from forecast.evaluation.result import Evaluation
from forecast.evaluation.scoring import MODEL
from forecast.fitted import FittedModel
from forecast.progress import Progress, progress_for, tell
from forecast.settings import Settings
from forecast.tracking import open_evaluation, refusals_recorded
from forecast.tracking.delivery.job import job
from forecast.tracking.recall.addresses import is_address
from forecast.tracking.recall.fetching import load
from forecast.tracking.record import TRACKING_SETTINGS


class Recipe(Protocol):
    """An object with settings that can be fitted, such as a `Forecaster`."""

    settings: Settings


@dataclass(frozen=True, eq=False)
class Loaded:
    """A fitted model that was read from a directory or from MLflow, and the name that results give it."""

    name: str
    fitted: FittedModel


Model = str | Path | Recipe | Loaded  # a name, a model directory or the address of a recorded model, or settings to fit
Refit = Literal["never", "each"] | int
COVARIATES = ("static", "known", "past")
# settings that say what the table is
SHARED = (*(column.name for column in fields(Columns) if column.name not in COVARIATES), "freq")


def evaluate(
    data: Any,
    horizon: int,
    *,
    models: Model | Sequence[Model] = "auto",
    cutoffs: int = 1,
    start: Any = None,
    end: Any = None,
    step: int | None = None,
    gap: int = 0,
    refit: Refit = "never",
    metrics: Sequence[str | Term | Metric] | str | None = None,
    scale: Literal["train"] | None = None,
    mase_season: int | None = None,
    seeds: int = 1,
    output: str | Path | None = None,
    progress: Progress | None = None,
    source: str | None = None,
    **settings: Any,
) -> Evaluation:
    """Forecast past cutoffs as if the future were unknown, and score the forecasts.

    Every model is fitted on the rows before the first cutoff only (`refit` changes that), and reads newer rows at later
    cutoffs. Each reads its own covariates (those of its settings) and gives the forecasts that it would give alone.
    Seasonal naive stands beside every result.

    Args:
        data: a long or wide frame, a Series with a time index, or anything narwhals reads.
        horizon: steps to forecast at each cutoff.
        models: names, Forecasters (a fresh copy is fitted), model directories or addresses such as models:/sales@champion
            or runs:/ID (their weights are kept), or one of them; "auto" by default. Models of one name are called by what differs: `gru`, `gru hidden_size=64`.
        cutoffs: number of cutoffs, counted back from each series' end; 1 by default. It is not read if `start` is given.
        start: time of the first forecast step of the first cutoff; None counts back from the end.
        end: latest time that the last cutoff's horizon may reach; None takes each series' end.
        step: rows between two cutoffs; None takes the horizon.
        gap: rows directly after the cutoff that are not scored; 0 by default.
        refit: "never" fits once, "each" fits at every cutoff, and a number N fits at every N-th cutoff.
        metrics: names of metrics, functions of `Points` and `Metric`s of your own; None takes all that the quantiles
            allow. Models are ranked by MASE if it is among them, else by sMAPE, else by the first metric.
        scale: "train" adds errors on values standardised by each series' training rows without the newest `val_size`;
            None adds none.
        mase_season: steps in the season of MASE's scale, which comes from the rows of each series before its first
            cutoff; None takes the season length.
        seeds: number of fits of each model, with seeds from `seed` on; 1 by default. Metrics and forecasts are the first
            fit's, and `seeds` of the result says how far the others are from it.
        output: .parquet or .csv file that forecasts are written to as they are made, so that memory does not grow with
            the cutoffs; None keeps them in memory.
        progress: it is told of each training step; None shows a bar on a terminal.
        source: the address of the data, for the tracked runs.
        **settings: fields of `Settings` for the models that are given by name.

    Returns:
        Forecasts, metrics and the leaderboard.

    Raises:
        DataError: with every problem of the table, or if no series has a row before a cutoff.
        ConfigError: if an argument cannot be used, the settings and the data do not fit together, or the models name
            different columns for ids, times or the target.
        ModelError: if a model directory cannot be read, or its training ended after a cutoff.
        TrackingError: if the runs must be recorded and the store fails.
    """
    _check_seeds(seeds)
    rules = Rules(
        horizon=horizon,
        cutoffs=cutoffs,
        start=start,
        end=end,
        step=step,
        gap=gap,
        refit=refit,
        metrics=metrics,
        scale=scale,
        mase_season=mase_season,
    )
    candidates = named_candidates(models, {"horizon": horizon, **settings}, horizon + gap)
    backtest = backtest_of(data, candidates, rules, progress=progress, source=source)
    return run_backtest(backtest, seeds=seeds, output=output)


@dataclass(frozen=True, kw_only=True)
class Rules:
    """The rules of an evaluation as a user gives them; the arguments are those of `evaluate`."""

    horizon: int
    cutoffs: int = 1
    start: Any = None
    end: Any = None
    step: int | None = None
    gap: int = 0
    refit: Refit = "never"
    metrics: Sequence[str | Term | Metric] | str | None = None
    scale: Literal["train"] | None = None
    mase_season: int | None = None

    def rolling(self, panel: Panel) -> list[Cutoff]:
        """Place the cutoffs, the oldest first."""
        spacing: dict[str, Any] = {"horizon": self.horizon, "step": self.step, "gap": self.gap}
        if self.start is not None:
            return cutoffs_between(panel, first=self.start, last=self.end, **spacing)
        return last_cutoffs(panel, n_cutoffs=self.cutoffs, **spacing)


def backtest_of(
    data: Any,
    candidates: dict[str, Candidate],
    rules: Rules,
    *,
    progress: Progress | None = None,
    source: str | None = None,
    watch: Watch | None = None,
) -> Backtest:
    """Lay out the backtest of candidates on a table; nothing is fitted yet.

    Args:
        data: a table as `evaluate` takes it, or a panel with the covariates of every candidate.
        candidates: the models by name.
        rules: the rules of the evaluation.
        progress: it is told of each training step; None shows a bar on a terminal.
        source: the address of the data, for the tracked runs.
        watch: it is told of forecasts as they are scored; None tells nobody.
    """
    lead = next(iter(candidates.values())).settings
    chosen_metrics(rules.metrics, lead.quantiles, standardised=rules.scale == "train")  # refused before any work
    with refusals_recorded("evaluate", lead, ", ".join(candidates), source):
        panel = _panel(data, candidates)
        rolling = rules.rolling(panel)
    unused = not_used({name: candidate.settings for name, candidate in candidates.items()})
    if unused is not None:
        tell(unused)
    protocol = _protocol(panel, rolling, rules, lead)
    return Backtest(panel, protocol, candidates, progress=progress or progress_for(), source=source, watch=watch)


def run_backtest(backtest: Backtest, *, seeds: int = 1, output: str | Path | None = None) -> Evaluation:
    """Run a backtest as a job whose runs are tracked; the arguments are those of `evaluate`."""
    with job() as tracked:
        recorder = partial(open_evaluation, source=backtest.source, several=len(backtest.candidates) > 1)
        result = backtest.run(recorder, seeds=seeds, output=output)
    ids = tracked.run_ids
    outcomes = {name: replace(o, run_id=ids.get(o.run_id or "", o.run_id)) for name, o in result.outcomes.items()}
    return replace(result, outcomes=outcomes)


def _panel(data: Any, candidates: dict[str, Candidate]) -> Panel:
    """Read the table once, with the covariates of every candidate; each is given its own of them later."""
    columns, freq = shared_columns(candidates)
    panel = panel_from_table(data, columns, freq=freq)
    taken = {FORECAST, CUTOFF, *((MODEL,) if len(candidates) > 1 else ())}
    problems = [
        Problem(column=name, what="the forecasts of an evaluation have a column of this name", remedy="Rename it.")
        for name in (*panel.format.ids, panel.format.time, panel.format.target)
        if name in taken
    ]
    if problems:
        raise DataError("the table's columns cannot stand beside those of an evaluation", problems=problems)
    return panel


def shared_columns(candidates: dict[str, Candidate]) -> tuple[Columns, str | int | None]:
    """Return the roles of the columns that candidates read together, and the frequency.

    Raises:
        ConfigError: if candidates name different columns for one of the roles that they share, or different grids.
    """
    settings = [candidate.settings for candidate in candidates.values()]
    shared: dict[str, Any] = {}
    problems = []
    for name in SHARED:
        # who names no column takes the one with a usual name; but without `observed`, filled-in targets are read as data
        given = [value for one in settings if (value := getattr(one, name)) is not None or name == "observed"]
        values = {declarations(Settings)[name].text(value): value for value in given}  # a list may be written as a text
        shared[name] = next(iter(values.values()), None)
        if len(values) > 1:
            by_model = ", ".join(f"{model}: {getattr(one.settings, name)}" for model, one in candidates.items())
            problems.append(Problem(what=f"{name} differs ({by_model})", expected="one for all models"))
    if problems:
        hint = "Evaluate these models apart, or give them the same."
        raise ConfigError("the models do not read the same table", problems=problems, hint=hint)
    freq = shared.pop("freq")
    shared |= {role: tuple(dict.fromkeys(c for one in settings for c in getattr(one, role))) for role in COVARIATES}
    return Columns(**shared), freq


def _protocol(panel: Panel, rolling: list[Cutoff], rules: Rules, lead: Settings) -> EvaluationProtocol:
    """Build the protocol; the seasons are found from the rows before the first cutoff, MASE's from those of each series."""
    season, _ = season_length(panel.truncate(rolling[0].ends(panel)), lead.season_length)
    mase_season, _ = season_length(panel.truncate(first_ends(panel, rolling)), lead.season_length)
    return EvaluationProtocol(
        horizon=rules.horizon,
        cutoffs=rolling,
        refit=_every(rules.refit),
        gap=rules.gap,
        season_length=season,
        mase_season=rules.mase_season or mase_season,
        standardise=rules.scale == "train",
        val_size=lead.val_size if isinstance(lead.val_size, int) else 0,
        metrics=rules.metrics,
    )


def _check_seeds(seeds: int) -> None:
    """Refuse a number of fits that is no whole number of at least 1."""
    if not isinstance(seeds, int) or seeds < 1:
        problem = Problem(what=f"seeds={seeds!r}", expected="a whole number of at least 1")
        raise ConfigError("seeds is not understood", problems=[problem])


def named_candidates(
    models: Model | Sequence[Model], settings: Mapping[str, Any], horizon: int
) -> dict[str, Candidate]:
    """Return the candidates of `evaluate` by the names that results give them.

    Candidates of one name are told apart by the settings in which they differ (`gru`, `gru hidden_size=64`), and by a
    number where they differ in none.

    Args:
        models: names, Forecasters, model directories or addresses of recorded models, or one of them.
        settings: fields of `Settings` for the models that are given by name.
        horizon: steps to forecast, those of the gap included.

    Raises:
        ConfigError: if there is no model, or its settings cannot be used.
        ModelError: if a model directory cannot be read.
    """
    several = isinstance(models, Sequence) and not isinstance(models, str)
    entries: list[Model] = list(cast(Sequence[Model], models)) if several else [cast(Model, models)]
    if not entries:
        raise ConfigError("no model to evaluate", hint="Name one, such as models='auto'.")
    made = [_candidate(model, settings, horizon) for model in entries]
    candidates: dict[str, Candidate] = {}
    for name, candidate in made:
        alike = [other.settings for other_name, other in made if other_name == name]
        label = " ".join([name, *_differences(candidate.settings, alike)])
        candidates[label if label not in candidates else f"{label}_{len(candidates)}"] = candidate
    return candidates


def _differences(settings: Settings, alike: Sequence[Settings]) -> list[str]:
    """Return `name=value` for each setting that is not the model's default and differs among models alike."""
    default = Settings.of(with_defaults({"model": settings.model, "horizon": settings.horizon}))
    texts = []
    for name in Settings.names():
        value = getattr(settings, name)
        if value != getattr(default, name) and any(getattr(other, name) != value for other in alike):
            text = ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
            texts.append(f"{name}={text}")
    return texts


def _candidate(model: Model, settings: Mapping[str, Any], horizon: int) -> tuple[str, Candidate]:
    """Return the name and the candidate of a Forecaster, a model directory, an address or a model's name."""
    model = loaded(model, settings)
    if isinstance(model, Loaded):
        fitted = model.fitted
        if fitted.settings.horizon < horizon:
            what = f"{model.name} forecasts {fitted.settings.horizon} steps, {horizon} are needed"
            raise ConfigError(what, hint="Evaluate a shorter horizon or gap, or fit again.")
        return model.name, Candidate(_recorded_as_asked(fitted.settings, settings), fitted)
    if not isinstance(model, str):
        return model.settings.model, Candidate(replace(model.settings, horizon=horizon))
    return model, Candidate(Settings.of(with_defaults({**settings, "model": model, "horizon": horizon})))


def _recorded_as_asked(own: Settings, asked: Mapping[str, Any]) -> Settings:
    """Return a fitted model's settings with the caller's store; its experiment stays its own unless another is named.

    Where it was recorded when it was fitted, perhaps on another machine, says nothing about this evaluation.
    """
    usual = defaults(Settings)
    given = {name: asked.get(name, usual[name]) for name in TRACKING_SETTINGS}
    return replace(own, **{**given, "experiment": given["experiment"] or own.experiment})


def loaded(model: Model, settings: Mapping[str, Any]) -> str | Recipe | Loaded:
    """Read a model that is given by its directory or address; names of models and recipes stay as they are.

    Args:
        model: the model.
        settings: fields of `Settings`, of which the tracking store and the journal are read.

    Raises:
        ModelError: if there is no such model, or its directory is damaged.
        TrackingError: if the store of an address cannot be reached.
    """
    is_place = isinstance(model, Path) or (isinstance(model, str) and model not in ARCHITECTURES)
    if not is_place or not (isinstance(model, Path) or is_address(model) or Path(str(model)).is_dir()):
        return cast(str | Recipe | Loaded, model)
    place = cast(str | Path, model)
    fitted = load(place, tracking_uri=settings.get("tracking_uri"), journal=settings.get("journal"))
    return Loaded(_label(place, fitted), fitted)


def _label(model: str | Path, fitted: FittedModel) -> str:
    """Return what results call a fitted model: its directory's name, `sales@champion`, or `gru@45fa2030` of a run."""
    if not is_address(model):
        return Path(model).name
    scheme, _, rest = str(model).partition(":/")
    return rest if scheme == "models" else f"{fitted.settings.model}@{rest.partition('/')[0][:8]}"


def _every(refit: Refit) -> int:
    """Return the number of cutoffs from one fit to the next; 0 fits once."""
    if refit in ("never", "each"):
        return 0 if refit == "never" else 1
    if isinstance(refit, int) and refit >= 1:
        return refit
    problem = Problem(what=f"refit={refit!r}", expected="never, each, or a number of cutoffs of at least 1")
    raise ConfigError("refit is not understood", problems=[problem])
