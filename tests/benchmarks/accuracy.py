"""Accuracy and cost of whole runs of the command line, one process a run, on the benchmark files of one folder.

    python tests/benchmarks/accuracy.py FOLDER [--sets m4_hourly,...] [--models auto,boosting,zero/tune=auto] [--preset balanced]
        [--seeds 1] [--blend-off] [--scorer score.py] [--jobs 1] [-o OUT]
        [--peers peers.py --peer neuralforecast=/that/environment/bin/python ...]

A model's settings follow it, each after a slash. For each data set and model: sMAPE, MASE, OWA, MASE over seasonal naive's, CPU seconds and peak memory of the whole
process, imports included. OUT/rows.json is added to as runs end, so that a broken run goes on where it stopped.
Without a folder it runs on four made-up series. With `--peers`, other libraries stand beside them on m4_hourly where an
environment with them exists: the script is run as `PYTHON peers.py NAME FILE` and prints a JSON line with smape, mase,
cpu_s and peak_mb. OUT/table.md and OUT/accuracy.png (accuracy against CPU seconds) are drawn from all of it.

Protocols: competition files by their official split (one cutoff); files without one, and few long series, by the last
cutoffs, a horizon apart; `etth1` and `exchange_rate` at 96 to 720 steps over all windows of the published test rows.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from report import MADE_UP, Report, options
from report import table as made_up


@dataclass(frozen=True)
class Job:
    """One data set under one protocol."""

    file: str
    horizon: int
    season: int
    cutoffs: int = 1
    part: str = ""  # of a file that mixes frequencies and seasons, by its column `freq`
    options: tuple[str, ...] = ()

    def with_options(self, more: tuple[str, ...]) -> Job:
        """The same with more words on the command line."""
        return replace(self, options=self.options + more)


ETTH1 = ("--from", "2017-10-24", "--to", "2018-02-20 23:00", "--step", "1", "--val-size", "2880", "--scale", "train")
EXCHANGE = ("--from", "2006-08-16", "--step", "1", "--val-size", "760", "--scale", "train")
CLASSICS = [
    ("half-hourly", "30min", 48, 48, 10),
    ("daily", "D", 28, 7, 10),
    ("daily-holes", "D (57 days missing)", 28, 7, 10),
    ("temperature", "D", 28, 365, 10),
    ("weekly", "W-FRI", 26, 52, 4),
    ("monthly", "M", 18, 12, 4),
    ("quarterly", "Q", 8, 4, 4),
]
JOBS = {
    "m3_yearly": Job("m3_yearly", 6, 1),
    "m3_quarterly": Job("m3_quarterly", 8, 4),
    "m3_monthly": Job("m3_monthly", 18, 12),
    "m3_other": Job("m3_other", 8, 1),
    "m1_yearly": Job("m1_yearly", 6, 1),
    "m1_quarterly": Job("m1_quarterly", 8, 4),
    "m1_monthly": Job("m1_monthly", 18, 12),
    "m4_hourly": Job("m4_hourly", 48, 24),
    "m4_weekly": Job("m4_weekly", 13, 1),
    "m4_subset-Y": Job("m4_subset", 6, 1, part="Y"),
    "m4_subset-Q": Job("m4_subset", 8, 4, part="Q"),
    "m4_subset-M": Job("m4_subset", 18, 12, part="M"),
    "nn3_monthly": Job("nn3_monthly", 18, 12),
    "car_parts": Job("car_parts", 12, 12, options=("--observed", "observed")),
    "air_passengers": Job("air_passengers", 12, 12, 4),
    "aus_domestic_trips": Job("aus_domestic_trips", 8, 4, 2),
    "stallion": Job("stallion", 6, 12, 2),
    "walmart_stores": Job("walmart_stores", 9, 52, 4),
    "m5_subset": Job("m5_subset", 28, 7, 4),
    "opsd_germany": Job("opsd_germany", 28, 7, 10),
    "exchange_rate": Job("exchange_rate", 96, 1, 10),
    "etth1": Job("etth1", 96, 24, 10),
    "ettm1": Job("ettm1", 96, 96, 10),
    "weather": Job("weather", 96, 144, 10),
    "vic_electricity": Job("vic_electricity", 48, 48, 20),
    "epf_np": Job("epf_np", 24, 24, 50),
    "gefcom2012_load": Job("gefcom2012_load", 24, 24, 20),
    "pjm_east": Job("pjm_east", 24, 24, 50),
    "melbourne_pedestrians": Job("melbourne_pedestrians", 24, 24, 20),
    **{f"classics-{name}": Job("classics", h, m, n, part=part) for name, part, h, m, n in CLASSICS},
}
LONG = {
    f"{name}-{h}": Job(name, h, 24 if name == "etth1" else 1, options=options)
    for name, options in (("etth1", ETTH1), ("exchange_rate", EXCHANGE))
    for h in (96, 192, 336, 720)
}
SMOKE = {MADE_UP: Job(MADE_UP, 6, 12)}
EVERY = {**JOBS, **LONG, **SMOKE}
M3 = ("m3_yearly", "m3_quarterly", "m3_monthly", "m3_other")


@dataclass(frozen=True)
class Row:
    """What one run gave and cost."""

    set: str
    model: str
    seed: int
    metrics: dict[str, float]
    naive: dict[str, float]
    scored: dict[str, float]  # by the independent scorer, where one was named
    fit_cpu_seconds: float
    cpu_seconds: float
    peak_mib: float


def run(name: str, job: Job, model: str, seed: int, given: argparse.Namespace) -> Row:
    """One process: `forecast evaluate`, from imports to written forecasts."""
    label, *more = model.split("/")
    with tempfile.TemporaryDirectory() as folder:
        data = _file(job, given.folder, Path(folder))
        out = Path(folder, "forecasts.parquet")
        command = [sys.executable, "-m", "forecast.cli", "evaluate", str(data), "--model", label, "--seed", str(seed)]
        command += ["--horizon", str(job.horizon), "--season-length", str(job.season), "--cutoffs", str(job.cutoffs)]
        command += ["--threads", "1", "--preset", given.preset, "--no-track", "--json", "-q", *job.options]
        command += [] if job.options[:1] == ("--from",) else ["-o", str(out)]
        command += [word for setting in more for word in ("--set", setting)]
        with open(Path(folder, "out.json"), "w+") as printed, open(Path(folder, "err.txt"), "w+") as said:
            process = subprocess.Popen(command, stdout=printed, stderr=said, cwd=folder)
            _, status, used = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            printed.seek(0), said.seek(0)
            if process.returncode:
                raise RuntimeError(f"{name}, {model}: exit code {process.returncode}\n{said.read()[-2000:]}")
            report = json.loads(printed.read())
        scored = _score(given.scorer, data, out, job.season) if given.scorer and out.exists() else {}
    return Row(
        set=name,
        model=model if given.preset == "balanced" else f"{model}:{given.preset}",
        seed=seed,
        metrics={k: v for k, v in report["metrics"].items() if v is not None},
        naive={k: v for k, v in report["baselines"]["seasonal_naive"].items() if v is not None},
        scored=scored,
        fit_cpu_seconds=report["fit_cpu_seconds"],
        cpu_seconds=used.ru_utime + used.ru_stime,
        peak_mib=used.ru_maxrss / 1024,
    )


def run_peer(name: str, python: str, given: argparse.Namespace) -> Row:
    """One process of another library on m4_hourly, with its own script."""
    command = [python, str(given.peers), name, str(given.folder / "m4_hourly.parquet")]
    found = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()[-1])
    scores = {k: float(found[k]) for k in ("smape", "mase", "owa") if found.get(k) is not None}
    fit, predict = float(found["fit_cpu_s"]), float(found.get("predict_cpu_s") or 0)
    return Row("m4_hourly", f"{name} (peer)", 0, scores, {}, scores, fit, fit + predict, float(found["peak_rss_mb"]))


def _file(job: Job, folder: Path, scratch: Path) -> Path:
    whole = folder / f"{job.file}.parquet"
    if not job.part:
        return whole
    table = pd.read_parquet(whole)
    found = table[(table["freq"].astype(str) == job.part) & (table["season_length"] == job.season)]
    part = scratch / f"{job.file}.parquet"
    found.drop(columns=["freq", "season_length"]).to_parquet(part, index=False)
    return part


def _score(scorer: Path, data: Path, forecasts: Path, season: int) -> dict[str, float]:
    command = [sys.executable, str(scorer), str(data), str(forecasts), "--season", str(season)]
    found = subprocess.run(command, capture_output=True, text=True)
    if found.returncode:  # a table with holes, for one, is more than some scorers read
        sys.stderr.write(f"not scored by {scorer.name}: {found.stderr.strip().splitlines()[-1:]}\n")
        return {}
    return {k: v for k, v in json.loads(found.stdout).items() if isinstance(v, int | float)}


def _ratio(row: Row) -> float:
    """MASE over seasonal naive's."""
    return row.metrics["mase"] / row.naive["mase"] if row.naive.get("mase") else float("nan")


def table(rows: list[Row]) -> str:
    """Markdown: a line a data set, a column a model; then the geometric means and the cost."""
    models = list(dict.fromkeys(row.model for row in rows if "(peer)" not in row.model))
    cells: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in rows:
        cells[row.set, row.model].append(row)
    sets = [name for name in EVERY if any(row.set == name for row in rows)]
    lines = ["| set | " + " | ".join(models) + " |", "|---" * (len(models) + 1) + "|"]
    lines += [f"| {name} | " + " | ".join(_cell(cells[name, model]) for model in models) + " |" for name in sets]
    common = [name for name in sets if name not in LONG and all(cells[name, model] for model in models)]
    for what, value in (("geometric mean, MASE / seasonal naive", _ratio), ("CPU s", lambda row: row.cpu_seconds)):
        means = []
        for model in models:
            logs = [np.log(np.mean([value(row) for row in cells[name, model]])) for name in common]
            means.append(f"{np.exp(np.nanmean(logs)):.3f}" if logs else "")
        lines.append(f"| {what}, {len(common)} sets | " + " | ".join(means) + " |")
    peers = [row for row in rows if "(peer)" in row.model]
    if peers:
        lines += ["", "| peer on m4_hourly | sMAPE, MASE, OWA; fit and predict; peak |", "|---|---|"]
    lines += [f"| {row.model.partition(' ')[0]} | {_cell([row])} |" for row in peers]
    return "\n".join(lines) + "\n"


def _cell(rows: list[Row]) -> str:
    if not rows:
        return ""
    shown = ("mse_scaled", "mae_scaled") if "mse_scaled" in rows[0].metrics else ("smape", "mase", "owa")
    parts = []
    for name in shown:
        values = [row.metrics[name] for row in rows if name in row.metrics]
        spread = f" ±{np.std(values, ddof=1):.2g}" if len(values) > 1 else ""
        parts += [f"{name} {np.mean(values):.4g}{spread}"] if values else []
    cost = f"{np.mean([r.cpu_seconds for r in rows]):.0f} s, {np.max([r.peak_mib for r in rows]):.0f} MiB"
    return f"{', '.join(parts)}; {np.mean([_ratio(r) for r in rows]):.3f}; {cost}"


def draw(rows: list[Row], path: Path) -> None:
    """All models on one plane: CPU seconds across, MASE over seasonal naive's up; small dots are single sets."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(8, 5), layout="constrained")
    for model in dict.fromkeys(row.model for row in rows):
        mine = [row for row in rows if row.model == model and np.isfinite(_ratio(row))]
        cost, ratio = np.array([r.cpu_seconds for r in mine]), np.array([_ratio(r) for r in mine])
        [dots] = axes.plot(cost, ratio, ".", alpha=0.35)
        middle = np.exp(np.log(cost).mean()), np.exp(np.log(ratio).mean())
        axes.plot(*middle, "o", color=dots.get_color(), markersize=10, label=f"{model} ({middle[1]:.3f})")
    axes.axhline(1, color="grey", linewidth=0.8)
    axes.set(xscale="log", yscale="log", xlabel="CPU seconds of the whole process", ylabel="MASE / seasonal naive's")
    axes.legend(title="geometric mean", frameon=False)
    figure.savefig(path, dpi=120)


def numbers(rows: list[Row], folder: Path) -> dict[str, float]:
    """The figures that the documentation quotes, by name: means over sets, sets alone, and groups of sets."""
    found, by_set = dict[str, float](), defaultdict[str, dict[str, Row]](dict)
    for row in rows:
        model = row.model.replace("/", "_").replace(":", "_")
        by_set[row.set][model] = row
        values = {**row.metrics, "cpu": row.cpu_seconds, "fit_cpu": row.fit_cpu_seconds, "ratio": _ratio(row)}
        found |= {f"{row.set}_{model}_{name}": value for name, value in values.items() if np.isfinite(value)}
    models = list(dict.fromkeys(model for made in by_set.values() for model in made if "(peer)" not in model))
    common = [made for name, made in by_set.items() if name not in LONG and all(model in made for model in models)]
    for model in models if common else []:
        found[f"{model}_ratio"] = float(np.exp(np.nanmean([np.log(_ratio(made[model])) for made in common])))
        found[f"{model}_cpu"] = float(np.exp(np.mean([np.log(made[model].cpu_seconds) for made in common])))
    found["sets"] = len(common)
    if {"auto", "boosting"} <= set(models):
        found["ahead"] = sum(_ratio(made["auto"]) < _ratio(made["boosting"]) for made in common)
    for model in models:
        found |= _grouped(model, {name: made[model] for name, made in by_set.items() if model in made}, folder)
    return found


def _grouped(model: str, made: dict[str, Row], folder: Path) -> dict[str, float]:
    """M3 weighted by forecasts, and the long horizons' means, where all their sets are there."""
    found = {}
    if set(M3) <= set(made):
        series = {name: pd.read_parquet(folder / f"{name}.parquet")["unique_id"].nunique() for name in M3}
        weights = [series[name] * JOBS[name].horizon for name in M3]
        found[f"m3_{model}_smape"] = float(np.average([made[name].metrics["smape"] for name in M3], weights=weights))
        found[f"m3_{model}_cpu"] = sum(made[name].cpu_seconds for name in M3)
    for part in ("etth1", "exchange_rate"):
        sets = [name for name in LONG if name.startswith(part)]
        if set(sets) <= set(made):
            for metric in ("mse_scaled", "mae_scaled"):
                found[f"{part}_{model}_{metric}"] = float(np.mean([made[name].metrics[metric] for name in sets]))
    return found


def _options() -> argparse.ArgumentParser:
    parser = options(__doc__, folder=True)
    parser.add_argument("--sets", default=",".join(JOBS), help="names by comma; `long` for the long horizons")
    parser.add_argument("--models", default="auto,boosting")
    parser.add_argument("--preset", default="balanced")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--blend-off", action="store_true", help="auto without the statistical forecasts, too")
    parser.add_argument("--scorer", type=Path)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--peers", type=Path, help="script that runs other libraries")
    parser.add_argument("--peer", action="append", default=[], metavar="NAME=PYTHON", help="one of them, its python")
    parser.add_argument("-o", "--output", type=Path, default=Path("accuracy"))
    return parser


def main(argv: list[str] | None = None) -> None:
    given = _options().parse_args(argv)
    with made_up_folder(given):
        given.folder, given.scorer = given.folder.resolve(), given.scorer and given.scorer.resolve()
        rows = _rows(given)
        text, report = table(rows), Report(given)
        (given.output / "table.md").write_text(text)
        draw(rows, given.output / "accuracy.png")
        report.line(text.rstrip("\n"), **numbers(rows, given.folder))
    report.close()


@contextmanager
def made_up_folder(given: argparse.Namespace) -> Iterator[None]:
    """Where no folder is given, or to smoke, `given` gets one with the made-up set for as long as this lasts."""
    if given.folder is not None and not given.smoke:
        yield
        return
    with tempfile.TemporaryDirectory() as folder:
        given.folder, given.sets = Path(folder), MADE_UP
        made_up(None, MADE_UP).to_parquet(given.folder / f"{MADE_UP}.parquet", index=False)
        if given.smoke:
            given.models, given.output = "theta", given.folder / "out"
        yield


def _rows(given: argparse.Namespace) -> list[Row]:
    """Every run that is wanted, those of an earlier call among them."""
    names = [n for part in given.sets.split(",") for n in (LONG if part == "long" else [part])]
    models = given.models.split(",") + (["auto/blend=off"] if given.blend_off else [])
    given.output.mkdir(parents=True, exist_ok=True)
    kept = given.output / "rows.json"
    rows = [Row(**row) for row in json.loads(kept.read_text())] if kept.exists() else []
    done = {
        (row.set, row.model.partition(":")[0], row.seed)
        for row in rows
        if row.model.endswith(given.preset) or ":" not in row.model
    }
    todo = [(n, m, s) for n in names for m in models for s in range(given.seeds) if (n, m, s) not in done]
    with ThreadPoolExecutor(given.jobs) as pool:
        for row in pool.map(lambda t: run(t[0], EVERY[t[0]], t[1], t[2], given), todo):
            rows.append(row)
            kept.write_text(json.dumps([asdict(row) for row in rows], indent=1))
            sys.stderr.write(f"{row.set} {row.model} {row.seed}: {_cell([row])}\n")
    for name, _, python in (peer.partition("=") for peer in given.peer):
        rows = [row for row in rows if row.model != f"{name} (peer)"] + [run_peer(name, python, given)]
        kept.write_text(json.dumps([asdict(row) for row in rows], indent=1))
    return rows


if __name__ == "__main__":
    main(sys.argv[1:])
