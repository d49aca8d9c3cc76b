"""Recorded models are registered under a name, with their card, and put into use by an alias."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from forecast.datasets.errors import ConfigError, GateError, ModelError, TrackingError
from forecast.fitted import FittedModel
from forecast.storage.card import card, evaluated_in_words
from forecast.tracking.comparing.boards import leaderboards, run_row
from forecast.tracking.delivery.syncing import sync
from forecast.tracking.recall.addresses import MODELS, ModelAddress, is_address, parsed
from forecast.tracking.recall.fetching import load, model_of
from forecast.tracking.recall.finding import SHOWN, of_record, registered, run_of
from forecast.tracking.recall.lineage import evaluation_of, is_of_same_model
from forecast.tracking.record import MODEL
from forecast.tracking.store import Store, as_current, brief, quiet_and_short

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run
    from mlflow.entities.model_registry import ModelVersion

CHAMPION = "champion"


@dataclass(frozen=True, kw_only=True)
class Version:
    """A version of a registered model.

    Args:
        address: models:/NAME/VERSION.
        run_id: id of the run that made it.
        aliases: its aliases, those given now among them.
        evaluation: the evaluation on record, in words; empty where there is none.
        against: how it compares with the version that had the alias before, in words; empty where nothing says.
        is_new: whether it was registered now.
    """

    address: str
    run_id: str
    aliases: tuple[str, ...]
    evaluation: str
    against: str = ""
    is_new: bool = False


def register(
    model: str,
    name: str,
    *,
    alias: str | None = None,
    tracking_uri: str | None = None,
    journal: str | None = None,
) -> Version:
    """Register a recorded model under a name; a model that is a version of it already stays that.

    The version carries the model card as its description, and tags with model, horizon and scores.

    Args:
        model: runs:/ID, or a model directory whose fit is on record.
        name: name of the registered model.
        alias: alias that the version gets; None for none. An alias puts a model into use: it needs an evaluation.
        tracking_uri: URI of the MLflow store; None takes the usual one.
        journal: folder of the journal, whose runs are sent before; None takes the usual one.

    Raises:
        ConfigError: if the name can be none.
        ModelError: if there is no such model on record.
        GateError: if an alias is asked for, and no evaluation of the model is on record; it is registered by then.
        TrackingError: if the store fails.
    """
    if not name or set(name) & set("/:@%"):
        raise ConfigError(f"{name!r} cannot be a model's name", hint="It has none of the letters / : @ %.")
    store = Store.of(tracking_uri)
    client = store.client()
    sync(client, store, journal, anyhow=tracking_uri is not None)
    fitted = load(model, tracking_uri=tracking_uri, journal=journal)
    run = run_of(client, model, store=store.shown) if is_address(model) else _run_of_directory(client, fitted, model)
    found = _evaluation(client, run)
    with quiet_and_short(), as_current(store.uri):
        version, is_new = _version(client, name, model_of(client, run), store)
        _describe(client, version, fitted, found)
    if alias is not None:
        return _with_alias(client, version, alias, store, is_new=is_new)
    return _result(client, version, found, is_new=is_new)


def promote(
    address: str, *, alias: str = CHAMPION, tracking_uri: str | None = None, journal: str | None = None
) -> Version:
    """Give a version of a registered model an alias, which puts it into use wherever that is asked for.

    Args:
        address: models:/NAME/VERSION, models:/NAME@ALIAS, or models:/NAME where it has one version.
        alias: the alias; "champion" by default.
        tracking_uri: URI of the MLflow store; None takes the usual one.
        journal: folder of the journal, whose runs are sent before; None takes the usual one.

    Raises:
        ModelError: if there is no such version.
        GateError: if no evaluation of its model is on record.
        TrackingError: if the store fails.
    """
    place = parsed(address) if address.startswith(MODELS) else None
    if not isinstance(place, ModelAddress) or place.logged is not None:
        hint = "`forecast models register runs:/ID NAME` makes one."
        raise ModelError(f"{address} is no version of a registered model", hint=hint)
    store = Store.of(tracking_uri)
    client = store.client()
    sync(client, store, journal, anyhow=tracking_uri is not None)
    with quiet_and_short():
        return _with_alias(client, registered(client, place), alias, store)


def _with_alias(
    client: MlflowClient, version: ModelVersion, alias: str, store: Store, *, is_new: bool = False
) -> Version:
    """Give a version an alias, if an evaluation of its model is on record."""
    from mlflow.exceptions import MlflowException

    address = f"{MODELS}{version.name}/{version.version}"
    run = client.get_run(version.run_id) if version.run_id else None
    found = None if run is None else evaluation_of(client, run)
    if run is None or found is None:
        newer = f"`forecast evaluate DATA --horizon H --model {address}` on newer rows records one"
        hint = f"{newer}, and so does an evaluation by name with the same settings, table and experiment."
        raise GateError(f"no evaluation of {address} is on record", hint=hint)
    against = _against(client, version.name, alias, run, found)
    try:
        client.set_registered_model_alias(version.name, alias, version.version)
    except MlflowException as error:
        raise ConfigError(f"{alias!r} cannot be an alias: {brief(error)}") from error
    except Exception as error:
        raise TrackingError(f"tracking store {store.shown}: {brief(error)}") from error
    return _result(client, version, _facts(client, run, found), against=against, is_new=is_new)


def _against(client: MlflowClient, name: str, alias: str, run: Run, found: Run) -> str:
    """Say how a model compares with the one that has the alias now, where both were evaluated under the same rules."""
    try:
        before = registered(client, ModelAddress(name=name, alias=alias))
    except ModelError:
        return ""
    if not before.run_id or before.run_id == run.info.run_id:
        return ""
    other = evaluation_of(client, client.get_run(before.run_id))
    whose = f"version {before.version}, which has been {alias}"
    if other is None:
        return f"no evaluation of {whose}, is on record"
    board = leaderboards([found, other], "mase").set_index("run_id")
    rows = [board.loc[one.info.run_id] for one in (found, other)]
    if other.info.run_id == found.info.run_id or any(rows[0][key] != rows[1][key] for key in ("target", "protocol")):
        return f"it was not evaluated on the same forecasts as {whose}"
    ratio = rows[0]["mase"] / rows[1]["mase"] - 1
    return f"its mase is {abs(ratio):.1%} {'worse' if ratio > 0 else 'better'} than that of {whose}"


def _run_of_directory(client: MlflowClient, fitted: FittedModel, directory: str) -> Run:
    run = None if fitted.run_id is None else of_record(client, fitted.run_id)
    if run is None:
        hint = "Fit or evaluate with tracking on, and register runs:/ID."
        raise ModelError(f"the store has no run that made {directory}", hint=hint)
    return run


def _version(client: MlflowClient, name: str, model_id: str, store: Store) -> tuple[ModelVersion, bool]:
    """Return the version of a name that is a logged model, and whether it was made now."""
    from mlflow.exceptions import MlflowException

    model = client.get_logged_model(model_id)
    for version in client.search_model_versions(f"name = '{name}'"):  # whose model_id a search leaves out
        if version.source == model.artifact_location:
            return version, False
    try:
        with contextlib.suppress(MlflowException):  # the name is there already
            client.create_registered_model(name)
        made = client.create_model_version(name, model.artifact_location, model.source_run_id, model_id=model_id)
        return made, True
    except Exception as error:  # MLflow's own, the network's
        raise TrackingError(f"tracking store {store.shown} does not register it: {brief(error)}") from error


def _describe(client: MlflowClient, version: ModelVersion, fitted: FittedModel, found: dict[str, Any] | None) -> None:
    """Give a version its card and its tags."""
    from dataclasses import replace

    text = card(replace(fitted, evaluated=found or fitted.evaluated))
    client.update_model_version(version.name, version.version, text)
    tags = {MODEL: fitted.settings.model, "forecast.horizon": str(fitted.settings.horizon)}
    tags |= {f"forecast.{name}": f"{found[name]:.4g}" for name in ("mase", "skill") if found and name in found}
    for name, value in tags.items():
        client.set_model_version_tag(version.name, version.version, name, value)


def _evaluation(client: MlflowClient, run: Run) -> dict[str, Any] | None:
    found = evaluation_of(client, run)
    return None if found is None else _facts(client, run, found)


def _facts(client: MlflowClient, run: Run, found: Run) -> dict[str, Any]:
    """Return what an evaluation found, as the card shows it."""
    row = run_row(found, "mase")
    facts = {name: row[name] for name in ("horizon", "cutoffs", "mase", "skill", "coverage", "interval")}
    known = {name: value for name, value in facts.items() if value is not None and value == value}  # not NaN
    mine = is_of_same_model(client, run, found)
    whose = "this very model" if mine else "the same settings, fitted on older rows"
    return {**known, "of": f"{whose}; run {found.info.run_id[:SHOWN]}"}


def _result(
    client: MlflowClient,
    version: ModelVersion,
    found: dict[str, Any] | None,
    *,
    against: str = "",
    is_new: bool = False,
) -> Version:
    now = client.get_model_version(version.name, version.version)
    return Version(
        address=f"{MODELS}{version.name}/{version.version}",
        run_id=str(version.run_id),
        aliases=tuple(sorted(now.aliases)),
        evaluation=evaluated_in_words(found) if found else "",
        against=against,
        is_new=is_new,
    )
