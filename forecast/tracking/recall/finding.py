"""Runs are found in a store by the first letters of their ids, and registered models by their names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from forecast.datasets.errors import ModelError
from forecast.tracking.environment import RECORD
from forecast.tracking.recall.addresses import ModelAddress, RunAddress, parsed

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run
    from mlflow.entities.model_registry import ModelVersion

AT_ONCE = 10  # of runs of one beginning, more than anybody wants to read
SHOWN = 8  # letters of an id


def places(client: MlflowClient) -> list[str]:
    """Return the ids of every experiment."""
    from mlflow.entities import ViewType

    return [found.experiment_id for found in client.search_experiments(view_type=ViewType.ACTIVE_ONLY)]


def runs_named(client: MlflowClient, start: str) -> list[Run]:
    """Return the runs whose id, or that of whose record, begins so, each once and the newest first."""
    where = places(client)
    queries = (f"attributes.run_id LIKE '{start}%'", f"tags.`{RECORD}` LIKE '{start}%'")
    found = {run.info.run_id: run for query in queries for run in search(client, where, query)}
    return sorted(found.values(), key=lambda run: -run.info.start_time)


def one_run(client: MlflowClient, start: str, *, store: str) -> Run:
    """Return the run whose id, or that of whose record, begins so.

    Args:
        client: client of the store.
        start: the first letters.
        store: the store's address, as a message shows it.

    Raises:
        ModelError: if there is none, or more than one.
    """
    found = runs_named(client, start)
    if not found:
        hint = "`forecast runs list` (fc.runs()) lists every run; --tracking-uri names another store."
        raise ModelError(f"there is no run {start} in {store}", hint=hint)
    if len(found) > 1:
        ids = ", ".join(f"{run.info.run_id[:SHOWN]} ({run.info.run_name})" for run in found)
        raise ModelError(f"several runs begin with {start}: {ids}", hint="Write more letters.")
    return found[0]


def of_record(client: MlflowClient, record: str) -> Run | None:
    """Return the run of a record, given the record's id or the run's; None where the store has none."""
    found = [run for run in runs_named(client, record) if record in (run.info.run_id, run.data.tags.get(RECORD))]
    return found[0] if found else None


def newest(client: MlflowClient, where: list[str], query: str) -> Run | None:
    """Return the newest run of some experiments that a query finds; None where it finds none."""
    found = search(client, where, query, most=1)
    return found[0] if found else None


def search(client: MlflowClient, where: list[str], query: str, *, most: int = AT_ONCE) -> list[Run]:
    """Return the newest runs of some experiments that a query finds, so many at most."""
    if not where:
        return []
    return list(client.search_runs(where, query, max_results=most, order_by=["attributes.start_time DESC"]))


def registered(client: MlflowClient, address: ModelAddress) -> ModelVersion:
    """Return the version of a registered model that an address names.

    Raises:
        ModelError: if there is none, or the address leaves open which.
    """
    from mlflow.exceptions import MlflowException

    written = f"models:/{address.name}"
    try:
        if address.alias is not None:
            return client.get_model_version_by_alias(address.name, address.alias)
        if address.version is not None:
            return client.get_model_version(address.name, address.version)
        model = client.get_registered_model(address.name)
    except MlflowException as error:
        wanted = f"@{address.alias}" if address.alias is not None else f"/{address.version}" if address.version else ""
        raise ModelError(f"there is no model {written}{wanted}", hint=_known(client, address.name)) from error
    versions = client.search_model_versions(f"name = '{address.name}'")
    if len(versions) == 1:
        return versions[0]
    said = ", ".join(sorted(f"{written}@{alias}" for alias in model.aliases)) or f"{written}/{len(versions)}"
    raise ModelError(f"{written} has {len(versions)} versions: which one is open", hint=f"Write {said}.")


def run_of(client: MlflowClient, address: str, *, store: str) -> Run:
    """Return the run that an address names, or that made the registered model which it names; an id is an address, too.

    Raises:
        ModelError: if there is none.
    """
    place = parsed(address) if "/" in address else RunAddress(start=address)
    if isinstance(place, RunAddress):
        return one_run(client, place.start, store=store)
    if place.logged is not None:
        made_by = client.get_logged_model(place.logged).source_run_id
    else:
        made_by = registered(client, place).run_id
    if not made_by:
        raise ModelError(f"{address} was registered without its run", hint="Register it by runs:/ID.")
    return client.get_run(made_by)


def _known(client: MlflowClient, name: str) -> str:
    """Say what there is instead of a model that there is not."""
    models = {model.name: sorted(model.aliases) for model in client.search_registered_models(max_results=100)}
    if name in models:
        versions = sorted(int(v.version) for v in client.search_model_versions(f"name = '{name}'"))
        aliases = ", ".join(models[name]) or "none"
        return f"{name} has the versions {', '.join(map(str, versions)) or 'none'} and the aliases {aliases}."
    if not models:
        return "Nothing is registered; `forecast models register runs:/ID NAME` registers a model."
    return f"Registered: {', '.join(sorted(models))}."
