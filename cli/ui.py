"""`forecast ui` serves MLflow's pages on the same store."""

from __future__ import annotations

from typing import Annotated

import typer

from forecast.cli import options as o

Port = Annotated[int, typer.Option("--port", help="Port of this machine that the pages are served on.")]


def ui(tracking_uri: o.TrackingUri = None, port: Port = 5000, verbose: o.Verbose = False) -> None:
    """Open MLflow's user interface on the store that fit and evaluate write to.

    It listens on this machine only, since it asks nobody for a password.
    """
    import os
    import subprocess
    import sys

    from forecast.cli.output import say
    from forecast.cli.stages import stages
    from forecast.datasets.ending import if_ended
    from forecast.progress import doing
    from forecast.tracking.delivery.syncing import sync
    from forecast.tracking.store import Store

    store = Store.of(tracking_uri)
    if store.uri.startswith("http"):
        say(f"the store is a server already: {store.shown}")
        return
    with stages():
        doing(f"opening {store.shown}")
        sync(store.client(), store, None)
    say(f"http://127.0.0.1:{port} shows {store.shown}; Ctrl-C ends it")
    command = [sys.executable, "-m", "mlflow", "ui", "--host", "127.0.0.1"]
    # a password would be seen by all users of the machine if it stood in the command
    environment = {**os.environ, "MLFLOW_BACKEND_STORE_URI": store.uri, "MLFLOW_DISABLE_TELEMETRY": "true"}
    with subprocess.Popen([*command, "--port", str(port)], env=environment) as pages, if_ended(pages.terminate):
        raise typer.Exit(pages.wait())
