"""`forecast run` does the nightly job: backtest, choose, gate, refit, forecast."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from forecast.cli import options as o
from forecast.datasets.declarations import HELP
from forecast.jobs.declared import Job
from forecast.settings import Settings

Data = Annotated[
    str | None, typer.Argument(help="Table file, bundled data set, or - for stdin; or in the job file.", metavar="DATA")
]
JobFile = Annotated[
    Path | None,
    typer.Option(
        "--config",
        "-c",
        help="Job file: TOML, YAML or JSON; options win over it.",
        metavar="FILE",
        rich_help_panel=HELP,
    ),
]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Print the job as a file for -c, and stop.", rich_help_panel=HELP)
]


@dataclass(frozen=True, kw_only=True)
class Manner:
    """The options that say how a job is run and shown, and are not part of it."""

    config: JobFile = None
    set_: o.Set = None
    dry_run: DryRun = False
    no_track: o.NoTrack = False
    json: o.Json = False
    quiet: o.Quiet = False
    verbose: o.Verbose = False


@o.with_options(kind=(Settings, Job), without=("data",))
def run(data: Data = None, *, settings: dict[str, Any], manner: Manner) -> None:
    """Backtest models, choose one, hold it to conditions, refit it on all rows, and forecast: the nightly job.

    Each cutoff from the second on scores the model that was best on those before it, so that the conditions rest on
    forecasts that nobody picked afterwards. If one is not met (exit code 6), or the table is broken (3), yesterday's
    model directory stays as it is; otherwise --save replaces it.

    Examples: forecast run sales.csv --horizon 28 --model auto,theta --require 'mase<seasonal_naive' --save model -o next.csv
              forecast run sales.csv --horizon 28 --model auto,theta --dry-run > job.toml; forecast run -c job.toml
    """
    from forecast.cli.ordering import read_order
    from forecast.cli.running import dry_run, run_job
    from forecast.cli.session import refuse_mixed_output

    typed = {**settings, **({} if data is None else {"data": data}), **({"tracking": "off"} if manner.no_track else {})}
    order = read_order(typed, manner.config, manner.set_)
    refuse_mixed_output(manner.json, order.job.output)
    if manner.dry_run:
        dry_run(order)
    else:
        run_job(order, as_json=manner.json, quiet=manner.quiet)
