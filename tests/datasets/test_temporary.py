"""What is written beside its final place goes with the process that writes it, or is removed by the next one."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from forecast.datasets import ending, processes
from forecast.datasets.temporary import NAME, aside, beside, own_tempdir, put_back, restore, sweep


@pytest.fixture(scope="module")
def dead() -> str:
    """The name of a process that has ended."""
    code = "from forecast.datasets.processes import token; print(token())"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def test_a_process_knows_the_living_from_the_dead(dead: str) -> None:
    own = processes.token()
    assert re.fullmatch(processes.TOKEN, own)
    assert re.fullmatch(processes.TOKEN, dead)
    assert not processes.is_dead(own)
    assert processes.is_dead(dead)


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="the system does not say when a process began")
def test_a_process_id_that_is_in_use_again_is_not_taken_for_the_dead_one(dead: str) -> None:
    place, _, birth = dead.split("-")
    assert processes.is_dead(f"{place}-{os.getpid()}-{birth}")


def test_of_other_machines_nothing_is_certain(dead: str) -> None:
    _, pid, birth = dead.split("-")
    assert not processes.is_dead(f"00000000-{pid}-{birth}")


def test_what_is_not_renamed_is_removed() -> None:
    with beside(Path("new/table.csv"), suffix=".csv") as part:
        assert part.parent == Path("new")
        assert part.suffix == ".csv"
        assert NAME.fullmatch(part.name)
    with beside(Path("new/model"), folder=True) as kept:
        (kept / "file").touch()
        os.replace(kept, "new/model")
    assert [path.name for path in Path("new").iterdir()] == ["model"]


def test_what_the_dead_were_writing_is_swept_and_nothing_else(dead: str) -> None:
    names = [f".model.{dead}-00000000.part", f".plot.png.{dead}-00000000.part.png"]
    stays = [f".model.{processes.token()}-00000000.part", ".model.abcdefgh", f"model.{dead}-00000000.part"]
    Path(names[0]).mkdir()
    (Path(names[0]) / "config.json").touch()
    for name in [*names[1:], *stays]:
        Path(name).touch()
    with beside(Path("model"), folder=True):
        assert not any(Path(name).exists() for name in names)
    assert {path.name for path in Path().iterdir()} == set(stays)


def test_what_the_dead_moved_aside_is_put_back_where_nothing_took_its_place(dead: str) -> None:
    for name in (f".one.{dead}-00000000.old", f".two.{dead}-00000000.old", "two"):
        Path(name).mkdir()
        (Path(name) / name.strip(".")[:3]).touch()
    restore(Path("one"))
    assert sorted(str(path) for path in Path().rglob("*")) == ["one", "one/one", "two", "two/two"]


def test_put_back_leaves_the_new_one() -> None:
    moved = aside(Path("model"))
    moved.write_text("old")
    put_back(moved, Path("model"))
    assert Path("model").read_text() == "old"
    Path("model").rename(moved)
    Path("model").write_text("new")
    put_back(moved, Path("model"))
    assert Path("model").read_text() == "new"
    assert not moved.exists()


def test_a_folder_that_cannot_be_read_is_no_error() -> None:
    sweep(Path("nowhere"))


def test_packages_write_their_temporary_files_to_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(Path.cwd()))
    with own_tempdir():
        folder = Path(tempfile.mkdtemp())
        assert NAME.fullmatch(folder.parent.name)
    assert not list(Path.cwd().iterdir())
    assert tempfile.gettempdir() == str(Path.cwd())


def test_duties_are_done_newest_first_slow_ones_last_and_errors_do_not_stop_them() -> None:
    done: list[str] = []

    def fails() -> None:
        raise KeyboardInterrupt

    with (
        ending.if_ended(lambda: done.append("old")),
        ending.if_ended(lambda: done.append("server"), slow=True),
        ending.if_ended(fails),
        ending.if_ended(lambda: done.append("new")),
    ):
        ending.clean_up()
    assert done == ["new", "old", "server"]
    ending.clean_up()
    assert done == ["new", "old", "server"], "outside their blocks they have no duties"
