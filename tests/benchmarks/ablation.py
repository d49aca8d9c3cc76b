"""What each part of the engine brings: `auto` with one part left out at a time, on a few sets and seeds.

    python tests/benchmarks/ablation.py FOLDER [--sets m4_hourly,m3_monthly,gefcom2012_load] [--seeds 2] [--jobs 1]

Each cell is MASE over seasonal naive's, mean over the seeds; the last column is the geometric mean over the sets,
relative to the whole. CPU seconds of the fit are in brackets.
"""

from __future__ import annotations

import argparse
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from accuracy import EVERY, Row, made_up_folder, run
from report import Report, options

WITHOUT: dict[str, tuple[str, ...]] = {
    "everything": (),
    "segments": ("segment=1", "lookback=96", "memory=24", "origins=1"),
    "forked origins": ("origins=1",),
    "the resolved normaliser": ("normaliser=robust",),
    "the highway's start": ("highway=zero",),
    "the relative loss": ("loss=mae",),
    "averaging of weights": ("averaging=0",),
    "the second member": ("members=1",),
    "boosting in the blend": ("blend=on",),
    "the blend": ("blend=off",),
}


SMOKE = ("everything",)


def main(argv: list[str] | None = None) -> None:
    parser = options(__doc__, folder=True)
    parser.add_argument("--sets", default="m4_hourly,m3_monthly,gefcom2012_load")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--jobs", type=int, default=1)
    given = parser.parse_args(argv)
    given.preset, given.scorer = "balanced", None
    with made_up_folder(given):
        given.folder = given.folder.resolve()
        rows = _rows(given)
    names, report = given.sets.split(","), Report(given)
    whole = {name: _ratio(rows["everything", name]) for name in names}
    report.head("without", *names, "relative")
    for part in SMOKE if given.smoke else WITHOUT:
        made = {name: rows[part, name] for name in names}
        logs = [np.log(_ratio(row) / whole[name]) for name, row in made.items()]
        cells = [f"{_ratio(row):.3f} ({np.mean([r.fit_cpu_seconds for r in row]):.0f} s)" for row in made.values()]
        relative = float(np.exp(np.mean(logs)))
        key = part.replace(" ", "_").replace("'", "")
        report.row("(nothing)" if part == "everything" else part, *cells, f"{relative:.3f}", **{key: relative})
    report.close()


def _rows(given: argparse.Namespace) -> dict[tuple[str, str], list[Row]]:
    """The runs of each part left out and each set, one a seed."""
    parts, seeds = (SMOKE, 1) if given.smoke else (tuple(WITHOUT), given.seeds)
    todo = [(part, name, seed) for part in parts for name in given.sets.split(",") for seed in range(seeds)]
    quick = ("steps=4", "hidden_size=8", "members=1") if given.smoke else ()

    def one(task: tuple[str, str, int]) -> Row:
        part, name, seed = task
        extra = tuple(word for setting in (*WITHOUT[part], *quick) for word in ("--set", setting))
        return run(name, EVERY[name].with_options(extra), "auto", seed, given)

    rows: dict[tuple[str, str], list[Row]] = {}
    with ThreadPoolExecutor(given.jobs) as pool:
        for (part, name, _), row in zip(todo, pool.map(one, todo), strict=True):
            rows.setdefault((part, name), []).append(row)
            sys.stderr.write(f"without {part}, {name}: {row.metrics['mase']:.4f} in {row.fit_cpu_seconds:.0f} s\n")
    return rows


def _ratio(rows: list[Row]) -> float:
    return float(np.mean([row.metrics["mase"] / row.naive["mase"] for row in rows]))


if __name__ == "__main__":
    main(sys.argv[1:])
