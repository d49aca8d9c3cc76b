"""`forecast score` says how good a file of forecasts was, when its actuals arrive."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from forecast.cli import options as o
from forecast.datasets.declarations import BACKTEST, DATA, OUTPUT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from forecast.records.expectation import Backtest
    from forecast.records.scores import Scored

Forecasts = Annotated[Path, typer.Argument(help="File that `predict` or `run` wrote.", metavar="FORECASTS")]
Actuals = Annotated[
    str,
    typer.Argument(help="Table of the actuals so far, with the history before them; - for stdin.", metavar="ACTUALS"),
]
MaseSeason = Annotated[
    int | None,
    typer.Option(
        "--mase-season", help="Steps in the season of MASE's scale.", metavar="STEPS", rich_help_panel=BACKTEST
    ),
]
Require = Annotated[
    list[str] | None,
    typer.Option(
        "--require",
        help="Condition, such as 'mase<1.2*backtest', 'drift<1.5' or 'churn<20'; exit code 6 if it is not met.",
        metavar="CONDITION",
        rich_help_panel=OUTPUT,
    ),
]
SHOWN = ("mase", "smape", "mae", "rmse", "wql")


@o.with_options(groups=(DATA,))
def score(
    forecasts: Forecasts,
    actuals: Actuals,
    settings: dict[str, str],
    require: Require = None,
    mase_season: MaseSeason = None,
    tracking_uri: o.TrackingUri = None,
    journal: o.Journal = None,
    no_track: o.NoTrack = False,
    json: o.Json = False,
    quiet: o.Quiet = False,
    verbose: o.Verbose = False,
) -> None:
    """Score forecasts whose actuals have arrived; the metrics land on the run that made them.

    Forecasts of later times are left out, and counted. `drift` is the error as a multiple of what the model's backtest
    had at the same steps, and `churn` how far the forecasts moved from those of the prediction before, in per cent.

    Example: forecast score next.parquet sales.csv --require 'drift<1.5'
    """
    from dataclasses import asdict

    from forecast.cli.gates import Gate, missed_gates
    from forecast.cli.output import show_json
    from forecast.cli.session import session
    from forecast.progress import doing

    gates = [Gate.of(text) for text in require or []]
    _check_gates(gates)
    with session(quiet=quiet, track=not no_track):
        doing(f"reading {forecasts}")
        found = _scored(forecasts, actuals, settings, mase_season, no_track, tracking_uri, journal)
    missed = missed_gates(gates, found)
    if json:
        values = {name: value for name, value in asdict(found).items() if name != "why"}
        show_json({"schema": "forecast/score/v1", "status": "ok" if missed is None else "failed", **values})
    else:
        _show(found, forecasts)
    if found.why is not None and found.tracking == "deferred" and tracking_uri is not None:
        raise found.why
    if missed is not None:
        raise missed


def _scored(
    file: Path,
    actuals: str,
    settings: dict[str, str],
    mase_season: int | None,
    no_track: bool,
    tracking_uri: str | None,
    journal: str | None,
) -> Scored:
    """Read both tables, and score the one by the other."""
    from dataclasses import replace

    from forecast.cli.config import read_settings
    from forecast.cli.session import read
    from forecast.datasets.tables.columns import Columns
    from forecast.datasets.tables.readers import read_encoded
    from forecast.datasets.tables.result import FORECAST
    from forecast.records.scores import score_file
    from forecast.tracking.recall.forecast_files import check_file

    check_file(file)
    values = read_settings({**settings, "horizon": "1"})
    freq = values.get("freq")
    roles = Columns(**{name: value for name, value in values.items() if name in Columns.__dataclass_fields__})
    table = read(actuals, values)
    return score_file(
        file,
        read_encoded(file, replace(roles, target=FORECAST), every=True),
        table,
        roles,
        freq=freq,
        mase_season=mase_season,
        track=not no_track,
        tracking_uri=tracking_uri,
        journal=journal,
    )


def _check_gates(gates: list[Any]) -> None:
    """Refuse conditions on metrics and models that there cannot be, before a table is read.

    Raises:
        ConfigError: with every such condition.
    """
    from difflib import get_close_matches

    from forecast.datasets.errors import ConfigError, Problem
    from forecast.evaluation.metrics import METRICS
    from forecast.records.scores import BACKTEST as EXPECTED

    kinds, problems = [*{name.partition("_")[0] for name in METRICS}, "drift", "churn"], []
    for gate in gates:
        if gate.metric.partition("_")[0] not in kinds:
            near = get_close_matches(gate.metric, kinds, n=1)
            remedy = f"Did you mean {near[0]!r}?" if near else ""
            problems.append(Problem(what=f"{gate.text!r}: there is no metric {gate.metric!r}", remedy=remedy))
        if gate.model not in (None, EXPECTED):
            problems.append(Problem(what=f"{gate.text!r}: there is no {gate.model!r} here", expected=EXPECTED))
    if problems:
        raise ConfigError("--require cannot be checked", problems=problems)


def _show(found: Scored, file: Path) -> None:
    """Print the metrics beside the expected ones, and what they mean."""
    from forecast.cli.comparing import print_text
    from forecast.cli.output import cell, say, show_rows

    expected = {} if found.expected is None else found.expected.metrics
    if found.scored:
        names = [name for name in SHOWN if name in found.metrics]
        names += [name for name in found.metrics if name.startswith("coverage_")]
        rows = [[n, cell(found.metrics[n]), cell(expected.get(n, math.nan))] for n in names]
        columns = ["metric", "here", "backtest"] if expected else ["metric", "here"]
        show_rows(columns, [row[: len(columns)] for row in rows], numbers={"here", "backtest"})
    for sentence in _sentences(found, file):
        print_text(sentence)
    if found.why is not None:
        say(f"note: {found.why}")


def _sentences(found: Scored, file: Path) -> Iterator[str]:
    """Yield in words how much was scored, and what the drift and the churn are."""
    of = f"{found.scored} of {found.scored + found.left} forecasts"
    yield f"{of} have an actual, up to {found.newest}" if found.scored else f"no actual of {file} has arrived yet"
    if "drift" in found.metrics and found.expected is not None:
        whole = {} if found.left else found.expected.by_cutoff  # which are over all steps, and far ones are harder
        yield _drift(found.metrics["drift"], found.judged_by, found.metrics, whole)
    elif found.scored and found.tracking == "recorded":
        yield _without_drift(found.expected)
    if "churn" in found.metrics and found.previous is not None:
        yield f"churn: {found.metrics['churn']:.1f}% away from the prediction before (run {found.previous[:8]})"
    if found.tracking == "recorded" and found.scored and found.run_id is not None:
        yield f"recorded on run {found.run_id[:8]}"
    if found.tracking == "deferred":
        kept = "the scores are kept in the journal; `forecast runs sync` sends them"
        yield kept if found.record else "the scores are not recorded: without the store nobody knows who made this file"


def _without_drift(backtest: Backtest | None) -> str:
    """Say why nothing tells what was to be expected."""
    if backtest is None:
        return "no backtest of this model is on record, so nothing says what was to be expected"
    if not backtest.metrics and backtest.last:
        which = f"steps {backtest.first} to {backtest.last}, and forecasts of other steps were scored here"
        return f"the backtest (run {backtest.run_id[:8]}) is of the {which}: nothing says what was to be expected"
    return f"the backtest (run {backtest.run_id[:8]}) has no error to compare this one with"


def _drift(ratio: float, metric: str, metrics: dict[str, float], by_cutoff: dict[str, list[float]]) -> str:
    values = [value for value in by_cutoff.get(metric, []) if math.isfinite(value)]
    told = f"drift: {metric} is {ratio:.2f} times what the backtest had at these steps"
    if len(values) < 2:
        return told
    span = f"{min(values):.3g} to {max(values):.3g} at its {len(values)} cutoffs"
    inside = metrics[metric] <= max(values)
    return f"{told}, {'within' if inside else 'worse than'} the {span}"
