"""What each part of the engine brings: `auto` with one part left out at a time, on a few sets and seeds.

    python tests/benchmarks/ablation.py FOLDER [--sets m4_hourly,m3_monthly,gefcom2012_load] [--seeds 2] [--jobs 1]

Each cell is MASE over seasonal naive's, mean over the seeds; the last column is the geometric mean over the sets,
relative to the whole. CPU seconds of the fit are in brackets.

Measured with `--sets m3_monthly,opsd_germany,classics-half-hourly --seeds 2`, before `auto` had boosting and a second
kind of network, which came of the third line:

| without | m3_monthly | opsd_germany | classics-half-hourly | relative |
|---|---|---|---|---|
| (nothing) | 0.752 (24 s) | 0.741 (31 s) | 0.446 (44 s) | 1.000 |
| segments | 0.750 (151 s) | 0.796 (14 s) | 1.030 (65 s) | 1.352 |
| forked origins | 0.731 (37 s) | 0.731 (31 s) | 0.357 (34 s) | 0.915 |
| the resolved normaliser | 0.751 (20 s) | 0.745 (25 s) | 0.439 (85 s) | 0.995 |
| the highway's start | 0.753 (26 s) | 0.760 (21 s) | 0.434 (42 s) | 1.000 |
| the relative loss | 0.753 (23 s) | 0.734 (27 s) | 0.423 (42 s) | 0.980 |
| averaging of weights | 0.750 (36 s) | 0.740 (30 s) | 0.446 (47 s) | 0.999 |
| the second member | 0.753 (20 s) | 0.739 (22 s) | 0.456 (32 s) | 1.007 |
| the blend | 0.824 (29 s) | 0.740 (34 s) | 0.456 (43 s) | 1.038 |
"""

from __future__ import annotations

import argparse
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from accuracy import JOBS, Row, run

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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--sets", default="m4_hourly,m3_monthly,gefcom2012_load")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--jobs", type=int, default=1)
    given = parser.parse_args()
    given.folder, given.preset, given.scorer = given.folder.resolve(), "balanced", None
    names = given.sets.split(",")
    todo = [(part, name, seed) for part in WITHOUT for name in names for seed in range(given.seeds)]

    def one(task: tuple[str, str, int]) -> Row:
        part, name, seed = task
        job = JOBS[name]
        extra = tuple(word for setting in WITHOUT[part] for word in ("--set", setting))
        return run(name, job.with_options(extra), "auto", seed, given)

    found: dict[tuple[str, str], list[Row]] = {}
    with ThreadPoolExecutor(given.jobs) as pool:
        for (part, name, _), row in zip(todo, pool.map(one, todo), strict=True):
            found.setdefault((part, name), []).append(row)
            sys.stderr.write(f"without {part}, {name}: {row.metrics['mase']:.4f} in {row.fit_cpu_seconds:.0f} s\n")
    whole = {name: _ratio(found["everything", name]) for name in names}
    sys.stdout.write(f"| without | {' | '.join(names)} | relative |\n{'|---' * (len(names) + 2)}|\n")
    for part in WITHOUT:
        ratios = [_ratio(found[part, name]) for name in names]
        cells = [
            f"{ratio:.3f} ({np.mean([row.fit_cpu_seconds for row in found[part, name]]):.0f} s)"
            for name, ratio in zip(names, ratios, strict=True)
        ]
        relative = np.exp(np.mean([np.log(ratio / whole[name]) for name, ratio in zip(names, ratios, strict=True)]))
        sys.stdout.write(
            f"| {part if part != 'everything' else '(nothing)'} | {' | '.join(cells)} | {relative:.3f} |\n"
        )


def _ratio(rows: list[Row]) -> float:
    return float(np.mean([row.metrics["mase"] / row.naive["mase"] for row in rows]))


if __name__ == "__main__":
    main()
