"""Addresses of recorded models: runs:/ID, models:/NAME@ALIAS and models:/NAME/VERSION, as MLflow writes them."""

from __future__ import annotations

import re
from dataclasses import dataclass

from forecast.datasets.errors import ModelError

RUNS, MODELS = "runs:/", "models:/"
LOGGED = re.compile(r"m-[0-9a-f]{32}")  # MLflow's own ids of models
ID = re.compile(r"[0-9a-f]{4,32}")
HINT = "Write runs:/ID, with the first letters of a run's id, models:/NAME@ALIAS or models:/NAME/VERSION."


@dataclass(frozen=True, kw_only=True)
class RunAddress:
    """A run, by the first letters of its id or of its record's; `name` is that of a model, where it holds several."""

    start: str
    name: str | None = None


@dataclass(frozen=True, kw_only=True)
class ModelAddress:
    """A registered model, by its alias or version, both None where neither is named; or `logged`, MLflow's id of a model."""

    name: str = ""
    alias: str | None = None
    version: str | None = None
    logged: str | None = None


def is_address(text: object) -> bool:
    """Return whether a text is meant as an address in MLflow, and not as a name or a directory."""
    return isinstance(text, str) and text.startswith((RUNS, MODELS))


def parsed(address: str) -> RunAddress | ModelAddress:
    """Read an address.

    Raises:
        ModelError: if it is none.
    """
    scheme = RUNS if address.startswith(RUNS) else MODELS
    rest = address.removeprefix(scheme).strip("/")
    if scheme == RUNS:
        start, _, name = rest.partition("/")
        if ID.fullmatch(start):
            return RunAddress(start=start, name=name or None)
    elif LOGGED.fullmatch(rest):
        return ModelAddress(logged=rest)
    elif rest and "@" in rest:
        name, _, alias = rest.rpartition("@")
        if name and alias:
            return ModelAddress(name=name, alias=alias)
    elif rest:
        name, _, version = rest.rpartition("/")
        if name and version.isdecimal():
            return ModelAddress(name=name, version=version)
        if "/" not in rest:
            return ModelAddress(name=rest)
    raise ModelError(
        f"{address} is no address of a model: it wants at least 4 letters of an id (0-9 and a-f), or a name", hint=HINT
    )
