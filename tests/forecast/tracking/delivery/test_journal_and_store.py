"""The journal, and a store of this machine: what is broken there stops no job either, and nothing is sent twice."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from typer.testing import CliRunner

import forecast as fc
from forecast.cli.app import app
from forecast.datasets.errors import TrackingError
from forecast.datasets.processes import token
from forecast.datasets.temporary import aside
from forecast.tracking.delivery.courier import courier, dismiss
from forecast.tracking.delivery.reaping import reap
from forecast.tracking.delivery.syncing import deliver, sync
from forecast.tracking.environment import HEARTBEAT, PROCESS, RECORD
from forecast.tracking.journal import CURVE, MODEL, RUN, Entry, add_curve, begin, due, journals
from forecast.tracking.store import Store

DEAD = "http://127.0.0.1:9"
EIGHT_AT_ONCE = """
import os, sys
from pathlib import Path
import mlflow.store.tracking.sqlalchemy_store
from forecast.tracking.delivery.syncing import deliver
from forecast.tracking.store import Store
children = []
for place in sys.argv[2:]:
    child = os.fork()
    if not child:
        store = Store.of(sys.argv[1])
        (sent,) = deliver(store.client(), store, [Path(place)])
        os._exit(0 if sent.run_id else 1)
    children.append(child)
sys.exit(sum(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children))
"""


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A store that eight processes made and filled at the same time."""
    folder = tmp_path_factory.mktemp("store")
    places = [begin(_entry("eight", run_name=str(k)), str(folder / "journal")) for k in range(8)]
    made = Store.of(f"sqlite:///{folder / 'runs.db'}")
    command = [sys.executable, "-c", EIGHT_AT_ONCE, made.uri, *map(str, places)]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    yield made
    dismiss()


@pytest.fixture
def client(store: Store) -> Any:
    return store.client()


def _entry(experiment: str, **values: Any) -> Entry:
    """An entry of a run that ended."""
    entry = Entry(experiment=experiment, params={"model": "naive"}, metrics=[("fit_seconds", 1.0, 0, 7)], **values)
    entry.close("FINISHED")
    return entry


def _runs(client: Any, experiment: str) -> list[Any]:
    place = client.get_experiment_by_name(experiment)
    return [] if place is None else list(client.search_runs([place.experiment_id]))


def _sync(client: Any, store: Store, **options: Any) -> Any:
    return sync(client, store, None, seconds=float("inf"), **options)


def test_eight_processes_fill_a_fresh_store_at_once(client: Any) -> None:
    runs = _runs(client, "eight")
    assert sorted(run.info.run_name for run in runs) == list("01234567")
    for run in runs:
        assert (run.info.status, run.data.params["model"], run.data.metrics["fit_seconds"]) == ("FINISHED", "naive", 1)


def test_bad_entries_are_laid_aside_and_stop_nothing(client: Any, store: Store, frame: pd.DataFrame) -> None:
    journal = journals(None)[0]
    journal.mkdir(parents=True)
    bad = {"0" * 32: "{", "1" * 32: "[1]", "2" * 32: '{"experiment": 3}'}
    for name, text in bad.items():
        (journal / name).mkdir()
        (journal / name / RUN).write_text(text)
    (journal / ("3" * 32)).mkdir()
    (journal / ("4" * 32)).write_text("no folder")
    (journal / "notes.txt").write_text("mine")
    fc.Forecaster(6, model="naive", experiment="bad", tracking_uri=store.uri).fit(frame)
    _sync(client, store)
    assert len(_runs(client, "bad")) == 1
    assert {path.name for path in journal.iterdir()} == {"refused", "notes.txt"}
    for name in [*bad, "3" * 32, "4" * 32]:
        assert "cannot be read" in (journal / "refused" / f"{name}.WHY.txt").read_text()


def test_what_a_killed_process_left_is_sent(client: Any, store: Store) -> None:
    """It was killed while its fit went on, and another one while it was sending."""
    entry = Entry(experiment="killed", run_name="fitting", process=_gone())
    add_curve(begin(entry, None), [("train_loss", 0.5, 3, 7)])
    with open(journals(None)[0] / entry.record / CURVE, "a") as file:
        file.write('["train_loss", 0.')
    alive = begin(Entry(experiment="killed", run_name="alive"), None)
    assert not list(deliver(client, store, [alive])), "it is not sent even by name"
    sending = begin(_entry("killed", run_name="sending"), None)
    sending.rename(str(aside(sending)).replace(token(), _gone()))
    _sync(client, store)
    runs = {run.info.run_name: run for run in _runs(client, "killed")}
    assert {name: run.info.status for name, run in runs.items()} == {"fitting": "KILLED", "sending": "FINISHED"}
    assert runs["fitting"].data.metrics["train_loss"] == 0.5
    assert len(list(journals(None)[0].iterdir())) == 1, "the one that is alive goes on"


def test_a_run_that_is_there_twice_is_removed(client: Any, store: Store) -> None:
    """A server that was stopped may do what it was asked to after we have gone, and have asked another."""
    entry = _entry("twice")
    place = store.experiment_id(client, "twice")
    for _ in range(2):
        client.create_run(place, tags={RECORD: entry.record})
    begin(entry, None)
    (sent,) = _sync(client, store).results
    assert [run.info.run_id for run in _runs(client, "twice")] == [sent.run_id]


def test_records_go_to_the_store_that_they_are_meant_for(client: Any, store: Store) -> None:
    begin(_entry("meant", store="http://elsewhere:5000"), None)
    found = _sync(client, store)
    assert (found.results, found.elsewhere, found.left) == ([], ["http://elsewhere:5000"], 1)
    assert len(_sync(client, store, anyhow=True).results) == 1
    assert len(_runs(client, "meant")) == 1


def test_a_forecast_names_the_run_of_its_fit(client: Any, store: Store) -> None:
    fit = _entry("linked")
    begin(fit, None)
    begin(_entry("linked", tags={"forecast.fit_record": fit.record}, started=fit.started + 1), None)
    _sync(client, store)
    runs = {run.data.tags[RECORD]: run for run in _runs(client, "linked")}
    (forecast,) = [run for record, run in runs.items() if record != fit.record]
    assert forecast.data.tags["forecast.fit_run_id"] == runs[fit.record].info.run_id


def test_runs_of_processes_that_are_gone_are_closed(client: Any, store: Store) -> None:
    place = store.experiment_id(client, "open")
    kind = {"forecast.kind": "fit"}
    tags = {
        "gone": {**kind, PROCESS: _gone()},
        "alive": {**kind, PROCESS: token()},
        "kept": {**kind, PROCESS: _gone(), RECORD: "5" * 32},
        "old elsewhere": {**kind, PROCESS: "00000000-1-00000000", HEARTBEAT: "1000"},
        "new elsewhere": {**kind, PROCESS: "00000000-1-00000000", HEARTBEAT: str(2**52)},
        "not ours": {},
        "a user's own": kind,
    }
    run_ids = {name: client.create_run(place, tags=tags).info.run_id for name, tags in tags.items()}
    assert reap(client, until=0.0) == 0
    assert reap(client, kept=["5" * 32]) == 1
    assert reap(client, kept=["5" * 32], older_than=3600) == 1
    closed = {name for name, run_id in run_ids.items() if client.get_run(run_id).info.status == "KILLED"}
    assert closed == {"gone", "old elsewhere"}


def test_the_commands_sync_and_reap(store: Store) -> None:
    begin(_entry("commands"), "elsewhere")
    words = ["--journal", "elsewhere", "--tracking-uri", store.uri, "--json"]
    found = json.loads(CliRunner().invoke(app, ["runs", "sync", *words]).stdout)
    assert (len(found["sent"]), found["left"]) == (1, 0)
    assert json.loads(CliRunner().invoke(app, ["runs", "reap", "--older-than", "9h", *words]).stdout)["status"] == "ok"
    assert CliRunner().invoke(app, ["runs", "reap", "--older-than", "soon"]).exception.exit_code == 2  # type: ignore[union-attr]


BROKEN = {
    "corrupt store": lambda: (Path(".forecast").mkdir(), Path(".forecast/mlflow.db").write_bytes(b"no database" * 99)),
    ".forecast is a file": lambda: Path(".forecast").write_text("mine"),
    ".forecast is a link to nowhere": lambda: Path(".forecast").symlink_to("nowhere/at/all"),
    "a folder that is read-only": lambda: os.chdir("/proc"),
}


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("what", BROKEN)
def test_a_broken_place_stops_no_job(
    what: str, tmp_path: Path, frame: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    if what == "a folder that is read-only" and not sys.platform.startswith("linux"):
        pytest.skip("it needs /proc, where not even root can write")
    frame.to_csv("sales.csv", index=False)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    BROKEN[what]()
    words = ["fit", str(tmp_path / "sales.csv"), "-H", "6", "-m", "naive", "-o", str(tmp_path / "model"), "--json"]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["tracking"] == "deferred"
    assert done.stderr.count("note: ") == 1
    fc.verify(tmp_path / "model")
    assert [folder.name for folder in due(None)] == [fc.load(tmp_path / "model").run_id_]
    required = CliRunner().invoke(app, [*words, "--overwrite", "--tracking", "required"])
    assert isinstance(required.exception, TrackingError)
    assert json.loads(required.stdout)["tracking"] == "deferred"


def test_where_nothing_can_be_written_the_job_goes_on(frame: pd.DataFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("forecast.tracking.journal.journals", lambda asked: [Path("/proc/nowhere")])
    with pytest.warns(UserWarning, match="not recorded, since nothing can be written"):
        fc.Forecaster(6, model="naive", experiment="lost").fit(frame)
    with pytest.raises(TrackingError, match="nothing can be written"):
        fc.Forecaster(6, model="naive", tracking="required").fit(frame)


def test_passwords_are_neither_shown_nor_stored(
    frame: pd.DataFrame, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    address = "http://user:hunter2@127.0.0.1:9"
    model = fc.Forecaster(6, model="naive", tracking_uri=address)
    with pytest.raises(TrackingError) as caught:
        model.fit(frame, source="s3://user:hunter2@bucket/sales.csv", output="model")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
    with pytest.warns(UserWarning, match="127.0.0.1:9") as warned:
        fc.Forecaster(6, model="naive").fit(frame)
    shown = [str(caught.value), repr(model), str(model.plan(frame)), *(str(w.message) for w in warned)]
    written = [path.read_bytes() for path in Path().rglob("*") if path.is_file()]
    assert not [text for text in (*shown, *capfd.readouterr()) if "hunter2" in text]
    assert not [content for content in written if b"hunter2" in content]
    assert model.get_params()["tracking_uri"] == address
    assert Store.of(model.settings.tracking_uri).uri == address, "the one that works is used"


def test_the_worker_ends_with_its_parent() -> None:
    code = "from forecast.tracking.delivery.courier import Courier; print(Courier().process.pid, flush=True); input()"
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        worker = int(parent.stdout.readline())
        parent.kill()
    for _ in range(200):
        if not _is_running(worker):
            return
        subprocess.run(["sleep", "0.05"], check=True)
    pytest.fail("it is still there")


def test_a_worker_that_is_gone_is_replaced(store: Store, frame: pd.DataFrame) -> None:
    with courier() as first:
        first.process.kill()
        first.process.wait()
    model = fc.Forecaster(6, model="naive", experiment="again", tracking_uri=store.uri).fit(frame)
    with courier() as second:
        assert second is not first
    assert model.run_id_ is not None
    assert not due(None)


def test_jobs_of_several_threads_share_the_worker(client: Any, store: Store, frame: pd.DataFrame) -> None:
    def fit(seed: int) -> str | None:
        model = fc.Forecaster(6, model="naive", seed=seed, experiment="threads", tracking_uri=store.uri)
        return model.fit(frame).run_id_

    with ThreadPoolExecutor(4) as pool:
        run_ids = set(pool.map(fit, range(4)))
    assert {run.info.run_id for run in _runs(client, "threads")} == run_ids


def test_where_no_process_can_be_started_the_job_goes_on(frame: pd.DataFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    dismiss()
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with pytest.warns(UserWarning, match="does not start"):
        fc.Forecaster(6, model="naive", experiment="alone").fit(frame)
    assert len(due(None)) == 1


def test_a_model_is_packed_without_mlflow(frame: pd.DataFrame) -> None:
    code = """
import sys, forecast as fc
from forecast.datasets.synthetic import synthetic
fc.Forecaster(6, model="naive", experiment="light").fit(synthetic(3, 80, seed=1))
assert not {"mlflow", "matplotlib", "sqlalchemy"} & set(sys.modules), "they take seconds"
"""
    environment = {**os.environ, "FORECAST_TRACKING_URI": DEAD, "PYTHONWARNINGS": "ignore"}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)
    (folder,) = due(None)
    assert (folder / MODEL / "MLmodel").is_file()


def _gone() -> str:
    """The name of a process of this machine that has ended."""
    place, _, birth = token().split("-")
    return f"{place}-{2**22 + 1}-{birth}"  # above Linux's greatest id


def _is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
