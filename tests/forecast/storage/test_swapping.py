"""The old directory or the new one stands at every moment."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import forecast as fc
from forecast.storage import swapping

KILLED_BETWEEN = """
import os, signal, forecast as fc
from forecast.datasets.synthetic import synthetic
from forecast.storage import swapping
swapping.exchange = lambda one, other: False
replace, calls = os.replace, []
def once(source, target):
    if calls:
        os.kill(os.getpid(), signal.SIGKILL)
    calls.append(source)
    replace(source, target)
model = fc.Forecaster(3, model="naive").fit(synthetic(2, 40))
os.replace = once
model.save("model", overwrite=True)
"""


@pytest.fixture(params=[True, False], ids=["at once", "one after the other"])
def at_once(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Whether the system can exchange two directories at once."""
    if not request.param:
        monkeypatch.setattr(swapping, "exchange", lambda one, other: False)
    elif not sys.platform.startswith("linux"):
        pytest.skip("only Linux exchanges two directories")
    return bool(request.param)


def test_the_new_one_takes_the_place_of_the_old_one(at_once: bool, fitted: fc.Forecaster) -> None:
    directory = fitted.save("model")
    (directory / "note.txt").write_text("of the old one")
    fitted.save(directory, overwrite=True)
    fc.verify(directory)
    assert not (directory / "note.txt").exists()
    assert [path.name for path in Path().iterdir()] == ["model"]


def test_where_the_new_one_cannot_come_the_old_one_stays(
    fitted: fc.Forecaster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(swapping, "exchange", lambda one, other: False)
    directory = fitted.save("model")
    with pytest.raises(FileNotFoundError, match="absent"):
        swapping.swap(Path("absent"), directory)
    fc.verify(directory)
    assert [path.name for path in Path().iterdir()] == ["model"]


def test_an_exchange_that_fails_says_so() -> None:
    Path("one").mkdir()
    assert not swapping.exchange(Path("one"), Path("absent"))


@pytest.mark.skipif(sys.platform == "win32", reason="it has no SIGKILL")
def test_a_kill_between_two_renames_loses_no_model(fitted: fc.Forecaster) -> None:
    fitted.save("model")
    before = fc.verify("model")
    assert subprocess.run([sys.executable, "-c", KILLED_BETWEEN], check=False).returncode == -9
    assert not Path("model").exists(), "the kill came in between"
    fc.load("model")
    assert fc.verify("model") == before
    with pytest.raises(fc.ForecastError, match="exists"):
        fitted.save("model")
    fitted.save("model", overwrite=True)
    assert [path.name for path in Path().iterdir()] == ["model"]
