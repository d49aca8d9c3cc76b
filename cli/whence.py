"""`forecast whence` says where a file of forecasts comes from."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from forecast.cli import options as o

if TYPE_CHECKING:
    from collections.abc import Iterator

    from forecast.records.whence import Origin

File = Annotated[Path, typer.Argument(help="File of forecasts that `predict` or `run` wrote.", metavar="FORECASTS")]


def whence(
    file: File,
    tracking_uri: o.TrackingUri = None,
    journal: o.Journal = None,
    json: o.Json = False,
    quiet: o.Quiet = False,
    verbose: o.Verbose = False,
) -> None:
    """Say where a file of forecasts comes from: model, data, settings, and how good it was.

    Example: forecast whence next.parquet
    """
    from dataclasses import asdict

    from forecast.cli import output
    from forecast.cli.stages import stages
    from forecast.progress import doing

    output.QUIET = quiet
    with stages(quiet=quiet):
        doing("reading the recorded runs")
        from forecast.records.whence import origin

        found = origin(file, tracking_uri=tracking_uri, journal=journal)
    if json:
        output.show_json({"schema": "forecast/whence/v1", "status": "ok", **asdict(found)})
    else:
        output.show_rows(["what", "found"], list(_lines(found)))
        if found.changed:
            output.say("note: the file was changed since it was written; what is said is of the forecasts as they were")


def _lines(found: Origin) -> Iterator[tuple[str, str]]:
    """Yield what is shown of a file's origin, a line for each thing."""
    if found.changed:
        yield "file", "changed since it was written"
    where = f"run {found.run_id[:8]}" if found.run_id else f"record {found.record[:8]}, still in the journal"
    yield "forecast", f"{found.made:%Y-%m-%d %H:%M} UTC, {where}"
    yield "model", found.model + (f", made by {_maker(found.made_by)}" if found.made_by else "")
    yield "data", _data(found.data, "the model's own rows")
    if found.asked:
        yield "asked", ", ".join(f"{name} {value}" for name, value in found.asked.items())
    yield "settings", ", ".join(f"{name}={value}" for name, value in found.own_settings.items() if name != "model")
    yield "backtest", _backtest(found.evaluation)
    if found.score:
        yield "score", _score(found.score)


def _maker(run: dict[str, Any]) -> str:
    return f"{run['kind']} {run['run_id'][:8]} on {_data(run)}"


def _data(about: dict[str, Any], without_source: str = "a table") -> str:
    name = about.get("source") or without_source
    return f"{name}: {about.get('series')} series, {about.get('rows')} rows, up to {about.get('last')}"


def _backtest(row: dict[str, Any]) -> str:
    if not row:
        return "none on record"
    whose = "of this very model" if row["of_this_model"] else "of the same settings on older rows"
    skill = f", skill {row['skill']:+.0%}" if row["skill"] == row["skill"] else ""  # not NaN
    return f"mase {row['mase']:.3g}{skill} at {row['cutoffs']} cutoffs, {whose} (run {row['run_id'][:8]})"


def _score(score: dict[str, float]) -> str:
    from forecast.cli.output import cell

    names = [name for name in ("mase", "smape", "mae", "steps") if name in score]
    return ", ".join(f"{name} {cell(score[name])}" for name in names)
