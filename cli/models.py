"""`forecast models` shows the architectures, and whether a model directory is whole."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from forecast.cli import options as o

app = typer.Typer(help="Models: list, show, verify.", no_args_is_help=True, rich_markup_mode=None)
Name = Annotated[str, typer.Argument(help="Name from `forecast models list`.")]
Directory = Annotated[Path, typer.Argument(help="Model directory.", metavar="DIR")]


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
