"""One declaration is one setting: check, parsing, option, help and documentation follow from a single new line."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from forecast.cli import options as o
from forecast.cli.help import GroupedCommand
from forecast.cli.settings import page
from forecast.datasets.declarations import TRAINING, Range, check, declarations, described, docstring, setting
from forecast.datasets.errors import ConfigError
from forecast.settings import AMOUNT, Auto, Settings


@dataclass(frozen=True, kw_only=True)
class Wider(Settings):
    """The settings, and a training option that is new."""

    label_noise: float | Auto = setting("auto", "Noise added to the targets.", group=TRAINING, values=AMOUNT)


@dataclass(frozen=True, kw_only=True)
class Toy:
    """A field of each kind."""

    size: int = field(metadata=described("Size.", group=TRAINING, values=Range(1, 9)))
    names: tuple[str, ...] = setting((), "Names.", group=TRAINING)
    levels: tuple[float, ...] = setting((0.5,), "Levels.", group=TRAINING, values=Range(below=1))
    mode: str = setting("off", "Mode.", group=TRAINING, values=("off", "on"))
    limit: float | str | None = setting(None, "Limit.", group=TRAINING)
    exact: bool = setting(False, "Exactness.", group=TRAINING)
    key: str | tuple[str, ...] | None = setting(None, "Key.", group=TRAINING)


TOY = declarations(Toy)


def test_a_new_setting_is_checked() -> None:
    assert Wider(horizon=3).label_noise == "auto"
    assert Wider.of({"horizon": 3, "label_noise": 0.5}).label_noise == 0.5
    for wrong in (-1, "much", None, True, float("nan")):
        with pytest.raises(ConfigError, match=r"label_noise=.*expected a number of at least 0, or auto"):
            Wider(horizon=3, label_noise=wrong)  # type: ignore[arg-type]


def test_a_new_setting_has_an_option_with_help() -> None:
    app = typer.Typer(rich_markup_mode=None)
    received: dict[str, Any] = {}

    @app.command(cls=GroupedCommand)
    @o.with_options(kind=Wider)
    def work(settings: dict[str, str]) -> None:
        received.update(settings)

    shown = CliRunner().invoke(app, ["--help-all"])
    assert "--label-noise X " in shown.stdout
    assert "Noise added to the targets. [default: auto]" in shown.stdout
    assert "--label-noise" not in CliRunner().invoke(app, ["--help"]).stdout, "it is no everyday setting"
    assert CliRunner().invoke(app, ["--label-noise", "0.5"]).exit_code == 0
    assert received == {"label_noise": "0.5"}


def test_a_new_setting_is_documented() -> None:
    assert "label_noise (auto): Noise added to the targets." in docstring("Settings.", Wider)
    line = "| `label_noise` | `--label-noise` | auto | a number of at least 0, or auto | Noise added to the targets. |"
    assert line in page(Wider)
    assert page(Settings) == page(Wider).replace(f"{line}\n", "")


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("size", "3", 3),
        ("size", " 3 ", 3),
        ("names", "a, b", ("a", "b")),
        ("names", "[a,b]", ("a", "b")),
        ("names", "none", ()),
        ("levels", "0.1,0.9", (0.1, 0.9)),
        ("mode", "on", "on"),
        ("limit", "none", None),
        ("limit", "90s", "90s"),
        ("exact", "true", True),
        ("exact", "off", False),
        ("key", "a", "a"),
        ("key", "a,b", "a,b"),
        ("key", "none", None),
    ],
)
def test_texts_become_values(name: str, text: str, value: object) -> None:
    assert TOY[name].parse(text) == value
    assert TOY[name].problems(value) == []
    assert TOY[name].parse(TOY[name].text(value)) == value


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("size", "many", "a whole number of at least 1 and at most 9"),
        ("size", "10", "a whole number of at least 1 and at most 9"),
        ("size", "2.5", "a whole number of at least 1 and at most 9"),
        ("size", "none", "a whole number of at least 1 and at most 9"),
        ("levels", "0.1,x", "numbers of at least 0 and below 1"),
        ("levels", "0.1,1", "numbers of at least 0 and below 1"),
        ("mode", "none", "one of off, on"),
        ("exact", "maybe", "true or false"),
    ],
)
def test_texts_that_are_no_values_are_refused(name: str, text: str, expected: str) -> None:
    (problem,) = TOY[name].problems(TOY[name].parse(text))
    assert problem.what.startswith(f"{name}=")
    assert problem.expected == expected


def test_a_single_item_is_a_list_of_one() -> None:
    assert TOY["names"].coerced("store") == ("store",)
    assert TOY["levels"].coerced(0.5) == (0.5,)
    assert TOY["levels"].coerced([0.1, 0.2]) == (0.1, 0.2)
    assert TOY["names"].coerced(None) == ()
    assert TOY["limit"].coerced(None) is None


def test_one_item_or_several() -> None:
    line = TOY["key"]
    assert [line.coerced(value) for value in ("a", ["a"], ["a", "b"], [], None)] == ["a", "a", ("a", "b"), None, None]
    assert line.text(("a", "b")) == "a,b"
    assert line.problems(("a", "b")) == []
    assert [problem.expected for problem in line.problems(("a", 1))] == ["a text or several, or none"]


def test_all_problems_are_listed() -> None:
    found = check(Toy, {"size": 0, "names": (3,), "mode": "odd", "exact": False})
    assert [problem.what for problem in found] == ["size=0", "names=(3,)", "mode='odd'"]


def test_a_type_that_no_text_can_give_is_refused() -> None:
    @dataclass(frozen=True)
    class Odd:
        table: bytes = setting(b"", "Table.", group=TRAINING)

    with pytest.raises(TypeError, match="table has the type"):
        declarations(Odd)
