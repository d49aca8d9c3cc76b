"""Options, --set and a job file become one job, or one error with everything that is wrong with them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from forecast.architectures import ARCHITECTURES
from forecast.cli.config import assigned, checked_settings, content_of, entries_of, value_of
from forecast.datasets.errors import ConfigError, Problem
from forecast.jobs.declared import FOR_ALL, KEYS, Job, Order
from forecast.jobs.files import Parts

HINT = "`forecast run --help` explains the options, and `--dry-run` writes a job file."
Tables = dict[str, dict[str, Any]]


def read_order(options: Mapping[str, Any], config: Path | None = None, assignments: list[str] | None = None) -> Order:
    """Return the job that a user wrote: an option wins over --set, and --set wins over the file.

    Args:
        options: text of each key of the job and of each setting whose option was used; a list where an option repeats.
        config: job file; None for no file.
        assignments: texts of --set, for the settings of the models; none by default.

    Raises:
        ConfigError: with every name that is not known and every value that is wrong, or for a file that cannot be read.
    """
    place, typed = str(config), {name: text for name, text in options.items() if name not in KEYS}
    parts = Parts.of({} if config is None else content_of(config))
    keys, problems = _keys(parts.job, place, {name: raw for name, raw in options.items() if name in KEYS})
    settings: dict[str, Any] = {}
    try:
        settings = checked_settings(entries_of(parts.settings, place, assignments, typed))
    except ConfigError as error:
        problems += _problems(error)
    over = {*typed, *(name for _, name, _ in assigned(assignments or []))}  # what is typed holds for every model
    own, wrong = _own(parts.own, settings, keys.get("model", Job.model))
    wrong += [
        Problem(what=f"--set {name}", expected=f"the option {KEYS[name].options[0]}") for name in over & KEYS.keys()
    ]
    problems = [*parts.problems, *problems, *wrong]
    if problems:
        raise ConfigError("the job cannot be run", problems=problems, hint=HINT)
    own = {model: {n: value for n, value in table.items() if n not in over} for model, table in own.items()}
    return Order(job=Job(**keys), settings=settings, own=own, replay=parts.replay)


def _keys(file: Mapping[str, Any], place: str, options: Mapping[str, Any]) -> tuple[dict[str, Any], list[Problem]]:
    """Return the values of the job's keys, and what is wrong with them."""
    values, problems = {}, []
    entries = [(place, name, raw) for name, raw in file.items()]
    for where, name, raw in [*entries, *((KEYS[name].options[0], name, raw) for name, raw in options.items())]:
        values[name], wrong = value_of(KEYS[name], where, raw)
        problems += wrong
    return values, problems or Job(**values).problems()


def _own(tables: Tables, shared: Mapping[str, Any], models: Sequence[str]) -> tuple[Tables, list[Problem]]:
    """Return the settings of single models, and what is wrong with them.

    Args:
        tables: by model, what its table holds.
        shared: the settings of all models.
        models: the models of the job.
    """
    own: Tables = {}
    problems = []
    for model, table in tables.items():
        place = f"[models.{model}]"
        if model not in models or model not in ARCHITECTURES:
            problems.append(Problem(what=place, expected=f"a model of the job by name: {', '.join(models)}"))
        taken = [name for name in table if name in FOR_ALL]
        problems += [Problem(what=f"{name} ({place})", expected="it in the table [settings]") for name in taken]
        entries = [(place, name, raw) for name, raw in table.items() if name not in FOR_ALL]
        try:
            own[model] = checked_settings(entries, {"horizon": 1, **shared})
        except ConfigError as error:
            problems += _problems(error)
    return own, problems


def _problems(error: ConfigError) -> list[Problem]:
    return [*error.problems] or [Problem(what=error.message, remedy=error.hint or None)]
