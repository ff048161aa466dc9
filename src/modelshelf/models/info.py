"""What the MLmodel file of a model says, wherever the model is."""

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from modelshelf.domain.artifacts import Manifest
from modelshelf.domain.errors import Invalid, NotFound
from modelshelf.flavors.mlmodel import FILE_NAME, Model
from modelshelf.flavors.model_info import ModelInfo
from modelshelf.flavors.signature import ModelSignature
from modelshelf.sdk import transfers
from modelshelf.sdk.locations import Location, Shelves, find, local_path


def get_model_info(model_uri: str | Path) -> ModelInfo:
    """The facts of a model, such as its signature and flavors; only its MLmodel file is read.

    `model_uri` is any that `pyfunc.load_model` takes. The answer's own `model_uri` is that of the logged model, where
    the model is one. Raises NotFound where there is no model, InvalidModel for a broken MLmodel file.
    """
    uri = str(model_uri)
    local = local_path(uri)
    if local is not None:
        model = Model.load(local)
        return ModelInfo.of(model, f"models:/{model.model_id}" if model.model_id else uri)
    shelves = Shelves.chosen()
    location = find(uri, shelves)
    model = _fetched(location, uri)
    known = _logged(shelves, location)
    number = None if location.version is None else location.version.number
    return ModelInfo.of(model, known.pop("uri", uri), registered_model_version=number, **known)


def _fetched(location: Location, uri: str) -> Model:
    entry = location.manifest.find(FILE_NAME)
    if entry is None:
        raise NotFound(f"the model {uri} has no {FILE_NAME} file; is it a model?", uri=uri, path=FILE_NAME)
    with tempfile.TemporaryDirectory(prefix=transfers.TEMPORARY_PREFIX) as scratch:
        transfers.fetch(location.registry, Manifest((entry,)), Path(scratch) / "model")
        return Model.load(Path(scratch) / "model")


def _logged(shelves: Shelves, location: Location) -> dict[str, Any]:
    """What is recorded of the logged model that the files are of; nothing where it is not known here."""
    if not location.logged_model:
        return {}
    try:
        logged = shelves.tracking.tracking.logged_model(location.logged_model)
    except NotFound:
        return {}
    return {
        "uri": f"models:/{logged.id}",
        "name": logged.name,
        "params": dict(logged.params),
        "tags": dict(logged.tags),
        "metrics": logged.metrics,
        "creation_timestamp": logged.created_ms,
    }


def set_signature(model_uri: str | Path, signature: ModelSignature) -> None:
    """Write a signature into the MLmodel file of a model in a local folder, before it is logged or registered.

    Raises Invalid for a model of a registry, whose files nobody changes: log it again with `signature=`.
    """
    if not isinstance(signature, ModelSignature):
        raise Invalid(f"signature is a {type(signature).__name__}, not a ModelSignature", argument="signature")
    folder = local_path(str(model_uri))
    if folder is None:
        raise Invalid(
            f"the files of {model_uri} cannot be changed: log the model again with signature=, or set the signature of "
            "a downloaded copy and register that",
            uri=str(model_uri),
        )
    signed = replace(Model.load(folder), signature=signature, is_signature_from_type_hint=False)
    signed.save(folder / FILE_NAME)
