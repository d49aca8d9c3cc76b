"""Help as a user reads it: grouped, short by default, complete on demand, and never wider than a terminal."""

from __future__ import annotations

import json

import pytest
from house import ROOT
from typer.testing import CliRunner

from forecast.cli.app import app
from forecast.datasets.declarations import Declaration, declarations
from forecast.settings import Settings

LINES = declarations(Settings)
COMMANDS = ("fit", "evaluate")


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
