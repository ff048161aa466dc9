"""Logging a model: saved, stored as a logged model of the run that is going on, and registered if a name is given."""

import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from modelshelf.domain.batches import check_logged_model_name
from modelshelf.domain.errors import Invalid, ShelfError
from modelshelf.domain.names import model_name
from modelshelf.domain.sources import store_uri
from modelshelf.domain.tracking import LoggedModel, LoggedModelStatus, ModelOutput
from modelshelf.flavors.mlmodel import Model
from modelshelf.flavors.model_info import ModelInfo
from modelshelf.sdk import logged_here, registering, session, transfers
from modelshelf.sdk.active import Going, going_or_none
from modelshelf.sdk.active_model import note_logged_model
from modelshelf.sdk.entities import LoggedModelOutput
from modelshelf.sdk.experiments import active_experiment_id, texts
from modelshelf.sdk.locations import of_logged_model
from modelshelf.sdk.origin import source_tags
from modelshelf.sdk.runs import note_outputs
from modelshelf.services.registry import Registry

Save = Callable[[Path, Model], Model]
"""Writes a model directory; the facts it is given go into the MLmodel file, which it answers."""


@dataclass(frozen=True, slots=True)
class Request:
    """What `log_model` of every flavor takes beside the model."""

    name: str | None = None
    artifact_path: str | None = None
    registered_model_name: str | None = None
    params: Mapping[str, Any] | None = None
    tags: Mapping[str, Any] | None = None
    model_type: str | None = None
    step: int = 0
    model_id: str | None = None

    def checked_name(self) -> str | None:
        """The logged model's name; raises Invalid before anything is stored."""
        if self.name is not None and self.artifact_path is not None:
            raise Invalid("give name=, or its older form artifact_path=, and not both")
        name = self.artifact_path if self.name is None else self.name
        return None if name is None else check_logged_model_name(name)


def log_model(save: Save, request: Request) -> ModelInfo:
    """Log, and register where the request names a registered model.

    Where saving or storing fails, the logged model is marked FAILED and nothing is registered.
    """
    name = request.checked_name()
    if request.registered_model_name is not None:
        model_name(request.registered_model_name)
    going = going_or_none()
    shelf = going.shelf if going else session.tracking()
    logged = _logged_model(shelf, name, request, going)
    try:
        saved = _store(shelf, logged, save)
        if going:
            shelf.tracking.log_outputs(going.run_id, [ModelOutput(logged.id, request.step)])
            note_outputs(going.run_id, [LoggedModelOutput(logged.id, request.step)])
        logged = shelf.tracking.finalize_logged_model(logged.id, LoggedModelStatus.READY)
    except BaseException as error:
        with suppress(ShelfError):
            shelf.tracking.finalize_logged_model(logged.id, LoggedModelStatus.FAILED, message=str(error)[:1000])
        raise
    number = None
    if request.registered_model_name is not None:
        number = registering.register(of_logged_model(shelf, logged), request.registered_model_name, tags={}).number
    return _info(saved, logged, number, step=request.step)


def _logged_model(shelf: Registry, name: str | None, request: Request, going: Going | None) -> LoggedModel:
    """A new one of the run, or of the active experiment where no run is going on; or the one named by its id."""
    if request.model_id is not None:
        return shelf.tracking.logged_model(request.model_id)
    logged = shelf.tracking.create_logged_model(
        going.run.info.experiment_id if going else active_experiment_id(),
        name=name,
        run_id=going.run_id if going else "",
        model_type=request.model_type or "",
        params=texts(request.params),
        tags={**source_tags(), **texts(request.tags)},
    )
    note_logged_model(logged.id)
    return logged


def _store(shelf: Registry, logged: LoggedModel, save: Save) -> Model:
    facts = Model(
        artifact_path=store_uri(logged.artifact_root),
        run_id=logged.run_id or None,
        model_uuid=logged.id,
        model_id=logged.id,
    )
    with tempfile.TemporaryDirectory(prefix=transfers.TEMPORARY_PREFIX) as scratch:
        folder = Path(scratch) / "model"
        saved = save(folder, facts)
        transfers.log_files(shelf, logged.artifact_root, transfers.files_in(folder))
    logged_here.note(shelf.artifacts.tree(logged.artifact_root))
    return saved


def _info(saved: Model, logged: LoggedModel, number: int | None, *, step: int) -> ModelInfo:
    return ModelInfo.of(
        saved,
        f"models:/{logged.id}",
        registered_model_version=number,
        name=logged.name,
        params=dict(logged.params),
        tags=dict(logged.tags),
        metrics=logged.metrics,
        step=step,
        creation_timestamp=logged.created_ms,
    )
