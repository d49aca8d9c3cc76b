"""`forecast run` runs its job and prints what became of it with these functions."""

from __future__ import annotations

import math
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from forecast.cli.gates import Gate, check_gates, missed_gates
from forecast.cli.output import cell, say, show, show_json, show_rows
from forecast.cli.session import progress, read, remarks, session
from forecast.progress import doing

if TYPE_CHECKING:
    from collections.abc import Mapping

    from forecast.evaluation.backtest import Candidate
    from forecast.jobs.choosing import Choice
    from forecast.jobs.declared import Order
    from forecast.jobs.nightly import Night

SHOWN = ("mase", "smape", "mae", "wql")
NAIVE = "seasonal_naive"


def dry_run(order: Order) -> None:
    """Print the job as a file, after everything has been checked that needs no table."""
    from forecast.jobs.files import to_toml

    _checked(order)
    show(to_toml(order).rstrip("\n"))


def run_job(order: Order, *, as_json: bool, quiet: bool) -> None:
    """Run the job, and say what became of it.

    Args:
        order: the job.
        as_json: whether one JSON object is printed, and no table.
        quiet: whether remarks are silenced.

    Raises:
        GateError: if a condition is not met; everything has been written and printed by then.
        TrackingError: if the runs must be recorded and are not; the same holds.
    """
    with session(quiet=quiet, track=True):
        doing(f"reading {order.job.data}")  # before what it takes is imported
        gates, candidates = _checked(order)
        from forecast.jobs.nightly import Hands
        from forecast.jobs.report import as_json as reported
        from forecast.jobs.tracked import run_tracked
        from forecast.tracking.delivery.job import job as tracked_job

        hands = Hands(
            read=lambda address, columns: read(address, asdict(columns)),
            judge=lambda choice: missed_gates(gates, choice),
            progress=progress(quiet),
        )
        with tracked_job(raises=False) as tracked:
            night, record = run_tracked(order, candidates, hands)
    remarks(night.panel.notes)
    if as_json:
        show_json({**reported(night), **tracked.report(record)})
    else:
        _show(night, gates)
    if night.missed is not None:
        raise night.missed
    tracked.check()


def _checked(order: Order) -> tuple[list[Gate], Mapping[str, Candidate]]:
    """Read the conditions and the models; what cannot be is refused before any table is read."""
    from forecast.evaluation.backtest import REFERENCES
    from forecast.jobs.checking import candidates_of

    gates = [Gate.of(text) for text in order.job.require]
    candidates = candidates_of(order)
    check_gates(
        gates,
        candidates,
        REFERENCES,
        order.job.metrics or None,
        [candidate.settings.quantiles for candidate in candidates.values()],
        standardised=order.job.scale == "train",
    )
    return gates, candidates


def _show(night: Night, gates: list[Gate]) -> None:
    """Print the table of models, what was chosen and required, and where things were written."""
    from forecast.jobs.report import sentence

    job, choice, made = night.order.job, night.choice, night.forecast
    if choice is not None:
        if job.output != "-":
            _show_models(choice)
        say(sentence(choice))
        if gates and night.missed is None:
            say(f"met: {', '.join(gate.text for gate in gates)}")
    if night.missed is not None and job.save is not None and Path(job.save).exists():
        say(f"{job.save} stays as it was")
    if made is not None:
        _say_who(night)
    if night.saved:
        say(f"wrote the model to {job.save}")
    if job.lock is not None:
        say(f"wrote the job to {job.lock}")


def _say_who(night: Night) -> None:
    """Say who made the forecasts, and where they are."""
    made, job = night.forecast, night.order.job
    assert made is not None, "there is a forecast"
    who = made.source if made.address is None else f"{made.source} ({made.address})"
    if job.output is None:
        say(f"{who} was fitted to all rows; -o FILE writes its forecasts")
    else:
        say(f"{len(made.frame)} rows of {who} went to {'stdout' if job.output == '-' else job.output}")


def _show_models(choice: Choice) -> None:
    """Print a row for what was chosen, for each model, and for seasonal naive, on the same forecasts."""
    naive = choice.baselines.get(NAIVE, {})
    rows = {"(chosen)": choice.metrics} if len(choice.models) > 1 else {}
    rows |= choice.models | {NAIVE: naive}
    names = [name for name in dict.fromkeys((choice.metric, *SHOWN)) if name in choice.metrics]
    times = {name: sum(chosen.model == name for chosen in choice.by_cutoff) for name in choice.models}
    table = []
    for name, metrics in rows.items():
        skill = _skill(metrics, naive, choice.metric)
        numbers = [cell(metrics.get(metric, float("nan"))) for metric in names]
        table.append([name, *numbers, skill, str(times[name]) if name in times else ""])
    show_rows(["model", *names, "skill", "chosen"], table, numbers={*names, "skill", "chosen"})


def _skill(metrics: Mapping[str, float], naive: Mapping[str, float], metric: str) -> str:
    """Return the share of seasonal naive's error that is gone, as text; blank where nothing says, or it is no error."""
    from forecast.tracking.record import skill_of

    skill = skill_of(metric, metrics.get(metric), naive.get(metric))
    return "" if math.isnan(skill) or metrics is naive else f"{skill:.0%}"
