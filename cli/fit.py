"""`forecast fit`: a table in, a model directory out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from forecast.cli import options as o

if TYPE_CHECKING:
    import pandas as pd

    from forecast.forecaster import Forecaster

Model = Annotated[str | None, typer.Option("--model", "-m", help="Model by name; `forecast models list`.")]
Out = Annotated[Path | None, typer.Option("-o", "--output", help="Model directory [.forecast/models/NAME].")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show the settings and stop.")]


def fit(
    data: o.Data,
    horizon: o.Horizon = None,
    model: Model = None,
    out: Out = None,
    config: o.Config = None,
    set_: o.Set = None,
    dry_run: DryRun = False,
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
    """Fit a model to a table and write a model directory.

    Example: forecast fit sales.csv --horizon 28 -o model
    """
    given = dict(locals())
    from forecast.cli.config import settings
    from forecast.cli.session import read, session

    values = settings(given, config, set_)
    with session(quiet=quiet, track=not no_track):
        if dry_run:
            _show_settings(read(data, values), values, as_json=json)
        else:
            _fit(data, values, out, plot, overwrite=overwrite, as_json=json, quiet=quiet)


def _fit(
    data: str,
    values: dict[str, Any],
    out: Path | None,
    plot: Path | None,
    *,
    overwrite: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    from forecast.cli.output import say, show_json
    from forecast.cli.session import progress, read, remarks
    from forecast.forecaster import Forecaster
    from forecast.insight.plotting import check_picture
    from forecast.storage.directory import check_free

    forecaster = Forecaster(**values)
    place = out if out is not None else Path(".forecast/models") / forecaster.settings.model
    check_free(place, overwrite=overwrite)
    if plot is not None:
        check_picture(plot)
    forecaster.fit(read(data, values), progress=progress(quiet), source=data)
    forecaster.save(place, overwrite=overwrite)
    remarks(forecaster.notes_)
    if plot is not None:
        _draw(forecaster, plot)
    if as_json:
        show_json(_report(forecaster, place))
        return
    say(f"fitted {forecaster.settings.model} in {forecaster.fit_seconds_:.1f} s: {_settings_line(forecaster)}")
    typer.echo(place)


def _report(forecaster: Forecaster, place: Path) -> dict[str, Any]:
    from dataclasses import asdict

    return {
        "schema": "forecast/fit/v1",
        "status": "ok",
        "fit_seconds": forecaster.fit_seconds_,
        "fit_cpu_seconds": forecaster.fit_cpu_seconds_,
        "model_dir": str(place),
        "run_id": forecaster.run_id_,
        "settings": asdict(forecaster.resolved_),
        "reasons": forecaster.reasons_,
        "notes": list(forecaster.notes_),
    }


def _settings_line(forecaster: Forecaster) -> str:
    """The settings that were found, in one line."""
    resolved = forecaster.resolved_
    return ", ".join(f"{name}={getattr(resolved, name)}" for name in forecaster.reasons_ if hasattr(resolved, name))


def _show_settings(table: pd.DataFrame, values: dict[str, Any], *, as_json: bool) -> None:
    from forecast.cli.output import show_frame, show_json
    from forecast.forecaster import Forecaster

    plan = Forecaster(**values).plan(table)
    if as_json:
        show_json(
            {
                "schema": "forecast/plan/v1",
                "status": "ok",
                "settings": dict(zip(plan["setting"], plan["value"], strict=True)),
            }
        )
        return
    plan["value"] = plan["value"].astype(str)
    show_frame(plan, most=len(plan))


def _draw(forecaster: Forecaster, plot: Path) -> None:
    from forecast.cli.output import say
    from forecast.fitted import fitted_of
    from forecast.insight.plotting import plot_panel, save_figure, some

    fitted = fitted_of(forecaster)
    chosen = some(fitted.last_origins(fitted.context))
    save_figure(plot_panel(fitted.context, chosen, fitted.predict(fitted.context, chosen)), plot)
    say(f"drew {plot}")
