"""Options that several commands share; each has its one home here."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Data = Annotated[str, typer.Argument(help="Table file, bundled data set, or - for stdin.", metavar="DATA")]
Horizon = Annotated[int | None, typer.Option("--horizon", "-H", help="Steps to forecast.")]
Config = Annotated[Path | None, typer.Option("--config", "-c", help="Settings file: TOML, YAML or JSON.")]
Set = Annotated[list[str] | None, typer.Option("--set", help="Any setting, as name=value; may be repeated.")]

Id = Annotated[str | None, typer.Option("--id", help="Column of the series ids.")]
Time = Annotated[str | None, typer.Option("--time", help="Column of the times.")]
Target = Annotated[str | None, typer.Option("--target", help="Column to forecast.")]
Freq = Annotated[str | None, typer.Option("--freq", help="Frequency: h, 15min, D, W, MS...; 1 for integer time.")]
SeasonLength = Annotated[int | None, typer.Option("--season-length", help="Steps in a season.")]
Quantiles = Annotated[str | None, typer.Option("--quantiles", help="Levels to forecast, as 0.1,0.5,0.9.")]
Static = Annotated[str | None, typer.Option("--static", help="Columns with one value a series.")]
Known = Annotated[str | None, typer.Option("--known", help="Columns known up to cutoff + horizon.")]
Past = Annotated[str | None, typer.Option("--past", help="Columns known up to the cutoff.")]
Observed = Annotated[str | None, typer.Option("--observed", help="Boolean column, False where filled in.")]

Head = Annotated[str | None, typer.Option("--head", help="point, quantile, normal, student_t, negative_binomial...")]
Point = Annotated[str | None, typer.Option("--point", help="median or mean of a distribution.")]
Calibrate = Annotated[str | None, typer.Option("--calibrate", help="none, split or adaptive (conformal).")]

Preset = Annotated[str | None, typer.Option("--preset", help="fast, balanced or best.")]
ValSize = Annotated[int | None, typer.Option("--val-size", help="Rows a series held back for validation.")]
MaxTime = Annotated[str | None, typer.Option("--max-time", help="Time training may take: 60s, 5m.")]
Seed = Annotated[int | None, typer.Option("--seed", help="Seed of everything random.")]
Threads = Annotated[int | None, typer.Option("--threads", help="CPU threads.")]
Device = Annotated[str | None, typer.Option("--device", help="auto, cpu or cuda.")]

Plot = Annotated[Path | None, typer.Option("--plot", help="Draw the forecasts to this file.")]
Experiment = Annotated[str | None, typer.Option("--experiment", help="MLflow experiment.")]
RunName = Annotated[str | None, typer.Option("--run-name", help="MLflow run name.")]
TrackingUri = Annotated[str | None, typer.Option("--tracking-uri", help="MLflow store.")]
NoTrack = Annotated[bool, typer.Option("--no-track", help="Record nothing in MLflow.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace what is there.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing but the result.")]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Show tracebacks.")]
