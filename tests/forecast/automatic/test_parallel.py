"""Members in processes of their own: the same networks, and their CPU time is counted."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import pandas as pd
import pytest
from house import QUICK, same

import forecast as fc
from forecast.automatic import ensemble
from forecast.automatic.members import NetworkPlan
from forecast.automatic.parallel import cpu_count, fit_all
from forecast.datasets.panel import Panel
from forecast.settings import Settings
from forecast.training.settings import taped


def test_the_workers_that_a_user_wants_are_the_workers(frame: pd.DataFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    used = []

    def spy(plans: list[NetworkPlan], panel: Panel, workers: int, **more: object) -> object:
        used.append(workers)
        return fit_all(plans, panel, 1)

    monkeypatch.setattr(ensemble, "fit_all", spy)
    wanted = fc.Forecaster(6, members=2, workers=2, **QUICK)
    plan = wanted.plan(frame).set_index("setting")
    assert plan.loc["workers", "value"] == 2
    assert wanted.fit(frame).resolved_.workers == 2
    assert used == [2]


def test_processes_change_nothing_and_their_cpu_time_counts(frame: pd.DataFrame) -> None:
    alone, side_by_side = (fc.Forecaster(6, members=2, workers=n, **QUICK).fit(frame) for n in (1, 2))
    assert same(alone.predict(), side_by_side.predict())
    assert alone.model_ is not None
    assert side_by_side.model_ is not None
    assert alone.model_.cpu_seconds_elsewhere == 0
    assert side_by_side.model_.cpu_seconds_elsewhere > 0
    assert side_by_side.fit_cpu_seconds_ >= side_by_side.model_.cpu_seconds_elsewhere


def test_the_steps_of_members_in_processes_are_given_and_kept(frame: pd.DataFrame) -> None:
    """The processes are those of the test before; the first number is the probe's."""
    settings = {**QUICK, "max_time": "30s", "blend": "off"}
    for given in ([9, 8, 7], None):
        with taped(given) as tape:
            model = fc.Forecaster(6, members=2, workers=2, **settings).fit(frame)
        assert isinstance(model.model_, ensemble.Ensemble)
        assert [member.resolved.steps for member in model.model_.members] == tape.steps[1:]
        assert tape.steps[0] == (9 if given else 8), "a probe has two fifths of 20 steps at most"


def test_each_network_plans_for_its_share_of_the_time_left(panel: Panel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("forecast.automatic.parallel.time.perf_counter", lambda: 100.0)
    given: list[float | None] = []

    class Unfitted:
        def fit(self, panel: Panel) -> Unfitted:
            return self

    def build(self: NetworkPlan, seconds: float | None = None, **more: object) -> Unfitted:
        given.append(seconds)
        return Unfitted()

    monkeypatch.setattr(NetworkPlan, "build", build)
    plans = [NetworkPlan(settings=Settings(horizon=6), season_length=12)] * 3
    fit_all(plans, panel, 1, deadline=112.0)
    assert given == [4.0, 6.0, 12.0]  # the clock stands still: 12 s for three, for two, for one
    given.clear()
    fit_all(plans, panel, 1, deadline=99.0)
    assert given == [0.1] * 3, "after the deadline a network still learns a little"


def test_cpus_are_counted_where_the_system_tells_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    assert 1 <= cpu_count() <= (os.cpu_count() or 1)
    monkeypatch.delattr(os, "process_cpu_count", raising=False)
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {0, 3}, raising=False)
    assert cpu_count() == 2
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: 5)
    assert cpu_count() == 5
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert cpu_count() == 1


def test_a_worker_ends_with_the_process_that_it_works_for() -> None:
    worker = "from forecast.automatic.parallel import _end_with\nimport sys, time\n_end_with(int(sys.argv[1]))\n"
    worker += "print('ready', flush=True)\ntime.sleep(60)"
    employer = f"import os, subprocess, sys\nsubprocess.call([sys.executable, '-c', {worker!r}, str(os.getpid())])"
    process = subprocess.Popen([sys.executable, "-c", employer], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.kill()
    process.wait()
    began = time.monotonic()
    assert process.stdout.read() == ""  # the pipe ends when the worker does
    assert time.monotonic() - began < 10


def test_workers_are_ended_when_the_command_is() -> None:
    code = "import multiprocessing, time\nfrom joblib import Parallel, delayed\n"
    code += "from forecast.automatic.parallel import _end_workers\n"
    code += "Parallel(n_jobs=2)([delayed(time.sleep)(0.1)] * 2)\n"
    code += "workers = multiprocessing.active_children()\n_end_workers()\n"
    code += "time.sleep(1)\nprint(len(workers), sum(worker.is_alive() for worker in workers))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "2 0\n"
