"""`forecast evaluate`: how good models are on past cutoffs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from forecast.cli import options as o

Models = Annotated[
    str | None, typer.Option("--model", "-m", help="Names by comma, a model directory, or models:/NAME@ALIAS.")
]
Cutoffs = Annotated[int, typer.Option("--cutoffs", help="Cutoffs, counted back from each series' end.")]
Start = Annotated[str | None, typer.Option("--from", help="Time of the first forecast step of the first cutoff.")]
End = Annotated[str | None, typer.Option("--to", help="Time up to which the last horizon must reach.")]
Step = Annotated[int | None, typer.Option("--step", help="Rows between cutoffs [the horizon].")]
Gap = Annotated[int, typer.Option("--gap", help="Rows after the cutoff that are not scored.")]
Refit = Annotated[str, typer.Option("--refit", help="never, each, or a number of cutoffs.")]
Scale = Annotated[str | None, typer.Option("--scale", help="train adds errors on standardised values.")]
MaseSeason = Annotated[int | None, typer.Option("--mase-season", help="Season of the MASE scale [the season length].")]
Seeds = Annotated[int, typer.Option("--seeds", help="Fit so many times, and show how much chance there is.")]
Require = Annotated[
    list[str] | None, typer.Option("--require", help="A condition such as 'mase<=0.9'; may be repeated.")
]
Out = Annotated[str | None, typer.Option("-o", "--output", help="Write the forecasts to a .parquet or .csv file.")]
Save = Annotated[Path | None, typer.Option("--save", help="Write the best model to this directory.")]


def evaluate(
    data: o.Data,
    horizon: o.Horizon = None,
    model: Models = None,
    cutoffs: Cutoffs = 1,
    start: Start = None,
    end: End = None,
    step: Step = None,
    gap: Gap = 0,
    refit: Refit = "never",
    scale: Scale = None,
    mase_season: MaseSeason = None,
    seeds: Seeds = 1,
    require: Require = None,
    out: Out = None,
    save: Save = None,
    config: o.Config = None,
    set_: o.Set = None,
    id: o.Id = None,
    time: o.Time = None,
    target: o.Target = None,
    freq: o.Freq = None,
    season_length: o.SeasonLength = None,
    quantiles: o.Quantiles = None,
    head: o.Head = None,
    point: o.Point = None,
    calibrate: o.Calibrate = None,
    static: o.Static = None,
    known: o.Known = None,
    past: o.Past = None,
    observed: o.Observed = None,
    preset: o.Preset = None,
    val_size: o.ValSize = None,
    max_time: o.MaxTime = None,
    seed: o.Seed = None,
    threads: o.Threads = None,
    device: o.Device = None,
    plot: o.Plot = None,
    experiment: o.Experiment = None,
    run_name: o.RunName = None,
    tracking_uri: o.TrackingUri = None,
    no_track: o.NoTrack = False,
    overwrite: o.Overwrite = False,
    json: o.Json = False,
    quiet: o.Quiet = False,
    verbose: o.Verbose = False,
) -> None:
    """Backtest models on rolling cutoffs, seasonal naive beside them.

    Example: forecast evaluate sales.csv --horizon 28 --model auto,boosting --cutoffs 5
    """
    given = dict(locals())
    from forecast.cli.evaluating import run

    run(given)
