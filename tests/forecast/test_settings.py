"""Every declared setting keeps the promises of its declaration."""

from __future__ import annotations

import pydoc
from dataclasses import asdict, fields

import pytest

from forecast.datasets.declarations import GROUPS, Declaration, declarations, grouped
from forecast.datasets.errors import ConfigError
from forecast.datasets.tables.columns import Columns
from forecast.settings import Settings

LINES = declarations(Settings)
EACH = pytest.mark.parametrize("line", LINES.values(), ids=LINES)
WRONG = {int: 2.5, float: "many", str: 0.5, bool: 3}


def test_every_field_is_declared() -> None:
    assert list(LINES) == [line.name for line in fields(Settings)]
    assert list(Settings.names()) == ["horizon", *(name for name in LINES if name != "horizon")]
    assert [name for name, line in LINES.items() if line.required] == ["horizon"]
    assert set(grouped(Settings)) <= set(GROUPS)


def test_no_option_is_given_twice() -> None:
    flags = [flag for line in LINES.values() for flag in line.options]
    assert len(flags) == len(set(flags))


@EACH
def test_settings_are_described(line: Declaration) -> None:
    assert line.help.endswith(".")
    assert line.options[0] == f"--{line.name.replace('_', '-')}"
    assert f"    {line.name} (" in (Settings.__doc__ or "")


@EACH
def test_defaults_are_valid_and_survive_being_typed(line: Declaration) -> None:
    value = 12 if line.required else line.default
    assert line.problems(value) == []
    assert line.parse(line.text(value)) == value
    assert getattr(Settings.of({"horizon": 12, line.name: line.parse(line.text(value))}), line.name) == value


@EACH
def test_wrong_values_are_refused_by_name(line: Declaration) -> None:
    wrong = [object(), True] if line.name in ("max_time", "freq") else [object(), True, WRONG[line.kinds[0]]]
    wrong = [value for value in wrong if not (value is True and bool in line.kinds)]
    for value in wrong:
        with pytest.raises(ConfigError, match=rf"{line.name}=.*expected"):
            Settings.of({"horizon": 12, line.name: value})


def test_help_shows_every_setting_in_groups() -> None:
    shown = pydoc.plain(pydoc.render_doc(Settings))
    assert "preset (balanced): Amount of work that training may take: fast, balanced or best." in shown
    places = [shown.index(f"{group.capitalize()}:") for group in ("data", "model", "training", "tracking")]
    assert places == sorted(places)


def test_all_problems_come_at_once() -> None:
    values = {"horizon": 0, "dropout": 1.0, "quantiles": (0.9, 0.1), "dilations": 2, "layers": 2, "max_time": "soon"}
    with pytest.raises(ConfigError, match="the settings do not fit together") as caught:
        Settings.of(values)
    assert [problem.what for problem in caught.value.problems] == [
        "horizon=0",
        "dropout=1.0",
        "quantiles=(0.9, 0.1)",
        "max_time='soon'",
        "dilations=(2,) with layers=2",
    ]


def test_unknown_names_and_wrong_values_come_together() -> None:
    with pytest.raises(ConfigError, match="unknown setting") as caught:
        Settings.of({"horizn": 3, "lairs": 2, "layers": 0})
    assert [problem.expected for problem in caught.value.problems] == [
        "'horizon'?",
        "'layers'?",
        "a whole number of at least 1 and at most 256",
    ]


def test_horizon_is_required() -> None:
    with pytest.raises(ConfigError, match="horizon is required"):
        Settings.of({"model": "gru"})


@pytest.mark.parametrize(("given", "seconds"), [("90s", 90), ("5m", 300), ("1h", 3600), ("7", 7), (2.5, 2.5)])
def test_max_time_in_seconds(given: str | float, seconds: float) -> None:
    assert Settings(horizon=3, max_time=given).max_seconds == seconds


def test_columns_are_the_roles_of_the_table() -> None:
    roles = {
        "id": "store",
        "time": "day",
        "target": "sales",
        "static": ("city",),
        "known": ("promo",),
        "observed": "ok",
    }
    assert Settings(horizon=3, **roles).columns == Columns(**roles)  # type: ignore[arg-type]
    assert set(asdict(Columns())) <= set(Settings.names())
