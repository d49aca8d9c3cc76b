"""`forecast predict`: forecasts from a fitted model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from forecast.cli import options as o

if TYPE_CHECKING:
    from forecast.forecaster import Forecaster

Model = Annotated[str, typer.Argument(help="Model directory, or models:/NAME@ALIAS.", metavar="MODEL")]
Rows = Annotated[str | None, typer.Argument(help="Newer rows or other series; - for stdin.", metavar="[DATA|-]")]
Future = Annotated[str | None, typer.Option("--future", help="Known covariates over the horizon.")]
Samples = Annotated[int | None, typer.Option("--samples", help="Draw so many paths instead of one forecast.")]
Steps = Annotated[int | None, typer.Option("--horizon", "-H", help="Steps to forecast, at most the model's own.")]
Levels = Annotated[str | None, typer.Option("--quantiles", help="Levels to forecast, as 0.1,0.5,0.9.")]
Out = Annotated[str, typer.Option("-o", "--output", help="Forecasts: .csv, .parquet, .jsonl, .arrow, or - for stdout.")]


def predict(
    model: Model,
    data: Rows = None,
    future: Future = None,
    out: Out = "-",
    horizon: Steps = None,
    quantiles: Levels = None,
    samples: Samples = None,
    plot: o.Plot = None,
    tracking_uri: o.TrackingUri = None,
    no_track: o.NoTrack = False,
    json: o.Json = False,
    quiet: o.Quiet = False,
    verbose: o.Verbose = False,
) -> None:
    """Forecast the steps after each series' last row.

    Example: forecast predict model sales.csv -o forecasts.csv
    """
    from forecast.cli.session import refuse_mixed_output, session

    refuse_mixed_output(json, out)
    with session(quiet=quiet, track=False):
        _predict(
            model, data, future, out, horizon, quantiles, samples, plot, tracking_uri, as_json=json, track=not no_track
        )


def _predict(
    address: str,
    data: str | None,
    future: str | None,
    out: str,
    horizon: int | None,
    quantiles: str | None,
    samples: int | None,
    plot: Path | None,
    tracking_uri: str | None,
    *,
    as_json: bool,
    track: bool,
) -> None:
    from time import perf_counter

    from forecast.cli.output import say, show_json
    from forecast.cli.session import read
    from forecast.datasets.tables.readers import check_writable, read_table, write_table
    from forecast.declarations import declarations
    from forecast.settings import Settings

    if out != "-":
        check_writable(Path(out))
    forecaster = _load(address, tracking_uri)
    table = None if data is None else read(data, {"id": forecaster.settings.id or forecaster.context.format.id})
    started = perf_counter()
    levels = None if quantiles is None else declarations(Settings)["quantiles"].parse(quantiles)
    known = None if future is None else read_table(future)
    frame = forecaster.predict(table, future=known, horizon=horizon, quantiles=levels, samples=samples)
    seconds = perf_counter() - started
    write_table(frame, out)
    if plot is not None:
        _draw(forecaster, table, known, plot)
    report = {"model_dir": address, "rows": len(frame), "predict_seconds": seconds, "run_id": forecaster.run_id_}
    if track:
        _record(forecaster, report)
    if as_json:
        show_json({"schema": "forecast/predict/v1", "status": "ok", **report, "output": out})
    elif out != "-":
        say(f"wrote {len(frame)} rows to {out}")


def _load(address: str, tracking_uri: str | None) -> Forecaster:
    from forecast.forecaster import load

    if not address.startswith(("models:/", "runs:/")):
        return load(address)
    from forecast.tracking.registry import fetched

    with fetched(address, tracking_uri) as directory:
        return load(directory)


def _draw(forecaster: Forecaster, table: Any, future: Any, plot: Path) -> None:
    from forecast.cli.output import say
    from forecast.fitted import fitted_of
    from forecast.insight.plotting import plot_panel, save_figure, some

    panel, origins = forecaster.newest(table, future)
    chosen = some(origins)
    save_figure(plot_panel(panel, chosen, fitted_of(forecaster).predict(panel, chosen)), plot)
    say(f"drew {plot}")


def _record(forecaster: Forecaster, report: dict[str, Any]) -> None:
    """To the local journal; the next fit, evaluate or compare sends it on."""
    from forecast.cli.output import say
    from forecast.tracking.environment import process
    from forecast.tracking.journal import Entry

    tags = {"forecast.kind": "predict", "forecast.model": forecaster.settings.model, **process()}
    if forecaster.run_id_:
        tags["forecast.fit_run_id"] = forecaster.run_id_
    entry = Entry(run_name=f"predict {forecaster.settings.model}", tags=tags)
    entry.metrics = [(name, float(report[name]), 0, entry.started) for name in ("rows", "predict_seconds")]
    try:
        entry.write()
    except OSError as error:
        say(f"note: this prediction is not recorded: {error}")
