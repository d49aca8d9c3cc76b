"""`forecast runs` lists what is recorded, brings the journal to MLflow, and closes the runs of processes that are gone."""

from __future__ import annotations

from typing import Annotated

import typer

from forecast.cli import options as o

app = typer.Typer(help="Recorded runs: list, sync, reap.", no_args_is_help=True, rich_markup_mode=None)
OlderThan = Annotated[
    str | None,
    typer.Option(
        "--older-than",
        help="Close runs of other machines, too, that gave no sign of life for so long, such as 2h.",
        metavar="TIME",
    ),
]


Kind = Annotated[str | None, typer.Option("--kind", help="Only runs that fit, evaluate, predict, score or run.")]


@app.command("list")
def list_(
    experiment: o.Experiment = None,
    kind: Kind = None,
    tracking_uri: o.TrackingUri = None,
    journal: o.Journal = None,
    json: o.Json = False,
    quiet: o.Quiet = False,
    verbose: o.Verbose = False,
) -> None:
    """List recorded runs, the newest first. The address runs:/ID, with the letters shown, is that of a run's model.

    Example: forecast runs list --experiment sales --kind fit
    """
    from forecast.cli import comparing, output
    from forecast.cli.stages import stages
    from forecast.progress import doing

    output.QUIET = quiet
    with stages(quiet=quiet):
        doing("reading the recorded runs")
        from forecast.tracking.recall.history import runs

        frame = runs(experiment=experiment, kind=kind, tracking_uri=tracking_uri, journal=journal)
    if json:
        output.show_json({"schema": "forecast/runs/v1", "status": "ok", "runs": comparing.records(frame)})
    elif not len(frame):
        output.say("nothing is recorded yet; `forecast fit DATA --horizon H` records a run")
    else:
        comparing.show_runs(frame)


@app.command()
def sync(
    journal: o.Journal = None,
    tracking_uri: o.TrackingUri = None,
    json: o.Json = False,
    quiet: o.Quiet = False,
    verbose: o.Verbose = False,
) -> None:
    """Send the runs that the journal keeps to MLflow, each exactly once.

    Runs that were meant for another store go there only if --tracking-uri names it, or to whatever store it names.

    Example: forecast runs sync --tracking-uri http://mlflow:5000
    """
    from forecast.cli import output
    from forecast.datasets.errors import TrackingError
    from forecast.tracking.delivery.syncing import sync as work_off
    from forecast.tracking.store import Store

    output.QUIET = quiet
    store = Store.of(tracking_uri)
    done = work_off(store.client(), store, journal, anyhow=tracking_uri is not None, seconds=float("inf"))
    sent = [result for result in done.results if result.run_id is not None]
    refused = [result for result in done.results if result.run_id is None]
    if json:
        output.show_json(
            {
                "schema": "forecast/sync/v1",
                "status": "failed" if refused or done.problem else "ok",
                "sent": [result.run_id for result in sent],
                "refused": [
                    {"record": result.record, "why": result.why, "place": result.refused} for result in refused
                ],
                "left": done.left,
                "closed": done.closed,
            }
        )
    output.say(f"{len(sent)} runs sent to {store.shown}, {done.left} left in the journal")
    for address in sorted(set(done.elsewhere)):
        output.say(
            f"note: {done.elsewhere.count(address)} are meant for {address}; --tracking-uri names another store for them"
        )
    if done.problem is not None:
        raise done.problem
    if refused:
        problem = f"{len(refused)} runs are laid aside: {refused[0].why}"
        raise TrackingError(problem, hint=f"{refused[0].refused} has a note beside it.")


@app.command()
def reap(
    older_than: OlderThan = None,
    journal: o.Journal = None,
    tracking_uri: o.TrackingUri = None,
    json: o.Json = False,
    quiet: o.Quiet = False,
    verbose: o.Verbose = False,
) -> None:
    """Close as KILLED the runs that are still open although the process that worked on them is gone.

    Example: forecast runs reap --older-than 6h
    """
    from forecast.cli import output
    from forecast.datasets.declarations import seconds
    from forecast.datasets.errors import ConfigError
    from forecast.tracking.delivery.reaping import reap as close
    from forecast.tracking.journal import due
    from forecast.tracking.store import Store, quiet_and_short

    output.QUIET = quiet
    age = None if older_than is None else seconds(older_than)
    if older_than is not None and age is None:
        raise ConfigError(f"--older-than {older_than!r} is no time", hint="Write 90s, 5m or 2h.")
    store = Store.of(tracking_uri)
    client = store.client()
    with quiet_and_short():
        closed = close(client, kept=[place.name for place in due(journal)], older_than=age)
    if json:
        output.show_json({"schema": "forecast/reap/v1", "status": "ok", "closed": closed})
    output.say(f"{closed} runs closed in {store.shown}")
