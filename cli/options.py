"""Options that several commands share, and how a command's function gets its options.

A command names a bundle of options by its class (`job: Job`) and the settings by `settings: dict[str, str]`; `with_options`
spells both out for typer and puts what was given back together.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer

from forecast.cli.help import HelpAll
from forecast.declarations import HELP, OUTPUT, TRACKING, Declaration, declarations
from forecast.settings import Settings


def option(line: Declaration, meaning: str = "") -> Any:
    """The option of a setting; its value stays text, which the declaration parses."""
    default = f"default: {line.default_text}" if line.default not in (None, ()) else "required" if line.required else ""
    return typer.Option(
        *line.options,
        help=(meaning or line.help) + (f" [{default}]" if default else ""),
        metavar=line.placeholder,
        rich_help_panel=line.group,
        hidden=not line.everyday,
    )


_SETTINGS = declarations(Settings)
Data = Annotated[str, typer.Argument(help="Table file, bundled data set, or - for stdin.", metavar="DATA")]
Config = Annotated[
    Path | None,
    typer.Option("--config", "-c", help="Settings file: TOML, YAML or JSON.", metavar="FILE", rich_help_panel=HELP),
]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", help="Any setting; may be repeated.", metavar="NAME=VALUE", rich_help_panel=HELP),
]
Plot = Annotated[
    Path | None,
    typer.Option("--plot", help="Draw the forecasts to this file.", metavar="FILE", rich_help_panel=OUTPUT),
]
Experiment = Annotated[str | None, option(_SETTINGS["experiment"], "MLflow experiment.")]
TrackingUri = Annotated[str | None, option(_SETTINGS["tracking_uri"])]
NoTrack = Annotated[bool, typer.Option("--no-track", help="Record nothing in MLflow.", rich_help_panel=TRACKING)]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace what is there.", rich_help_panel=OUTPUT)]
Json = Annotated[bool, typer.Option("--json", help="One JSON object on stdout.", rich_help_panel=OUTPUT)]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing but the result.", rich_help_panel=OUTPUT)]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Show tracebacks.", rich_help_panel=OUTPUT)]


@dataclass(frozen=True, kw_only=True)
class Job:
    """Options of the commands that fit models."""

    config: Config = None
    set_: Set = None
    plot: Plot = None
    overwrite: Overwrite = False
    no_track: NoTrack = False
    json: Json = False
    quiet: Quiet = False
    verbose: Verbose = False


def with_options(
    *, kind: type = Settings, groups: tuple[str, ...] = (), meanings: Mapping[str, str] | None = None
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command the options of its bundles and of the settings, in the places of their parameters.

    Args:
        kind: class whose declared fields are the settings.
        groups: groups whose settings are options; empty is all.
        meanings: meanings that differ from the declared ones in this command, by setting.

    Returns:
        A decorator for a command with a parameter `settings`, which gets the texts of the options that were given.
    """
    chosen = [line for line in declarations(kind).values() if not groups or line.group in groups]
    options = {line.name: Annotated[str | None, option(line, (meanings or {}).get(line.name, ""))] for line in chosen}

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        hints = get_type_hints(command, include_extras=True)
        bundles: dict[str, type[Any]] = {name: hint for name, hint in hints.items() if _is_bundle(hint)}

        @wraps(command)
        def spread(**given: Any) -> None:
            given.pop("help_all")
            texts = {name: given.pop(name) for name in options}
            for name, bundle in bundles.items():
                given[name] = bundle(**{part.name: given.pop(part.name) for part in fields(bundle)})
            command(**given, settings={name: text for name, text in texts.items() if text is not None})

        parameters = _spelled_out(inspect.signature(command), hints, options)
        spread.__signature__ = inspect.Signature(list(parameters))  # type: ignore[attr-defined]  # read by typer
        spread.__annotations__ = {}  # they stand in the signature
        return spread

    return decorate


def _spelled_out(
    signature: inspect.Signature, hints: Mapping[str, Any], options: Mapping[str, Any]
) -> Iterator[inspect.Parameter]:
    """The command's parameters, with the options in place of `settings` and the fields in place of a bundle."""
    for name, parameter in signature.parameters.items():
        if name == "settings":
            yield from (_parameter(setting, None, annotation) for setting, annotation in options.items())
        elif _is_bundle(hints[name]):
            inner = get_type_hints(hints[name], include_extras=True)
            yield from (_parameter(part.name, part.default, inner[part.name]) for part in fields(hints[name]))
        else:
            yield _parameter(name, parameter.default, hints[name])
    yield _parameter("help_all", False, HelpAll)


def _parameter(name: str, default: Any, annotation: Any) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def _is_bundle(hint: Any) -> bool:
    return isinstance(hint, type) and is_dataclass(hint)
