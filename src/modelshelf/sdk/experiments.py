"""Experiments, and the one that runs go to when nobody names another."""

import threading
import warnings
from collections.abc import Mapping
from typing import Any

from modelshelf.domain.errors import AlreadyExists, Conflict, Invalid, NotFound
from modelshelf.domain.sources import STORE_SCHEME, store_path
from modelshelf.domain.tracking import DEFAULT_EXPERIMENT, Lifecycle
from modelshelf.domain.tracking import Experiment as Found
from modelshelf.sdk import session, translation
from modelshelf.sdk.entities import Experiment
from modelshelf.services.registry import Registry

_lock = threading.RLock()
_active: dict[str, str] = {}
"""The experiment that was set, by the tracking URI it was set at."""


def set_experiment(experiment_name: str | None = None, experiment_id: str | None = None) -> Experiment:
    """Choose the experiment that runs go to, by name (made if it is not there yet) or by id.

    Raises Invalid unless exactly one is given, NotFound for an unknown id, Conflict for a deleted experiment.
    """
    if (experiment_name is None) == (experiment_id is None):
        raise Invalid("name exactly one of experiment_name and experiment_id")
    shelf = session.tracking()
    with _lock:
        if experiment_name is not None:
            found = _named(shelf, experiment_name)
        else:
            found = shelf.tracking.experiment(str(experiment_id))
        if found.lifecycle is not Lifecycle.ACTIVE:
            raise Conflict(
                f"the experiment {found.name!r} (id {found.id}) is deleted, so no run can go to it; "
                "restore it with MlflowClient().restore_experiment, or choose another name",
                experiment_id=found.id,
            )
        _active[session.get_tracking_uri()] = found.id
    return translation.experiment(found)


def _named(shelf: Registry, name: str) -> Found:
    """The experiment of a name; made where it is not there, also if somebody makes it at the same moment."""
    try:
        return shelf.tracking.experiment_by_name(name)
    except NotFound:
        pass
    try:
        return shelf.tracking.create_experiment(name)
    except AlreadyExists:
        return shelf.tracking.experiment_by_name(name)


def active_experiment_id() -> str:
    """The experiment in force: as it was set, else as the environment names it, else the default one."""
    chosen, settings = _active.get(session.get_tracking_uri()), session.settings()
    if chosen is not None:
        return chosen
    if settings.experiment_name:
        found = _named(session.tracking(), settings.experiment_name)
        if settings.experiment_id and settings.experiment_id != found.id:
            raise Invalid(
                f"the environment names the experiment {settings.experiment_name!r}, which has the id {found.id}, and "
                f"also the id {settings.experiment_id}; leave one of them out"
            )
        return found.id
    return settings.experiment_id or DEFAULT_EXPERIMENT


def create_experiment(name: str, artifact_location: str | None = None, tags: Mapping[str, Any] | None = None) -> str:
    """Make an experiment and answer its id. Raises AlreadyExists where the name is taken, be it by a deleted one."""
    location = location_in_store(artifact_location)
    return session.tracking().tracking.create_experiment(name, location=location, tags=texts(tags)).id


def location_in_store(artifact_location: str | None) -> str:
    """The folder that a URI of the store names, or none.

    Files always lie in the shelf's own store; a program that asks for another place still runs, and is told.
    """
    if artifact_location is not None and artifact_location.startswith(f"{STORE_SCHEME}:/"):
        return store_path(artifact_location).text
    if artifact_location is not None:
        warnings.warn(
            f"artifact_location={artifact_location!r} is not used: files lie in the shelf's own store",
            UserWarning,
            stacklevel=3,
        )
    return ""


def texts(values: Mapping[str, Any] | None) -> dict[str, str]:
    """Tags or params as texts, as they are stored."""
    return {key: str(value) for key, value in (values or {}).items()}


def get_experiment(experiment_id: str) -> Experiment:
    """An experiment by its id, deleted ones too. Raises NotFound."""
    return translation.experiment(session.tracking().tracking.experiment(str(experiment_id)))


def get_experiment_by_name(name: str) -> Experiment | None:
    """An experiment by its name, deleted ones too; None where there is none."""
    try:
        return translation.experiment(session.tracking().tracking.experiment_by_name(name))
    except NotFound:
        return None


def delete_experiment(experiment_id: str) -> None:
    """Mark an experiment and its runs deleted. Raises NotFound."""
    session.tracking().tracking.delete_experiment(str(experiment_id))


def restore_experiment(experiment_id: str) -> None:
    """Undo a delete. Raises NotFound."""
    session.tracking().tracking.restore_experiment(str(experiment_id))


def set_experiment_tag(key: str, value: Any) -> None:
    """Set a tag of the experiment in force."""
    session.tracking().tracking.tag_experiment(active_experiment_id(), key, str(value))


def set_experiment_tags(tags: Mapping[str, Any]) -> None:
    """Set tags of the experiment in force."""
    for key, value in tags.items():
        set_experiment_tag(key, value)


def delete_experiment_tag(key: str) -> None:
    """Remove a tag of the experiment in force. Raises NotFound where there is none."""
    session.tracking().tracking.untag_experiment(active_experiment_id(), key)
