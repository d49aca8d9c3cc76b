"""`forecast settings` shows every setting with its option, default and meaning."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import typer

from forecast.cli import options as o
from forecast.datasets.declarations import Declaration, declarations, grouped
from forecast.settings import Settings

Names = Annotated[
    list[str] | None, typer.Argument(help="Settings to show; all if there are none.", metavar="[NAME...]")
]
Markdown = Annotated[bool, typer.Option("--markdown", help="Print the page docs/settings.md.")]
INTRODUCTION = """# Settings

A setting has the same name everywhere: `fc.Forecaster(48, hidden_size=64)` in Python, `--hidden-size 64` or
`--set hidden_size=64` on the command line, `hidden_size = 64` in a settings file (`-c`). `auto`, and `none` where that
is the default, are filled in from the training rows; `forecast fit DATA --horizon H --dry-run` shows with what, and
why. `forecast settings --markdown` prints this page.
"""


def settings(names: Names = None, json: o.Json = False, markdown: Markdown = False, verbose: o.Verbose = False) -> None:
    """Show the settings: option, default and meaning.

    Example: forecast settings lookback preset
    """
    from forecast.cli.output import show_json, show_rows

    lines = _chosen(names or [])
    if json:
        show_json({"schema": "forecast/settings/v1", "status": "ok", "settings": [_as_dict(line) for line in lines]})
    elif markdown:
        typer.echo(page(Settings), nl=False)
    elif names:
        show_rows(["what", "value"], [row for line in lines for row in _card(line)])
    else:
        show_rows(["setting", "option", "default", "meaning"], _table())


def page(kind: type) -> str:
    """Return the settings of a class as a page in Markdown."""
    parts = [INTRODUCTION]
    for group, lines in grouped(kind).items():
        parts += [
            f"\n## {group.capitalize()}\n\n| setting | option | default | value | meaning |\n|---|---|---|---|---|\n"
        ]
        parts += [
            f"| `{line.name}` | `{', '.join(line.options)}` | {_default(line)} | {line.expected} | {line.help} |\n"
            for line in lines
        ]
    return "".join(parts)


def _chosen(names: list[str]) -> list[Declaration]:
    """Return the declarations of these settings; of all settings where there are no names."""
    from forecast.datasets.errors import ConfigError

    names = [name.replace("-", "_") for name in names]
    unknown = Settings.unknown(names)
    if unknown:
        raise ConfigError("unknown setting", problems=unknown, hint="`forecast settings` lists them all.")
    if names:
        return [declarations(Settings)[name] for name in names]
    return [line for lines in grouped(Settings).values() for line in lines]


def _default(line: Declaration) -> str:
    """Return the default as a user would type it, or "required"."""
    return "required" if line.required else line.default_text


def _table() -> Iterator[tuple[str, ...]]:
    """Yield a row for each setting; a row with the group's name stands before its settings."""
    for group, lines in grouped(Settings).items():
        yield group.upper(), "", "", ""
        for line in lines:
            yield line.name, line.options[0], _default(line), line.help


def _card(line: Declaration) -> list[tuple[str, str]]:
    """Return everything about one setting in rows."""
    return [
        ("setting", line.name),
        ("option", f"{', '.join(line.options)} {line.placeholder}"),
        ("group", line.group),
        ("default", _default(line)),
        ("value", line.expected),
        ("meaning", line.help),
    ]


def _as_dict(line: Declaration) -> dict[str, object]:
    """Return a declaration as JSON shows it."""
    return {
        "name": line.name,
        "group": line.group,
        "options": line.options,
        "required": line.required,
        "default": line.default,
        "value": line.expected,
        "meaning": line.help,
        "everyday": line.everyday,
    }
