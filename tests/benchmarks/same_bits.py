"""Whether two checkouts forecast the same, to the last bit: every model, on two small panels.

    python tests/benchmarks/same_bits.py OTHER_CHECKOUT [--only WORD] [--smoke]

Both checkouts run side by side in processes of their own, each on its own code; cases are plain forecasts, quantiles,
paths, covariates, calibration, distributions, transforms, decoders, backtests and what looks inside. A case that only
one of the two has is named, and so is one whose bits differ; the exit code is 1 then. Hashes are not kept, because the
last bit is another on another machine.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

ROOT = Path(__file__).resolve().parents[2]
QUICK: dict[str, Any] = {"steps": 12, "hidden_size": 16, "batch_size": 8, "threads": 1, "seed": 0}
LEVELS = (0.1, 0.5, 0.9)
HORIZON = 6
SPECIAL = ("one_to_many", "aligned")  # they read covariates only
Case = tuple[str, Callable[[], pd.DataFrame]]


def monthly() -> pd.DataFrame:
    """Three series with trend and season."""
    random, rows = np.random.default_rng(1), 80
    step = np.arange(rows)
    values = [100 + 20 * k + 0.2 * step + 10 * np.sin(2 * np.pi * (step + k) / 12) for k in range(3)]
    return _long(values, [pd.date_range("2000-01-01", periods=rows, freq="MS")] * 3, random)


def ragged() -> pd.DataFrame:
    """Five daily series of other lengths, positive, with holes."""
    random = np.random.default_rng(2)
    lengths = (60, 75, 90, 41, 120)
    stamps = [pd.date_range("2021-03-01", periods=n, freq="D") for n in lengths]
    values = [20 + k + 5 * np.cos(2 * np.pi * np.arange(n) / 7) for k, n in enumerate(lengths)]
    frame = _long(values, stamps, random)
    inner = (frame["ds"].dt.day % 11 == 0) & (frame["ds"] < "2021-04-01")
    frame.loc[inner, "y"] = np.nan
    return frame


def covariates() -> pd.DataFrame:
    """The monthly series with a known, a past and a static column."""
    frame, random = monthly(), np.random.default_rng(4)
    frame["promo"] = random.integers(0, 2, len(frame)).astype(float)
    frame["kind"] = np.where(random.random(len(frame)) < 0.5, "a", "b")
    frame["price"] = random.normal(size=len(frame))
    frame["store"] = frame["unique_id"].map({"s0": "north", "s1": "south", "s2": "north"})
    frame["y"] += 8 * frame["promo"]
    return frame


def shares() -> pd.DataFrame:
    """The monthly series as shares of their sum."""
    frame = monthly()
    frame["y"] /= frame.groupby("ds")["y"].transform("sum")
    return frame


def counts() -> pd.DataFrame:
    """Intermittent demand."""
    frame, random = monthly(), np.random.default_rng(5)
    frame["y"] = random.poisson(0.4, len(frame)).astype(float)
    return frame


def _long(values: list[Any], stamps: list[Any], random: np.random.Generator) -> pd.DataFrame:
    parts = [
        pd.DataFrame({"unique_id": f"s{k}", "ds": when, "y": y + random.normal(size=len(y))})
        for k, (y, when) in enumerate(zip(values, stamps, strict=True))
    ]
    return pd.concat(parts, ignore_index=True)


def _fit(frame: pd.DataFrame, predicting: dict[str, Any] | None = None, **settings: Any) -> pd.DataFrame:
    import forecast as fc

    given = {**QUICK, **settings}
    future = None
    if given.get("known"):
        future = frame.groupby("unique_id").tail(HORIZON).drop(columns="y")
        frame = frame.drop(index=future.index)
    return fc.Forecaster(HORIZON, **given).fit(frame).predict(future=future, **(predicting or {}))


def cases(only: str, smoke: bool) -> Iterator[Case]:
    """What is compared, by name."""
    for name, run in _all_cases():
        if only in name and (not smoke or name in ("naive/monthly", "theta/quantiles")):
            yield name, run


def _all_cases() -> Iterator[Case]:
    from forecast.architectures import ARCHITECTURES

    for model, line in ARCHITECTURES.items():
        if model in SPECIAL:
            roles = {"known": ("promo", "kind"), "static": "store"}
            yield f"{model}/covariates", lambda m=model, r=roles: _cold(m, r)
            continue
        yield f"{model}/monthly", lambda m=model: _fit(monthly(), model=m)
        yield f"{model}/ragged", lambda m=model: _fit(ragged(), model=m)
        yield f"{model}/quantiles", lambda m=model: _fit(monthly(), {}, model=m, **_uncertain(m))
        yield f"{model}/paths", lambda m=model: _fit(ragged(), {"samples": 4}, model=m, **_uncertain(m))
        for kind in ("split", "adaptive"):
            yield (
                f"{model}/{kind}",
                lambda m=model, k=kind: _fit(ragged(), model=m, quantiles=LEVELS, calibrate=k),
            )
        if line.kind == "network":
            roles = {"known": ("promo", "kind"), "static": "store"}
            roles |= {"past": "price"} if "past" in line.reads else {}
            yield f"{model}/covariates", lambda m=model, r=roles: _fit(covariates(), model=m, **r)
        yield f"{model}/backtest", lambda m=model: _backtest(ragged(), m)
    for head in ("normal", "student_t", "lognormal"):
        yield f"head/{head}", lambda h=head: _fit(monthly(), {"quantiles": LEVELS}, model="gru", head=h)
        yield f"head/{head}/mean", lambda h=head: _fit(ragged(), {"samples": 3}, model="lstm", head=h, point="mean")
    for head in ("poisson", "negative_binomial"):
        yield f"head/{head}", lambda h=head: _fit(counts(), {"quantiles": LEVELS}, model="gru", head=h)
    yield "head/beta", lambda: _fit(shares(), {"quantiles": LEVELS}, model="gru", head="beta")
    for transform in ("log", "softplus"):
        yield f"transform/{transform}", lambda t=transform: _fit(monthly(), model="gru", transform=t, quantiles=LEVELS)
    yield "transform/sigmoid", lambda: _fit(shares(), model="gru", transform="sigmoid", quantiles=LEVELS)
    for model in ("gru", "auto", "segrnn"):
        wanted = {"model": model, "transform": "softmax", "quantiles": LEVELS}
        yield f"transform/softmax/{model}", lambda w=wanted: _fit(shares(), **w)
        yield f"transform/softmax/{model}/paths", lambda w=wanted: _fit(shares(), {"samples": 3}, **w)
    for loss in ("mae", "mse", "huber", "relative"):
        yield f"loss/{loss}", lambda x=loss: _fit(monthly(), model="gru", loss=x, series_weights="scale")
    for normaliser in ("mean", "last", "robust"):
        yield f"normaliser/{normaliser}", lambda n=normaliser: _fit(ragged(), model="gru", normaliser=n)
    yield "textbook", lambda: _fit(monthly(), model="lstm", segment=1, origins=1, lookback=24, memory=12)
    yield "dilated", lambda: _fit(monthly(), model="gru", layers=2, dilations=(1, 2), dropout=0.1)
    for blend in ("on", "boosted", "intermittent", "off"):
        yield f"blend/{blend}", lambda b=blend: _fit(ragged(), model="auto", blend=b, quantiles=LEVELS)
    yield "auto/members", lambda: _fit(monthly(), model="auto", members=5)
    yield "auto/counts", lambda: _fit(counts(), model="auto")
    yield "auto/fast", lambda: _fit(monthly(), model="auto", preset="fast")
    yield "auto/refit", lambda: _backtest(ragged(), "auto", refit="each")
    yield "seeds", lambda: _seeds()
    yield "saved", lambda: _saved()
    yield "importance", lambda: _importance()
    yield "memory", lambda: _memory()


def _uncertain(model: str) -> dict[str, Any]:
    return {} if model == "deepar" else {"quantiles": LEVELS}


def _cold(model: str, roles: dict[str, Any]) -> pd.DataFrame:
    import forecast as fc

    frame = covariates()
    future = frame.groupby("unique_id").tail(HORIZON).drop(columns="y")
    fitted = fc.Forecaster(HORIZON, model=model, **QUICK, **roles).fit(frame.drop(index=future.index))
    return fitted.predict(future=future)


def _backtest(frame: pd.DataFrame, model: str, **more: Any) -> pd.DataFrame:
    import forecast as fc

    quantiles = {} if model == "deepar" else {"quantiles": LEVELS}
    found = fc.evaluate(frame, HORIZON, models=model, cutoffs=2, step=3, **more, **quantiles, **QUICK)
    assert found.forecasts is not None
    board = found.leaderboard.drop(columns="model")
    return pd.concat([found.forecasts, board], ignore_index=True)


def _seeds() -> pd.DataFrame:
    import forecast as fc

    found = fc.evaluate(monthly(), HORIZON, models="gru", seeds=2, **QUICK)
    return pd.DataFrame([{**found.seeds["gru"].mean, "difference": found.seeds["gru"].difference}])


def _saved() -> pd.DataFrame:
    import forecast as fc

    fitted = fc.Forecaster(HORIZON, model="auto", quantiles=LEVELS, calibrate="adaptive", **QUICK).fit(ragged())
    with tempfile.TemporaryDirectory() as folder:
        return fc.load(fitted.save(Path(folder) / "model")).predict(ragged())


def _importance() -> pd.DataFrame:
    import forecast as fc

    roles = {"known": ("promo", "kind"), "past": "price", "static": "store"}
    return fc.importance(fc.Forecaster(HORIZON, model="gru", **QUICK, **roles).fit(covariates()), covariates())


def _memory() -> pd.DataFrame:
    import forecast as fc

    return fc.memory_profile(fc.Forecaster(HORIZON, model="auto", **QUICK).fit(monthly()))


def _digest(frame: pd.DataFrame) -> str:
    numbers = frame.select_dtypes("number").to_numpy(np.float64)
    return hashlib.sha256(np.ascontiguousarray(numbers).tobytes()).hexdigest()[:16]


def hashes(only: str, smoke: bool) -> dict[str, str]:
    """A hash of each case's numbers, or the error that it ended in."""
    found = {}
    for name, run in cases(only, smoke):
        try:
            found[name] = _digest(run())
        except Exception as error:  # an error is a finding, too; the other checkout must have the same
            found[name] = f"{type(error).__name__}: {str(error).splitlines()[0]}"
        sys.stderr.write(f"{name}: {found[name]}\n")
    return found


def _start(checkout: Path, words: list[str]) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": str(checkout), "PYTHONWARNINGS": "ignore"}
    command = [sys.executable, __file__, "--hash", *words]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True, cwd=tempfile.gettempdir())


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("other", type=Path, nargs="?", default=ROOT, help="a checkout to compare this one with")
    parser.add_argument("--only", default="", help="cases whose name holds this")
    parser.add_argument("--smoke", action="store_true", help="two cases")
    parser.add_argument("--json", action="store_true", help="the counts as one object on stdout, the lines on stderr")
    parser.add_argument("--hash", action="store_true", help="print this checkout's hashes as JSON and stop")
    given = parser.parse_args(argv)
    if given.hash:
        sys.stdout.write(json.dumps(hashes(given.only, given.smoke)))
        return 0
    words = ["--only", given.only, *(["--smoke"] if given.smoke else [])]
    running = [_start(place, words) for place in (given.other.resolve(), ROOT)]
    theirs, ours = (json.loads(process.communicate()[0]) for process in running)
    differing = [name for name in {**theirs, **ours} if theirs.get(name) != ours.get(name)]
    stream, same = sys.stderr if given.json else sys.stdout, len(ours) - len(set(differing) & set(ours))
    for name in differing:
        there, here = (made.get(name, "not there") for made in (theirs, ours))
        stream.write(f"differs: {name}: {there} there, {here} here\n")
    stream.write(f"{same} of {len(ours)} cases are the same to the last bit\n")
    if given.json:
        sys.stdout.write(json.dumps({"cases": len(ours), "same": same}) + "\n")
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
