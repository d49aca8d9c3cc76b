"""The conditions of --require: refused before any table is read, or held against the result."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any, cast

import pytest
from typer.testing import CliRunner

from forecast.cli.gates import Gate, check_gates, missed_gates
from forecast.datasets.errors import ConfigError
from forecast.datasets.synthetic import synthetic
from forecast.evaluation.result import Evaluation

MODELS = {"auto": {"mase": 0.8, "wql": 0.05}, "theta": {"mase": 0.9, "wql": 0.05}}
REFERENCES = {"seasonal_naive": {"mase": 1.0, "wql": 0.1}, "naive2": {"mase": 1.1}}
RESULT = cast(Evaluation, SimpleNamespace(best="auto", models=MODELS, baselines=REFERENCES, metrics=MODELS["auto"]))


def _missed(text: str) -> list[str]:
    error = missed_gates([Gate.of(text)], RESULT)
    return [] if error is None else [str(problem) for problem in error.problems]


def _checked(
    text: str, *, metrics: list[str] | None = None, levels: tuple[float, ...] = (), scaled: bool = False
) -> None:
    check_gates([Gate.of(text)], MODELS, REFERENCES, metrics, [levels], standardised=scaled)


@pytest.mark.parametrize(
    "text",
    ["mase<=0.8", "mase < 8.1e-1", "mase>.5", "mase<seasonal_naive", "mase<=theta", "wql <= 0.5*seasonal_naive",
     "mase >= 0.7 * naive2", "wql<=auto"],
)  # fmt: skip
def test_conditions_that_are_met(text: str) -> None:
    assert _missed(text) == []


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("mase<0.8", "mase is 0.8; expected < 0.8"),
        ("mase>theta", "mase is 0.8; expected > 0.9, which is theta"),
        ("wql<0.5*seasonal_naive", "wql is 0.05; expected < 0.05, which is 0.5 * seasonal_naive"),
        ("wql<naive2", "naive2 has no wql here; expected one for 'wql<naive2'"),
        ("owa<1", "owa is not defined here; expected < 1"),
    ],
)
def test_conditions_that_are_missed(text: str, problem: str) -> None:
    assert _missed(text) == [problem]


@pytest.mark.parametrize("text", ["mase=1", "mase", "mase<", "<1", "mase theta", ""])
def test_what_is_no_condition_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="is not understood"):
        _checked(text)


@pytest.mark.parametrize(
    ("text", "asked", "message"),
    [
        ("masee<1", {}, "Did you mean 'mase'"),
        (
            "mase<thta",
            {},
            "no model 'thta' in the run; expected a number, or one of auto, theta, seasonal_naive, naive2",
        ),
        ("wql<1", {}, "needs quantiles"),
        ("coverage_80>0.7", {"levels": (0.25, 0.75)}, "the interval that holds 80%"),
        ("coverage>0.7", {"levels": (0.1, 0.9)}, "expected 'coverage_80'"),
        ("mae<1", {"metrics": ["mase"]}, "Add mae to --metrics"),
        ("owa<1", {"metrics": ["mase"]}, "Add owa to --metrics"),
        ("mse_scaled<1", {}, "--scale train"),
        ("owa<seasonal_naive", {}, "owa of seasonal_naive is not computed"),
    ],
)
def test_what_there_will_not_be_is_refused(text: str, asked: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        _checked(text, **asked)


def test_what_there_will_be_is_let_through() -> None:
    for text in ("mase<1", "owa<theta", "wql<seasonal_naive", "coverage_80>=0.7"):
        _checked(text, levels=(0.1, 0.9))
    _checked("owa<1", metrics=["owa"])
    _checked("mse_scaled<1", scaled=True)


@pytest.mark.parametrize(("require", "status"), [("mase<2*seasonal_naive", "ok"), ("mase<0.01*naive", "failed")])
def test_the_json_object_says_whether_the_gates_are_met(require: str, status: str) -> None:
    from forecast.cli.app import app

    synthetic(2, 60, seed=1).to_csv("sales.csv", index=False)
    words = ["evaluate", "sales.csv", "-H", "3", "-m", "naive,theta", "--no-track", "--json", "-q"]
    done = CliRunner().invoke(app, [*words, "--require", require])
    assert json.loads(done.stdout)["status"] == status
    assert (done.exception is None) == (status == "ok")
