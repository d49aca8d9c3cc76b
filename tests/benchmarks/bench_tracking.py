"""What tracking costs a fit, in fresh processes: CPU seconds beyond `import mlflow`, and runs of processes at once.

python tests/benchmarks/bench_tracking.py
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from report import Report, options

from forecast.datasets.synthetic import synthetic

MINUTE = 60.0


def children(work: Callable[[], None]) -> float:
    """CPU seconds of the processes that some work starts, and of theirs."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    work()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def fit(folder: Path, number: int, *words: str) -> list[str]:
    """The command that fits a small model."""
    command = [sys.executable, "-m", "forecast.cli", "fit", "data.csv", "-H", "6", "-m", "naive", "-q"]
    return [*command, "-o", str(folder / f"model{number}"), "--overwrite", *words]


def main(argv: list[str] | None = None) -> None:
    given = options(__doc__).parse_args(argv)
    rounds, at_once = (1, 1) if given.smoke else (5, 8)
    report = Report(given)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        synthetic(3, 80).to_csv(folder / "data.csv", index=False)
        runs, recorded = _at_once(folder, at_once)
        report.line(
            f"{at_once} fits at once on a fresh store: {runs} whole runs, {recorded} recorded at once",
            at_once=at_once,
            whole_runs=runs,
            recorded=recorded,
        )
        commands = {
            "mlflow": [sys.executable, "-c", "import mlflow"],
            "untracked": fit(folder, 0, "--no-track"),
            "tracked": fit(folder, 0),
        }
        seconds: dict[str, list[float]] = {name: [] for name in commands}
        for _ in range(rounds):  # side by side, so that all see the same machine
            for name, command in commands.items():
                seconds[name].append(children(lambda command=command: _run(command, folder)))
    middle = {name: statistics.median(values) for name, values in seconds.items()}
    beyond = middle["tracked"] - middle["untracked"] - middle["mlflow"]
    whole = middle["tracked"] - middle["untracked"]
    report.line(
        f"a tracked fit takes {whole:.2f} s of CPU more than an untracked one ({middle['untracked']:.2f} s): "
        f"{beyond:.2f} s beyond `import mlflow` ({middle['mlflow']:.2f} s), at most 1.5",
        tracked_seconds=whole,
        beyond_seconds=beyond,
    )
    report.line(f"that is {beyond / MINUTE:.1%} of a fit of a minute (at most 3%)", of_a_minute=beyond / MINUTE)
    report.close()


def _at_once(folder: Path, number: int) -> tuple[int, int]:
    """Start fits at the same time on a store that is not there yet; count the whole runs, and the fits that know theirs."""
    commands = [[*fit(folder, k), "--json"] for k in range(number)]
    working = [subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True) for command in commands]
    said = [json.loads(process.communicate()[0]) for process in working]
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{folder / '.forecast' / 'mlflow.db'}")
    found = client.search_runs([client.get_experiment_by_name("forecast").experiment_id])
    whole = [run.info.run_id for run in found if _is_whole(run)]
    return len(whole), sum(answer["tracking"] == "recorded" and answer["run_id"] in whole for answer in said)


def _is_whole(run: Any) -> bool:
    return run.info.status == "FINISHED" and "model" in run.data.params and len(run.outputs.model_outputs) == 1


def _run(command: list[str], folder: Path) -> None:
    subprocess.run(command, check=True, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


if __name__ == "__main__":
    main(sys.argv[1:])
