"""Every benchmark runs, on made-up data in seconds, and gives the numbers that the documentation asks of it."""

from __future__ import annotations

import importlib.util
import json
import math
from pathlib import Path
from types import ModuleType

import pytest
from commands import run_script
from house import ROOT

FOLDER = ROOT / "tests" / "benchmarks"
LIBRARIES = ("report.py", "step_clock.py")  # what the scripts share; they measure nothing themselves
NUMBERS = {  # how many each gives
    "ablation.py": 1,
    "accuracy.py": 16,
    "bench_backtest.py": 2,
    "bench_counts.py": 7,
    "bench_coverage.py": 4,
    "bench_memory.py": 2,
    "bench_origins.py": 3,
    "bench_predict.py": 8,
    "bench_reading.py": 5,
    "bench_step.py": 3,
    "bench_totals.py": 6,
    "bench_tracking.py": 6,
    "bench_zero.py": 6,
    "family.py": 4,
    "figures.py": 1,
    "kills.py": 7,
    "robustness.py": 16,
    "same_bits.py": 2,
}


def _figures() -> ModuleType:
    spec = importlib.util.spec_from_file_location("figures", FOLDER / "figures.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_script_is_smoked() -> None:
    scripts = {path.name for path in FOLDER.glob("*.py")}
    assert scripts - set(LIBRARIES) == set(NUMBERS)


@pytest.mark.parametrize("script", NUMBERS)
def test_a_script_runs_and_gives_its_numbers(script: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))  # for processes that it starts
    done = run_script(FOLDER / script, "--smoke", "--json")
    assert done.returncode == 0, done.stderr[-2000:]
    numbers = json.loads(done.stdout.splitlines()[-1])
    assert len(numbers) == NUMBERS[script], sorted(numbers)
    assert all(math.isfinite(value) for value in numbers.values())
    assert done.stderr.strip(), "a person reads lines"
    assert not list(tmp_path.iterdir()), "it leaves nothing behind"


def test_the_page_of_figures_is_what_the_file_gives() -> None:
    figures = _figures()
    assert figures.PAGE.read_text(encoding="utf-8") == figures.page(figures.read())


def test_every_figure_is_measured_by_a_script_that_is_here() -> None:
    figures = _figures()
    for figure in figures.read():
        assert figures.names(figure) == set(figure["values"]), figure["what"]
        python, script, *_ = figure["command"].split()
        assert python == "python"
        assert (ROOT / script).is_file(), script


def test_a_new_measurement_takes_only_the_numbers_of_its_form() -> None:
    figures = _figures()
    figure = {"form": "{a:.1f} times", "values": {"a": 1.0}, "date": "earlier", "machine": "old"}
    new = figures.renewed(figure, {"a": 2.04, "b": 3.0}, "new")
    assert figures.text(new) == "2.0 times"
    assert new["values"] == {"a": 2.04}
    assert new["machine"] == "new"
    with pytest.raises(KeyError, match="a"):
        figures.renewed(figure, {"b": 3.0}, "new")
