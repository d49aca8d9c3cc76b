"""`forecast evaluate` shows how good models are on past cutoffs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from forecast.cli import options as o
from forecast.datasets.declarations import BACKTEST, OUTPUT

MODEL_HELP = "Names of models, separated by commas, model directories, runs:/ID or models:/NAME@ALIAS."


def _option(*flags: str, help: str, metavar: str, group: str = BACKTEST) -> Any:
    """Declare an option under the heading of its group."""
    return typer.Option(*flags, help=help, metavar=metavar, rich_help_panel=group)


Cutoffs = Annotated[
    int, _option("--cutoffs", metavar="N", help="Number of cutoffs, counted back from each series' end.")
]
Start = Annotated[
    str | None, _option("--from", metavar="TIME", help="Time of the first forecast step of the first cutoff.")
]
End = Annotated[str | None, _option("--to", metavar="TIME", help="Time up to which the last horizon must reach.")]
Step = Annotated[int | None, _option("--step", metavar="ROWS", help="Rows between cutoffs. [default: the horizon]")]
Gap = Annotated[int, _option("--gap", metavar="ROWS", help="Rows after the cutoff that are not scored.")]
Metrics = Annotated[
    str | None, _option("--metrics", metavar="NAME,...", help="Metrics to compute. [default: all that can be]")
]
Refit = Annotated[
    str,
    _option(
        "--refit", metavar="WHEN", help="When models are fitted again: never, each (cutoff), or after every N cutoffs."
    ),
]
Scale = Annotated[
    str | None, _option("--scale", metavar="train", help="Add errors on values standardised by the training rows.")
]
MaseSeason = Annotated[
    int | None,
    _option("--mase-season", metavar="STEPS", help="Steps in the season of MASE's scale. [default: season length]"),
]
Seeds = Annotated[
    int, _option("--seeds", metavar="N", help="Number of fits, each with its own seed, to show how much is chance.")
]
Require = Annotated[
    list[str] | None,
    _option(
        "--require",
        metavar="CONDITION",
        help="Condition such as 'mase<=0.9' or 'mase<seasonal_naive', else exit code 6; may be repeated.",
    ),
]
Out = Annotated[
    str | None,
    _option("-o", "--output", metavar="FILE", help="Write the forecasts to a .parquet or .csv file.", group=OUTPUT),
]
Save = Annotated[
    Path | None, _option("--save", metavar="DIR", help="Write the best model to this directory.", group=OUTPUT)
]


@dataclass(frozen=True, kw_only=True)
class Backtest:
    """The options that say which cutoffs are scored, and how; they are named as in `forecast.evaluate`."""

    cutoffs: Cutoffs = 1
    start: Start = None
    end: End = None
    step: Step = None
    gap: Gap = 0
    refit: Refit = "never"
    metrics: Metrics = None
    scale: Scale = None
    mase_season: MaseSeason = None
    seeds: Seeds = 1


@o.with_options(meanings={"model": MODEL_HELP})
def evaluate(
    data: o.Data,
    settings: dict[str, str],
    *,
    backtest: Backtest,
    require: Require = None,
    out: Out = None,
    save: Save = None,
    job: o.Job,
) -> None:
    """Backtest models on rolling cutoffs, with seasonal naive beside them.

    Example: forecast evaluate sales.csv --horizon 28 --model auto,boosting --cutoffs 5
    """
    from dataclasses import asdict

    from forecast.cli.config import read_settings
    from forecast.cli.evaluating import Request, run
    from forecast.cli.session import refuse_mixed_output

    refuse_mixed_output(job.json, out)
    values = read_settings(settings, job.config, job.set_)
    request = Request(data=data, settings=values, backtest=asdict(backtest), job=job, out=out, save=save)
    run(request, require or [])
