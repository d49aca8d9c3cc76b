"""`--help` shows the everyday options in groups, `--help-all` every one, and `forecast help COMMAND` is `--help`, too."""

from __future__ import annotations

import re
from copy import copy
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from forecast.datasets.declarations import GROUPS, HELP

SHOWS_ALL = "help_all"  # key in the context's meta
ARGUMENTS = "arguments"
UNBREAKABLE = "\xa0"  # a space that no line is broken at


def _show_all(context: typer.Context, is_set: bool) -> None:
    """Print every option and end, where `--help-all` is set."""
    if is_set:
        context.meta[SHOWS_ALL] = True
        typer.echo(context.get_help())
        raise typer.Exit


HelpAll = Annotated[
    bool,
    typer.Option(
        "--help-all", help="Show every option and exit.", is_eager=True, callback=_show_all, rich_help_panel=HELP
    ),
]


Words = Annotated[list[str] | None, typer.Argument(help="Command, such as fit or models list.", metavar="[COMMAND...]")]
NAMES = ["-h", "--help"]  # of the option, in every command


def help_(context: typer.Context, words: Words = None) -> None:
    """Show the commands, or the options of one.

    Example: forecast help fit
    """
    from difflib import get_close_matches

    from forecast.datasets.errors import ConfigError

    assert context.parent is not None, "it is a command of `forecast`"
    place: Any = context.parent
    for word in words or ():
        known = getattr(place.command, "commands", {})
        if word not in known:
            near = get_close_matches(word, known, n=1)
            hint = f"Did you mean {near[0]!r}?" if near else f"`{place.command_path} --help` lists what there is."
            raise ConfigError(f"there is no command {word!r}", hint=hint)
        place = type(place)(known[word], info_name=word, parent=place)
    typer.echo(place.get_help())


def _version(is_set: bool) -> None:
    """Print the version and end, where `--version` is set."""
    if is_set:
        from importlib.metadata import version

        typer.echo(f"forecast-toolkit {version('forecast-toolkit')}")
        raise typer.Exit


Version = Annotated[
    bool, typer.Option("--version", help="Show the version and exit.", is_eager=True, callback=_version)
]


def of_every_command(version: Version = False) -> None:
    """Forecast time series with recurrent networks: fit, evaluate, predict, compare."""


class GroupedCommand(TyperCommand):
    """A command whose options are listed under headings; options that are hidden wait for `--help-all`."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the arguments, then each group's options."""
        groups: dict[str, list[tuple[str, str]]] = {name: [] for name in (ARGUMENTS, *GROUPS)}
        for param in self.get_params(ctx):
            groups[_group(param)] += _records(param, ctx)
        for name, records in groups.items():
            if records:
                with formatter.section(name.capitalize()):
                    formatter.write_dl(records)
        formatter.buffer = [text.replace(UNBREAKABLE, " ") for text in formatter.buffer]


def _group(param: Any) -> str:
    """Return the heading that a parameter stands under."""
    if param.param_type_name == "argument":
        return ARGUMENTS
    return getattr(param, "rich_help_panel", None) or HELP


def _records(param: Any, ctx: Any) -> list[tuple[str, str]]:
    """Return the parameter's names and meaning in a list, which is empty where it is hidden."""
    if param.param_type_name == "argument":
        return [(param.metavar or param.name, param.help or "")]
    shown = copy(param)
    shown.hidden = getattr(param, "hidden", False) and not ctx.meta.get(SHOWS_ALL, False)
    record = shown.get_help_record(ctx)
    return [] if record is None else [(record[0], _whole(record[1]))]


def _whole(text: str) -> str:
    """Return the text with a [default: ...] that no line break tears apart."""
    return re.sub(r" +\[(\w+:[^\]]*)\]", lambda match: f" [{match[1].replace(' ', UNBREAKABLE)}]", text)
