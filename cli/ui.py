"""`forecast ui` serves MLflow's pages on the same store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from forecast.cli import options as o

if TYPE_CHECKING:
    from forecast.tracking.store import Store

Port = Annotated[int, typer.Option("--port", help="Port of this machine that the pages are served on.")]


def ui(tracking_uri: o.TrackingUri = None, port: Port = 5000, verbose: o.Verbose = False) -> None:
    """Open MLflow's user interface on the store that fit and evaluate write to.

    It shows the address of a view of the newest experiment: its evaluations, the most skilful first. It listens on this
    machine only, since it asks nobody for a password; the pages of a store that is a server are that server's own.
    """
    from forecast.cli.output import say
    from forecast.cli.stages import stages
    from forecast.progress import doing
    from forecast.tracking.store import Store

    store = Store.of(tracking_uri)
    is_server = store.uri.startswith("http")
    with stages():
        doing(f"opening {store.shown}")
        address = _address(store, store.shown if is_server else f"http://127.0.0.1:{port}")
    if is_server:
        typer.echo(address)
        return
    say(f"{address} shows {store.shown}; Ctrl-C ends it")
    _serve(store, port)


def _address(store: Store, server: str) -> str:
    """Send what the journal keeps, and return the address of the view of the experiment with the newest run of ours."""
    from forecast.tracking.delivery.syncing import sync
    from forecast.tracking.pages import view

    client = store.client()
    sync(client, store, None)
    experiments = {experiment.experiment_id: experiment for experiment in client.search_experiments()}
    newest = client.search_runs(list(experiments), view.FILTER, max_results=1) if experiments else []
    if not newest:
        return server
    experiment = experiments[newest[0].info.experiment_id]
    view.show(client, experiment)
    return view.address(server, experiment.experiment_id)


def _serve(store: Store, port: int) -> None:
    """Serve the pages until they are ended."""
    import os
    import subprocess
    import sys

    from forecast.datasets.ending import if_ended

    command = [sys.executable, "-m", "mlflow", "ui", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    # a password would be seen by all users of the machine if it stood in the command
    environment = {**os.environ, "MLFLOW_BACKEND_STORE_URI": store.uri, "MLFLOW_DISABLE_TELEMETRY": "true"}
    with subprocess.Popen(command, env=environment) as pages, if_ended(pages.terminate):
        raise typer.Exit(pages.wait())
