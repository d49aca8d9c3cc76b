"""`forecast models` shows the architectures, checks model directories, and registers and promotes recorded models."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from forecast.cli import options as o

if TYPE_CHECKING:
    from forecast.records.registering import Version

app = typer.Typer(help="Models: list, show, verify, register, promote.", no_args_is_help=True, rich_markup_mode=None)
Name = Annotated[str, typer.Argument(help="Name from `forecast models list`.")]
Directory = Annotated[Path, typer.Argument(help="Model directory.", metavar="DIR")]


Recorded = Annotated[
    str, typer.Argument(help="runs:/ID, or a model directory whose fit is on record.", metavar="MODEL")
]
Registered = Annotated[str, typer.Argument(help="models:/NAME/VERSION, or models:/NAME@ALIAS.", metavar="ADDRESS")]
Called = Annotated[str, typer.Argument(help="Name to register it under.", metavar="NAME")]
Alias = Annotated[str | None, typer.Option("--alias", help="Alias, such as champion, that it gets, too.")]
NewAlias = Annotated[str, typer.Option("--alias", help="Alias that it gets.")]


@app.command("list")
def list_(json: o.Json = False, verbose: o.Verbose = False) -> None:
    """List every model by name."""
    from dataclasses import asdict

    from forecast.cli.output import show_json, show_rows
    from forecast.cli.stages import stages
    from forecast.progress import doing

    with stages(lines=False):
        doing("looking up the models")
        from forecast.architectures import ARCHITECTURES

    lines = [{"name": name, **asdict(line)} for name, line in ARCHITECTURES.items()]
    if json:
        show_json({"schema": "forecast/models/v1", "status": "ok", "models": lines})
        return
    columns = ("name", "kind", "reads", "what")  # the others are in `show`
    show_rows(columns, [[str(line[column]) for column in columns] for line in lines])


@app.command("show")
def show(name: Name, json: o.Json = False, verbose: o.Verbose = False) -> None:
    """Show one model: what it is, what it reads, and the settings that its name sets."""
    from dataclasses import asdict

    from forecast.cli.output import show_json, show_rows
    from forecast.cli.stages import stages
    from forecast.datasets.declarations import declarations
    from forecast.progress import doing
    from forecast.settings import Settings

    with stages(lines=False):
        doing("looking up the model")
        from forecast.architectures import architecture

    facts = {"name": name, **asdict(architecture(name))}
    lines = [(declarations(Settings)[setting], value) for setting, value in facts["settings"].items()]
    if json:
        sets = [{"setting": line.name, "value": value, "meaning": line.help} for line, value in lines]
        show_json({"schema": "forecast/model/v1", "status": "ok", **facts, "sets": sets})
        return
    facts.pop("settings")
    show_rows(["what", "value"], [(key, str(value)) for key, value in facts.items() if value])
    if lines:
        show_rows(["setting", "value", "meaning"], [(line.name, line.text(value), line.help) for line, value in lines])


@app.command("verify")
def verify(directory: Directory, json: o.Json = False, verbose: o.Verbose = False) -> None:
    """Compare a model directory with its manifest."""
    from forecast.cli.output import show_json
    from forecast.storage.directory import verify as check

    sizes = {name: len(content) for name, content in check(directory).items()}
    if json:
        show_json({"schema": "forecast/verify/v1", "status": "ok", "model_dir": str(directory), "bytes": sizes})
        return
    typer.echo(f"{directory} is whole: {', '.join(f'{name} ({size:,} bytes)' for name, size in sizes.items())}")


@app.command("register")
def register(
    model: Recorded,
    name: Called,
    alias: Alias = None,
    tracking_uri: o.TrackingUri = None,
    journal: o.Journal = None,
    json: o.Json = False,
    quiet: o.Quiet = False,
    verbose: o.Verbose = False,
) -> None:
    """Register a recorded model under a name in MLflow, with its card, so that models:/NAME/VERSION is its address.

    Example: forecast models register runs:/2ff3c423 sales --alias champion
    """
    from forecast.cli.stages import stages
    from forecast.progress import doing

    with stages(quiet=quiet):
        doing(f"registering {model}")
        from forecast.records.registering import register as registered

        version = registered(model, name, alias=alias, tracking_uri=tracking_uri, journal=journal)
    _show_version(version, "registered" if version.is_new else "was registered before", as_json=json, quiet=quiet)


@app.command("promote")
def promote(
    address: Registered,
    alias: NewAlias = "champion",
    tracking_uri: o.TrackingUri = None,
    journal: o.Journal = None,
    json: o.Json = False,
    quiet: o.Quiet = False,
    verbose: o.Verbose = False,
) -> None:
    """Put a registered model into use: give it an alias. An evaluation of it must be on record (else exit code 6).

    Example: forecast models promote models:/sales/3 --alias champion
    """
    from forecast.cli.stages import stages
    from forecast.progress import doing

    with stages(quiet=quiet):
        doing(f"promoting {address}")
        from forecast.records.registering import promote as promoted

        version = promoted(address, alias=alias, tracking_uri=tracking_uri, journal=journal)
    _show_version(version, f"is {alias} now", as_json=json, quiet=quiet)


def _show_version(version: Version, what: str, *, as_json: bool, quiet: bool) -> None:
    """Say what became of a version."""
    from dataclasses import asdict

    from forecast.cli import output

    output.QUIET = quiet
    if as_json:
        output.show_json({"schema": "forecast/version/v1", "status": "ok", **asdict(version)})
        return
    typer.echo(version.address)
    output.say(f"{version.address} {what}" + (f" ({', '.join(version.aliases)})" if version.aliases else ""))
    output.say(
        version.evaluation or f"no evaluation is on record; `forecast evaluate` with {version.address} makes one"
    )
    if version.against:
        output.say(version.against)
