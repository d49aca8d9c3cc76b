"""Help as a user reads it: grouped, short by default, complete on demand, and never wider than a terminal."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from importlib.metadata import version
from typing import Any

import pytest
import typer
from house import ROOT
from typer.testing import CliRunner

from forecast.cli.app import app
from forecast.datasets.declarations import Declaration, declarations
from forecast.datasets.errors import ConfigError
from forecast.settings import Settings

LINES = declarations(Settings)
COMMANDS = ("fit", "evaluate")


@cache
def _shown(*words: str) -> str:
    result = CliRunner().invoke(app, list(words), env={"COLUMNS": "80"}, terminal_width=80)
    assert result.exit_code == 0, result.output
    return result.stdout


def _options(text: str) -> set[str]:
    """The long options that the lines of a help page begin with."""
    words = [line.split() for line in text.splitlines() if line.startswith("  -")]
    return {word for line in words for word in line[:2] if word.startswith("--")}


@pytest.mark.parametrize(
    "words", [[c, h] for c in (*COMMANDS, "check", "pretrain") for h in ("--help", "--help-all")], ids=" ".join
)
def test_help_fits_a_terminal(words: list[str]) -> None:
    assert max(map(len, _shown(*words).splitlines())) <= 80


@pytest.mark.parametrize("command", COMMANDS)
def test_help_has_headings_in_order(command: str) -> None:
    shown = _shown(command, "--help")
    places = [shown.index(f"\n{name}:\n") for name in ("Arguments", "Data", "Model", "Training", "Output", "Tracking")]
    assert places == sorted(places)


@pytest.mark.parametrize("command", COMMANDS)
def test_help_shows_the_everyday_settings_only(command: str) -> None:
    everyday = {line.options[0] for line in LINES.values() if line.everyday}
    rest = {line.options[0] for line in LINES.values()} - everyday
    shown = _options(_shown(command, "--help"))
    assert everyday <= shown
    assert not rest & shown


@pytest.mark.parametrize("line", LINES.values(), ids=LINES)
@pytest.mark.parametrize("command", COMMANDS)
def test_help_all_shows_every_setting(command: str, line: Declaration) -> None:
    shown = _shown(command, "--help-all")
    assert set(line.options) <= set(shown.replace(",", " ").split())
    if line.default not in (None, ()) and line.name != "model":
        assert f"{line.help} [default: {line.default_text}]" in " ".join(shown.split())


def _commands(group: Any = None, *before: str) -> Iterator[tuple[str, ...]]:
    """Every command, as the words that call it; those of groups included."""
    for name, command in (group or typer.main.get_command(app)).commands.items():
        yield (*before, name)
        if hasattr(command, "commands"):
            yield from _commands(command, *before, name)


@pytest.mark.parametrize("words", [(), *_commands()], ids=" ".join)
def test_help_is_asked_for_in_three_ways(words: tuple[str, ...]) -> None:
    shown = _shown(*words, "--help")
    assert _shown(*words, "-h") == shown
    assert _shown("help", *words) == shown


def test_help_on_a_command_that_there_is_not() -> None:
    with pytest.raises(ConfigError, match="no command 'evalute'") as caught:
        CliRunner().invoke(app, ["help", "evalute"], catch_exceptions=False)
    assert caught.value.hint == "Did you mean 'evaluate'?"
    with pytest.raises(ConfigError, match="no command 'all'"):
        CliRunner().invoke(app, ["help", "fit", "all"], catch_exceptions=False)


def test_version() -> None:
    assert _shown("--version") == f"forecast-toolkit {version('forecast-toolkit')}\n"


@pytest.mark.parametrize(("typed", "completed"), [("ev", "evaluate"), ("predict --hor", "--horizon")])
def test_a_shell_completes_commands_and_options(typed: str, completed: str) -> None:
    """The variables are those that the script of `forecast --show-completion` sets in bash."""
    words = {"COMP_WORDS": f"forecast {typed}", "COMP_CWORD": str(len(typed.split()))}
    start = "import sys; sys.argv = ['forecast']; from forecast.cli.entry import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", start],
        env={**os.environ, **words, "_FORECAST_COMPLETE": "complete_bash"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout.split(), done.returncode) == ([completed], 0)


def test_check_has_the_options_of_the_table_only() -> None:
    data = {line.options[0] for line in LINES.values() if line.group == "data"}
    assert _options(_shown("check", "--help-all")) == {*data, "--json", "--quiet", "--verbose", "--help", "--help-all"}


def test_the_page_of_settings_is_current() -> None:
    written = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    assert written == _shown("settings", "--markdown"), "write it anew: forecast settings --markdown > docs/settings.md"


def test_settings_are_listed() -> None:
    shown = _shown("settings")
    assert all(f" {name} " in shown for name in LINES)
    listed = json.loads(_shown("settings", "--json"))
    assert listed["schema"] == "forecast/settings/v1"
    assert {line["name"] for line in listed["settings"]} == set(LINES)
    (one,) = json.loads(_shown("settings", "hidden-size", "--json"))["settings"]
    assert (one["options"], one["default"]) == (["--hidden-size"], "auto")
    assert "a whole number of at least 1 and at most 65536, or auto" in _shown("settings", "hidden_size")


def test_a_model_shows_what_it_sets() -> None:
    shown = " ".join(_shown("models", "show", "esrnn").split())
    assert "reads static, known, past" in shown
    assert f"dilations 1,2,4,8 {LINES['dilations'].help}" in shown
