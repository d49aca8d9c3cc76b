"""`forecast compare` ranks the evaluations recorded in MLflow, those of the same data and protocol with each other."""

from __future__ import annotations

from typing import Annotated

import typer

from forecast.cli import options as o
from forecast.datasets.declarations import OUTPUT
from forecast.datasets.errors import ConfigError

Runs = Annotated[
    list[str] | None,
    typer.Argument(
        help="Run ids, or their first letters; all runs of the experiment if there are none.", metavar="[RUN...]"
    ),
]
Metric = Annotated[str, typer.Option("--metric", help="Metric that runs are ranked by.")]
By = Annotated[
    str | None,
    typer.Option("--by", help="Split the metric by horizon, series, cutoff, or a static or id column.", metavar="NAME"),
]
NoPaired = Annotated[bool, typer.Option("--no-paired", help="Do not test whether the best one is better by chance.")]
Csv = Annotated[bool, typer.Option("--csv", help="Print all columns as CSV.", rich_help_panel=OUTPUT)]
Markdown = Annotated[bool, typer.Option("--md", help="Print the usual columns as Markdown.", rich_help_panel=OUTPUT)]


def compare(
    runs: Runs = None,
    experiment: o.Experiment = None,
    metric: Metric = "mase",
    by: By = None,
    no_paired: NoPaired = False,
    tracking_uri: o.TrackingUri = None,
    journal: o.Journal = None,
    csv: Csv = False,
    md: Markdown = False,
    json: o.Json = False,
    quiet: o.Quiet = False,
    verbose: o.Verbose = False,
) -> None:
    """Rank evaluations recorded in MLflow, those of the same data and protocol with each other, best first.

    Example: forecast compare --experiment sales --metric smape
    """
    from forecast.cli import comparing, output
    from forecast.cli.stages import stages
    from forecast.progress import doing

    if csv + md + json > 1:
        raise ConfigError("--csv, --md and --json exclude each other")
    output.QUIET = quiet
    with stages(quiet=quiet):
        doing("reading the recorded runs")
        from forecast.tracking.comparison import compare as compared

        frame = compared(
            runs or None,
            experiment=experiment,
            metric=metric,
            by=by,
            paired=not no_paired,
            tracking_uri=tracking_uri,
            journal=journal,
        )
    settings = frame.attrs.get("settings")
    if json:
        differing = {} if settings is None else {"differing": settings}
        rows = {"runs" if by is None else "groups": comparing.records(frame)}
        output.show_json({"schema": "forecast/compare/v1", "status": "ok", **rows, **differing})
    elif csv:
        output.show(frame.to_csv(index=False).rstrip("\n"))
    elif md:
        output.show(comparing.as_markdown(frame if by is not None else comparing.usual(frame, metric)))
    elif not len(frame):
        output.say("no evaluation is recorded yet; `forecast evaluate DATA --horizon H` makes one")
    elif by is not None:
        comparing.show_groups(frame, by, metric)
    else:
        comparing.show_leaderboards(frame, metric)
        if settings is not None:
            comparing.show_differences(settings)
