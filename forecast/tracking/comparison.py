"""Recorded evaluations are compared: leaderboards, groups, and what two runs differ in."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from forecast.datasets.errors import ConfigError
from forecast.evaluation.metrics import METRICS, RELATIVE
from forecast.progress import tell
from forecast.tracking.comparing.boards import leaderboards
from forecast.tracking.comparing.reading import reader
from forecast.tracking.delivery.syncing import sync
from forecast.tracking.pages.tags import KIND
from forecast.tracking.recall.addresses import MODELS
from forecast.tracking.recall.finding import run_of
from forecast.tracking.recall.lineage import evaluation_of
from forecast.tracking.store import Store

if TYPE_CHECKING:
    import pandas as pd
    from mlflow import MlflowClient


def compare(
    runs: list[str] | None = None,
    *,
    experiment: str | None = None,
    metric: str = "mase",
    by: str | None = None,
    paired: bool = True,
    tracking_uri: str | None = None,
    journal: str | None = None,
) -> pd.DataFrame:
    """Rank recorded evaluations; what the journal keeps is sent before, for a second at most.

    Only evaluations of the same target (ids, times, values) under the same protocol (horizon, cutoffs, step, gap, refit,
    scales) are ranked with each other.

    Args:
        runs: addresses as `load` takes them (runs:/ID, models:/NAME@ALIAS), ids of runs, or their first letters; None
            takes every evaluation of the experiment.
        experiment: name of an experiment; None takes every experiment.
        metric: name of the metric that ranks the runs, the smallest value first (of `bias` the nearest to 0, of a
            coverage the nearest to what it is meant to be); "mase" by default.
        by: "horizon", "cutoff", "series", or a static or id column, to split the metric by; None for the leaderboards.
        paired: whether the best run of each table is tested against the next nine, forecast by forecast; True by
            default.
        tracking_uri: URI of the MLflow store; None takes the environment's, or the store in the working directory.
        journal: folder of the journal; None takes the environment's, or the one in the working directory.

    Returns:
        A row for each run. `target` and `protocol` say which rows are one leaderboard, that of the newest run first, and
        `rank` is the place in it. `skill` is the share of seasonal naive's error that is gone, `coverage` the share of
        actuals in the widest interval, which is meant to hold `interval`, and `seconds` the time of fits and forecasts.
        `behind`, `share`, `p`, `alone` and `verdict` compare the best run with this one, as
        `forecast.tracking.comparing.paired.with_tests` says. Runs that cannot be ranked come last. With `by`, a row for
        each ranked run and group, as `forecast.tracking.comparing.groups.grouped` says. Where `runs` names two, the
        frame's `attrs["settings"]` holds the settings in which they differ.

    Raises:
        ConfigError: if there is no such experiment, metric or column.
        ModelError: if there is no such run or registered model.
        TrackingError: if the store cannot be reached.
    """
    found, _, client = recorded(experiment, tracking_uri=tracking_uri, journal=journal)
    if runs is None:
        chosen = [run for run in found if run.data.tags.get(KIND) == "evaluate"]
    else:
        chosen = _named(client, runs, Store.of(tracking_uri).shown)
    _check_metric(metric, chosen)
    frame = leaderboards(chosen, metric)
    if by is not None:
        from forecast.tracking.comparing.groups import grouped

        return grouped(frame, by, metric, reader(client))
    if paired:
        from forecast.tracking.comparing.paired import with_tests

        frame = with_tests(frame, metric, reader(client))
    if runs is not None and len(chosen) == 2:
        frame.attrs["settings"] = differences(*sorted(chosen, key=lambda run: _place(frame, run)))
    return frame


def recorded(
    experiment: str | None, *, tracking_uri: str | None, journal: str | None
) -> tuple[list[Any], dict[str, str], MlflowClient]:
    """Send what the journal keeps, for a second at most, and read the runs of an experiment, or of all.

    Returns:
        The runs, the newest first, the names of the experiments by id, and the store's client.

    Raises:
        ConfigError: if there is no such experiment.
        TrackingError: if the store cannot be reached.
    """
    store = Store.of(tracking_uri)
    client = store.client()
    synced = sync(client, store, journal, anyhow=tracking_uri is not None)
    if synced.left > len(synced.elsewhere):
        tell(f"{synced.left - len(synced.elsewhere)} runs are still in the journal; `forecast runs sync` sends them")
    names = {e.experiment_id: e.name for e in client.search_experiments()}
    if experiment is not None:
        names = {experiment_id: name for experiment_id, name in names.items() if name == experiment}
        if not names:
            hint = "Fit or evaluate with --experiment."
            raise ConfigError(f"there is no experiment {experiment!r} in {store.shown}", hint=hint)
    return _search(client, list(names)), names, client


def differences(first: Any, second: Any) -> dict[str, tuple[str | None, str | None]]:
    """Return the settings and rules in which two runs differ, by name; None where a run has none of that name."""
    one, other = first.data.params, second.data.params
    names = sorted({*one, *other})
    return {name: (one.get(name), other.get(name)) for name in names if one.get(name) != other.get(name)}


def _place(frame: pd.DataFrame, run: Any) -> int:
    return int((frame["run_id"] == run.info.run_id).argmax())


def _named(client: MlflowClient, addresses: list[str], store: str) -> list[Any]:
    """Return the runs that are named, each once; of a registered model, the evaluation that is on record of it."""
    found = {}
    for address in addresses:
        run = run_of(client, address, store=store)
        run = (evaluation_of(client, run) or run) if address.startswith(MODELS) else run
        found[run.info.run_id] = run
    return sorted(found.values(), key=lambda run: -run.info.start_time)


def _check_metric(metric: str, runs: list[Any]) -> None:
    """Refuse a metric that is neither ours nor in any of the runs: a column without values ranks nothing."""
    names = {*METRICS, *RELATIVE, *(name for run in runs for name in run.data.metrics if "/" not in name)}
    if metric not in names:
        near = get_close_matches(metric, names, n=1)
        hint = f"Did you mean {near[0]!r}?" if near else f"Known: {', '.join(sorted(names))}."
        raise ConfigError(f"unknown metric {metric!r}", hint=hint)


def _search(client: Any, experiment_ids: list[str]) -> list[Any]:
    """Read all runs of the experiments, the newest first; the store returns them by pages."""
    runs, token = [], None
    while experiment_ids:
        page = client.search_runs(experiment_ids, order_by=["attributes.start_time DESC"], page_token=token)
        runs += list(page)
        token = page.token
        if not token:
            break
    return runs
