"""Actuals arrive: a file of forecasts is scored, and its metrics land on the run that made it."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from forecast.datasets.errors import ConfigError, ForecastError, ModelError, TrackingError
from forecast.evaluation.scoring import MODEL, Arrived, score_arrived
from forecast.records.expectation import Backtest, backtest_of, churn_of, drift
from forecast.tracking.comparing.reading import reader
from forecast.tracking.delivery.syncing import sync
from forecast.tracking.environment import FIT_RECORD, FIT_RUN, PREDICT_RECORD, RECORD, process, toolkit
from forecast.tracking.journal import Entry, begin, journals
from forecast.tracking.pages.descriptions import of_score
from forecast.tracking.pages.names import run_name
from forecast.tracking.pages.tags import DESCRIPTION
from forecast.tracking.recall.forecast_files import entry_of_file, maker_of_file
from forecast.tracking.record import MODEL as MODEL_TAG
from forecast.tracking.record import SOURCE, opened
from forecast.tracking.store import DEFAULT_EXPERIMENT, Store, brief, quiet_and_short

if TYPE_CHECKING:
    from mlflow.entities import Run

    from forecast.datasets.tables.columns import Columns

BACKTEST = "backtest"  # what conditions call the metrics that were expected
RECORDED, DEFERRED, OFF, UNKNOWN = "recorded", "deferred", "off", "unknown"


@dataclass(frozen=True, kw_only=True)
class Scored:
    """How good forecasts were, as far as their actuals have arrived.

    Args:
        metrics: metrics by name, with `drift` and `churn` where they are known; empty while no actual has arrived.
        scored: number of forecasts that have an actual.
        left: number of forecasts whose actual is still to come.
        newest: time of the newest actual that was scored, as text; empty while there is none.
        expected: the backtest of the model that made them; None where none is on record.
        judged_by: the metric that tells the drift; empty where none does.
        previous: id of the prediction before, which the churn is against; None where there is none.
        run_id: id of the run that made the forecasts; None where it is not known, or not sent yet.
        record: id of that run's record; None where it is not known.
        tracking: "recorded", "deferred" (kept in the journal), "unknown" (the file is on no record) or "off".
    """

    metrics: dict[str, float]
    scored: int
    left: int
    newest: str
    expected: Backtest | None = None
    judged_by: str = ""
    previous: str | None = None
    run_id: str | None = None
    record: str | None = None
    tracking: str = OFF
    why: ForecastError | None = field(default=None, repr=False)

    @property
    def best(self) -> str:
        """Return what the metrics are of, in words."""
        return "the forecast"

    @property
    def models(self) -> dict[str, dict[str, float]]:
        """Return no other models: a file holds the forecasts of one."""
        return {}

    @property
    def baselines(self) -> dict[str, dict[str, float]]:
        """Return the expected metrics under the name `backtest`."""
        return {} if self.expected is None else {BACKTEST: self.expected.metrics}


def score_file(
    file: Path,
    forecasts: Any,
    actuals: Any,
    roles: Columns,
    *,
    freq: str | None = None,
    mase_season: int | None = None,
    track: bool = True,
    tracking_uri: str | None = None,
    journal: str | None = None,
) -> Scored:
    """Score a file of forecasts; repeating it changes nothing.

    The metrics are logged on the run that made the file, as `score/mase` and so on, with the number of forecasts that
    were scored as step, and in a run of their own. A store that fails costs the expectation and the churn, and the
    record waits in the journal.

    Args:
        file: the file.
        forecasts: its table.
        actuals: a table with the actuals so far, and, for MASE, the history before the forecasts.
        roles: columns of both tables.
        freq: pandas alias of the time grid; None finds it from the times.
        mase_season: lag of the MASE scale in steps; None takes that of the backtest, or else the season length.
        track: whether the record of the prediction is looked for, and the metrics are logged there.
        tracking_uri: URI of the MLflow store; None takes the usual one.
        journal: folder of the journal; None takes the usual one.

    Raises:
        DataError: with every problem of a table.
        ConfigError: if the file holds the forecasts of several models.
    """
    if MODEL in getattr(forecasts, "columns", ()) and forecasts[MODEL].nunique() > 1:
        hint = "fc.score(forecasts, actuals) scores each of them."
        raise ConfigError(f"{file} holds forecasts of several models", hint=hint)
    score = partial(score_arrived, forecasts, actuals, roles, freq=freq)
    arrived = score(mase_season=mase_season)
    found = Scored(metrics=_finite(arrived), scored=len(arrived.steps), left=arrived.left, newest=arrived.newest)
    if not track:
        return found
    store = Store.of(tracking_uri)
    with_season = None if mase_season is not None else lambda season: _finite(score(mase_season=season))
    try:
        with quiet_and_short():
            return _compared(found, file, arrived, with_season, store, journal, anyhow=tracking_uri is not None)
    except ModelError as error:
        return replace(found, tracking=UNKNOWN, why=error)
    except TrackingError as error:
        return _deferred(found, file, store, journal, error)
    except Exception as error:  # MLflow's own, the network's
        return _deferred(found, file, store, journal, TrackingError(f"tracking store {store.shown}: {brief(error)}"))


def _finite(arrived: Arrived) -> dict[str, float]:
    return {name: value for name, value in arrived.metrics.items() if math.isfinite(value)}


def _compared(
    found: Scored,
    file: Path,
    arrived: Arrived,
    with_season: Callable[[int], dict[str, float]] | None,
    store: Store,
    journal: str | None,
    *,
    anyhow: bool,
) -> Scored:
    """Compare the scores with what was expected, and log them.

    Args:
        found: the scores.
        file: the file of the forecasts.
        arrived: what has arrived.
        with_season: it scores again with another season of MASE's scale; None where the user named the season.
        store: the store.
        journal: folder of the journal; None takes the usual one.
        anyhow: whether the store was named by the user.
    """
    client = store.client()
    sync(client, store, journal, anyhow=anyhow)
    run = maker_of_file(client, file, store=store.shown)
    found = replace(found, run_id=str(run.info.run_id), record=run.data.tags.get(RECORD), tracking=RECORDED)
    read = reader(client)
    if found.scored:
        expected = backtest_of(client, run, arrived.steps, read)
        found = found if expected is None else _beside(found, expected, arrived.mase_season, with_season)
    churn = churn_of(client, run, read)
    if churn is not None:
        found = replace(found, previous=churn[0], metrics={**found.metrics, "churn": churn[1]})
    if not found.scored:
        return found
    entry = _entry(found, _experiment(client, run), run.data.tags, run.info.start_time, store)
    _keep(entry, journal)
    left = sync(client, store, journal, anyhow=anyhow)
    if left.problem is not None:
        raise left.problem
    return found


def _beside(
    found: Scored, expected: Backtest, season: int | None, with_season: Callable[[int], dict[str, float]] | None
) -> Scored:
    """Put the scores beside those of the backtest; MASEs of different seasons are not compared."""
    if expected.mase_season is not None and expected.mase_season != season:
        if with_season is not None:
            found = replace(found, metrics=with_season(expected.mase_season))
        else:
            expected = replace(expected, metrics={n: v for n, v in expected.metrics.items() if n != "mase"})
    known = {name: value for name, value in expected.metrics.items() if name in found.metrics}
    found, moved = replace(found, expected=replace(expected, metrics=known)), drift(found.metrics, known)
    if moved is None:
        return found
    return replace(found, judged_by=moved[0], metrics={**found.metrics, "drift": moved[1]})


def _deferred(found: Scored, file: Path, store: Store, journal: str | None, error: TrackingError) -> Scored:
    """Keep the scores in the journal, where the file says which prediction they belong to."""
    from forecast.tracking.recall.forecast_files import carried_record

    kept = entry_of_file(file, journal)
    record = kept.record if kept is not None else carried_record(file)
    found = replace(found, record=record, tracking=DEFERRED, why=error)
    if record is not None and found.scored:
        tags = kept.tags if kept is not None else {}
        started = kept.started if kept is not None else 0
        _keep(_entry(found, kept.experiment if kept is not None else DEFAULT_EXPERIMENT, tags, started, store), journal)
    return found


def _entry(found: Scored, experiment: str, tags: dict[str, str], started: int, store: Store) -> Entry:
    """Return the record of the scores; the same scores of the same prediction have the same one, whenever it is made."""
    assert found.record is not None
    values = sorted((n, v) for n, v in found.metrics.items() if n not in ("churn", "drift"))
    identity = repr((found.record, found.newest, found.scored, values))
    model, source = tags.get(MODEL_TAG, "a model"), tags.get(SOURCE)
    entry = Entry(
        record=hashlib.sha256(identity.encode()).hexdigest()[:32],
        experiment=experiment,
        run_name=run_name(model, source, None, "score"),
        tags={**opened("score", model, source), **toolkit(), **process(), PREDICT_RECORD: found.record},
        params={"score.newest": found.newest, "score.steps": str(found.scored), "score.left": str(found.left)},
        store=store.named,
    )
    entry.tags |= {name: tags[name] for name in (FIT_RECORD, FIT_RUN) if name in tags}
    made_by = found.run_id or found.record
    entry.tags[DESCRIPTION] = of_score(model, found.newest, found.scored, found.left, found.metrics, made_by)
    entry.metrics = [(name, value, found.scored, started) for name, value in sorted(found.metrics.items())]
    entry.close("FINISHED")
    return entry


def _keep(entry: Entry, journal: str | None) -> None:
    """Write an entry to the journal, unless it is there already."""
    if not any((folder / entry.record).exists() for folder in journals(journal)):
        begin(entry, journal)


def _experiment(client: Any, run: Run) -> str:
    return str(client.get_experiment(run.info.experiment_id).name)
