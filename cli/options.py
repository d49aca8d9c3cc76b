"""Several commands share these options; `with_options` gives a command's function its options.

A command names a bundle of options by its class (`job: Job`) and the settings by `settings: dict[str, str]`; `with_options`
spells both out for typer, and puts the values that a user types back together.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Container, Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer

from forecast.cli.help import HelpAll
from forecast.datasets.declarations import HELP, OUTPUT, TRACKING, Declaration, declarations
from forecast.settings import Settings


def option(line: Declaration, meaning: str = "") -> Any:
    """Declare the option of a setting; its value stays text, which the declaration parses later.

    Args:
        line: the declaration of the setting.
        meaning: help that replaces the declared one; empty by default.
    """
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
    typer.Option(
        "--set", help="Give any setting a value; may be repeated.", metavar="NAME=VALUE", rich_help_panel=HELP
    ),
]
Plot = Annotated[
    Path | None,
    typer.Option(
        "--plot", help="Draw the forecasts into this file (.png, .svg or .pdf).", metavar="FILE", rich_help_panel=OUTPUT
    ),
]
Experiment = Annotated[str | None, option(_SETTINGS["experiment"], "MLflow experiment.")]
TrackingUri = Annotated[str | None, option(_SETTINGS["tracking_uri"])]
Journal = Annotated[str | None, option(_SETTINGS["journal"])]
NoTrack = Annotated[bool, typer.Option("--no-track", help="Record nothing in MLflow.", rich_help_panel=TRACKING)]
Overwrite = Annotated[
    bool, typer.Option("--overwrite", help="Replace the model directory if it exists.", rich_help_panel=OUTPUT)
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.", rich_help_panel=OUTPUT)]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but the result.", rich_help_panel=OUTPUT)]
Verbose = Annotated[
    bool, typer.Option("--verbose", "-v", help="Show the traceback of an error.", rich_help_panel=OUTPUT)
]


@dataclass(frozen=True, kw_only=True)
class Job:
    """The options of the commands that fit models."""

    config: Config = None
    set_: Set = None
    plot: Plot = None
    overwrite: Overwrite = False
    no_track: NoTrack = False
    json: Json = False
    quiet: Quiet = False
    verbose: Verbose = False


def with_options(
    *,
    kind: type | tuple[type, ...] = Settings,
    groups: tuple[str, ...] = (),
    without: Container[str] = (),
    meanings: Mapping[str, str] | None = None,
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command the options of its bundles and of the settings, in the places of their parameters.

    Args:
        kind: class whose declared fields are the settings, or several; `Settings` by default. Of fields of one name,
            that of the last class counts.
        groups: groups whose settings are options; empty takes all.
        without: names of settings that have no option; none by default.
        meanings: help of the settings that mean something else in this command, by name; none by default.

    Returns:
        A decorator for a command with a parameter `settings`, which gets the texts of the options that a user typed, a
        list of them where an option repeats.
    """
    kinds = kind if isinstance(kind, tuple) else (kind,)
    lines = {name: line for one in kinds for name, line in declarations(one).items() if name not in without}
    chosen = [line for line in lines.values() if not groups or line.group in groups]
    options: dict[str, Any] = {}
    for line in chosen:
        typed = list[str] | None if line.repeats else str | None
        options[line.name] = Annotated[typed, option(line, (meanings or {}).get(line.name, ""))]

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        hints = get_type_hints(command, include_extras=True)
        bundles: dict[str, type[Any]] = {name: hint for name, hint in hints.items() if _is_bundle(hint)}

        @wraps(command)
        def spread(**values: Any) -> None:
            values.pop("help_all")
            texts = {name: values.pop(name) for name in options}
            for name, bundle in bundles.items():
                values[name] = bundle(**{part.name: values.pop(part.name) for part in fields(bundle)})
            command(**values, settings={name: text for name, text in texts.items() if text not in (None, [])})

        parameters = _spelled_out(inspect.signature(command), hints, options)
        spread.__signature__ = inspect.Signature(list(parameters))  # type: ignore[attr-defined]  # read by typer
        spread.__annotations__ = {}  # they stand in the signature
        return spread

    return decorate


def _spelled_out(
    signature: inspect.Signature, hints: Mapping[str, Any], options: Mapping[str, Any]
) -> Iterator[inspect.Parameter]:
    """Yield the command's parameters, with the options in place of `settings` and the fields in place of a bundle."""
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
    """Build a keyword-only parameter."""
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def _is_bundle(hint: Any) -> bool:
    """Return whether a parameter's type is a class of options."""
    return isinstance(hint, type) and is_dataclass(hint)
