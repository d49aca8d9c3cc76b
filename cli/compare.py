"""`forecast compare` shows MLflow runs as a leaderboard."""

from __future__ import annotations

from typing import Annotated

import typer

from forecast.cli import options as o

Runs = Annotated[
    list[str] | None,
    typer.Argument(
        help="Run ids, or their first letters; all runs of the experiment if there are none.", metavar="[RUN...]"
    ),
]
Metric = Annotated[str, typer.Option("--metric", help="Metric that runs are ranked by.")]


def compare(
    runs: Runs = None,
    experiment: o.Experiment = None,
    metric: Metric = "mase",
    tracking_uri: o.TrackingUri = None,
    journal: o.Journal = None,
    json: o.Json = False,
    quiet: o.Quiet = False,
    verbose: o.Verbose = False,
) -> None:
    """Show evaluations recorded in MLflow, best first.

    Example: forecast compare --experiment sales --metric smape
    """
    from forecast.cli.output import say, show_frame, show_json
    from forecast.cli.stages import stages
    from forecast.progress import doing

    with stages(quiet=quiet):
        doing("reading the recorded runs")
        from forecast.tracking.comparison import compare as leaderboard

        frame = leaderboard(
            runs or None, experiment=experiment, metric=metric, tracking_uri=tracking_uri, journal=journal
        )
    if json:
        show_json({"schema": "forecast/compare/v1", "status": "ok", "runs": frame.to_dict("records")})
        return
    if not len(frame):
        say("no evaluation is recorded yet; `forecast evaluate DATA --horizon H` makes one")
        return
    frame["run_id"] = frame["run_id"].str[:8]
    frame["started"] = frame["started"].dt.strftime("%Y-%m-%d %H:%M")
    show_frame(frame.drop(columns=["run", "kind", "status"]))
