"""`make demo`: fit, evaluate, predict and compare on the four data sets that ship with the package."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

HORIZONS = {"air_passengers": 12, "us_gasoline": 26, "nyc_taxi": 48, "peyton_manning_wiki": 28}
MODELS = "auto,zero,ets,boosting,theta,naive"
PLACE = Path(".forecast") / "demo"


def forecast(*words: str) -> str:
    """Run the command `forecast` as a user would, and return what it printed."""
    print("$ forecast", *words, file=sys.stderr, flush=True)
    command = [sys.executable, "-m", "forecast.cli", *words]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def main() -> None:
    """Evaluate on each set, with seasonal naive beside every result; then fit, predict and compare."""
    won = 0
    for name, horizon in HORIZONS.items():
        options = ["--horizon", str(horizon), "--model", MODELS, "--cutoffs", "4", "--experiment", "demo"]
        result = json.loads(forecast("evaluate", name, *options, "--json", "-q", "--seed", "0"))
        board = {**result["models"], "seasonal_naive": result["baselines"]["seasonal_naive"]}
        print(f"\n{name}: {horizon} steps ahead, 4 cutoffs")
        print(f"  {'model':<16}{'MASE':>8}{'sMAPE':>8}")
        for model, metrics in sorted(board.items(), key=lambda item: item[1]["mase"]):
            print(f"  {model:<16}{metrics['mase']:>8.3f}{metrics['smape']:>8.2f}")
        won += board["auto"]["mase"] < board["seasonal_naive"]["mase"]
    print(f"\n`auto` beats seasonal naive on {won} of {len(HORIZONS)} sets.\n")

    model, table, picture = (str(PLACE / part) for part in ("model", "forecasts.csv", "forecasts.png"))
    options = ["--horizon", "48", "--quantiles", "0.1,0.5,0.9", "-o", model, "--overwrite", "--experiment", "demo"]
    forecast("fit", "nyc_taxi", *options, "-q")
    forecast("predict", model, "-o", table, "--plot", picture)
    print(forecast("compare", "--experiment", "demo"))
    print(f"forecasts: {table}\npicture:   {picture}")


main()
