"""`forecast fit` reads a table and writes a model directory."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from forecast.cli import options as o
from forecast.datasets.declarations import OUTPUT

if TYPE_CHECKING:
    import pandas as pd

    from forecast.forecaster import Forecaster

Out = Annotated[
    Path | None,
    typer.Option(
        "-o",
        "--output",
        help="Model directory. [default: .forecast/models/NAME]",
        metavar="DIR",
        rich_help_panel=OUTPUT,
    ),
]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Show the settings that fitting would use, and stop.", rich_help_panel=OUTPUT)
]


@o.with_options()
def fit(data: o.Data, settings: dict[str, str], *, out: Out = None, dry_run: DryRun = False, job: o.Job) -> None:
    """Fit a model to a table and write a model directory.

    Example: forecast fit sales.csv --horizon 28 -o model
    """
    from forecast.cli.config import read_settings
    from forecast.cli.session import read, session
    from forecast.progress import doing

    values = read_settings(settings, job.config, job.set_)
    with session(quiet=job.quiet, track=not job.no_track):
        doing(f"reading {data}")  # before what it takes is imported
        if dry_run:
            _show_settings(read(data, values), values, as_json=job.json)
        else:
            _fit(data, values, job, out)


def _fit(data: str, values: dict[str, Any], job: o.Job, out: Path | None) -> None:
    """Fit, save, draw and report; what cannot be written is refused before the work begins."""
    from forecast.cli.output import say, show_json
    from forecast.cli.session import progress, read, remarks
    from forecast.forecaster import Forecaster
    from forecast.insight.plotting import check_picture
    from forecast.storage.directory import check_free
    from forecast.tracking import refusals_recorded
    from forecast.tracking.delivery.job import job as tracked_job

    forecaster = Forecaster(**values)
    place = out if out is not None else Path(".forecast/models") / forecaster.settings.model
    check_free(place, overwrite=job.overwrite)  # before the table is read, which may take long
    if job.plot is not None:
        check_picture(job.plot)
    shown = progress(job.quiet)
    with tracked_job(raises=False) as tracked:
        with refusals_recorded("fit", forecaster.settings, forecaster.settings.model, data):
            table = read(data, values)
        forecaster.fit(table, progress=shown, source=data, output=place, overwrite=job.overwrite)
        remarks(forecaster.notes_)
        if job.plot is not None:
            _draw(forecaster, job.plot)
    if job.json:
        show_json({**_report(forecaster, place), **tracked.report(forecaster.run_id_)})
    else:
        say(f"fitted {forecaster.settings.model} in {forecaster.fit_seconds_:.1f} s: {_settings_line(forecaster)}")
        typer.echo(place)
    tracked.check()


def _report(forecaster: Forecaster, place: Path) -> dict[str, Any]:
    """Return the JSON object of --json."""
    from dataclasses import asdict

    return {
        "schema": "forecast/fit/v1",
        "status": "ok",
        "fit_seconds": forecaster.fit_seconds_,
        "fit_cpu_seconds": forecaster.fit_cpu_seconds_,
        "model_dir": str(place),
        "settings": asdict(forecaster.resolved_),
        "reasons": forecaster.reasons_,
        "notes": list(forecaster.notes_),
    }


def _settings_line(forecaster: Forecaster) -> str:
    """Return in one line the settings that were left open, with their values, and the values that forecasts may take."""
    resolved, reasons = forecaster.resolved_, forecaster.reasons_
    chosen = [f"{name}={getattr(resolved, name)}" for name in reasons if hasattr(resolved, name)]
    return ", ".join([*chosen, f"support: {reasons['support']}"])


def _show_settings(table: pd.DataFrame, values: dict[str, Any], *, as_json: bool) -> None:
    """Show the settings that fitting the table would use."""
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
    show_frame(plan, max_rows=len(plan))


def _draw(forecaster: Forecaster, plot: Path) -> None:
    """Draw the forecasts of some series from the training rows."""
    from forecast.cli.output import say
    from forecast.fitted import fitted_of
    from forecast.insight.plotting import plot_panel, save_figure, some

    fitted = fitted_of(forecaster)
    chosen = some(fitted.last_origins(fitted.context))
    save_figure(plot_panel(fitted.context, chosen, fitted.predict(fitted.context, chosen)), plot)
    say(f"drew {plot}")
