"""Making versions of registered models: from runs, logged models, other versions, and files of this machine."""

import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from modelshelf.domain.artifacts import Manifest
from modelshelf.domain.catalog import ModelVersion
from modelshelf.domain.errors import AlreadyExists, Invalid
from modelshelf.domain.names import TAG_VALUE_LIMIT, bounded, model_name, tag_key
from modelshelf.domain.sources import OutsideSource, parse_source
from modelshelf.flavors.mlmodel import FILE_NAME, Model
from modelshelf.sdk import model_entities, session, transfers, translation
from modelshelf.sdk.locations import Location, Shelves, find, local_path
from modelshelf.services.registry import Registry


def register_model(
    model_uri: str | Path,
    name: str,
    await_registration_for: int | None = 300,  # noqa: ARG001 — MLflow's argument
    *,
    tags: Mapping[str, Any] | None = None,
) -> model_entities.ModelVersion:
    """Make the next version of a registered model, which is made too if it is not there; the new version.

    The files are those that lie there now, sealed: at `runs:/ID/PATH`, `models:/...`, a place in the store, or in a
    local folder or single file of any kind. A bucket (`s3://...`) is recorded as unsealed.
    The version is complete when the call returns, so `await_registration_for` changes nothing.
    Raises NotFound where there are no files, Invalid for a bad name, tag or URI, InvalidModel for a broken MLmodel
    file; then no version is made.
    """
    uri, name, checked = str(model_uri), model_name(name), checked_tags(tags)
    local = local_path(uri)
    if local is not None:
        return translation.model_version(_register_local(local, name, tags=checked))
    shelf = session.registry()
    if not uri.startswith(("runs:/", "models:/")) and isinstance(parse_source(uri), OutsideSource):
        ensure_model(shelf, name)
        return translation.model_version(shelf.catalog.create_version(name, source=uri, tags=checked))
    return translation.model_version(register(find(uri, Shelves.chosen()), name, tags=checked))


def register(location: Location, name: str, *, tags: Mapping[str, str]) -> ModelVersion:
    """A version of the files that a location has, which are copied if it is on another shelf."""
    shelf = session.registry()
    manifest = location.manifest if location.registry is shelf else copied(location, shelf)
    ensure_model(shelf, name)
    return shelf.catalog.create_version(
        name,
        source=location.source,
        manifest=manifest,
        run_id=location.run_id,
        logged_model=location.logged_model,
        tags=tags,
    )


def _register_local(path: Path, name: str, *, tags: Mapping[str, str]) -> ModelVersion:
    files = transfers.files_in(path)
    if not files:
        raise Invalid(f"the folder {path} has no files; name a folder or a file that holds a model", path=str(path))
    if path.is_dir() and (path / FILE_NAME).exists():
        Model.load(path)
    shelf = session.registry()
    manifest = transfers.upload_tree(shelf, files)
    ensure_model(shelf, name)
    return shelf.catalog.create_version(name, manifest=manifest, tags=tags)


def copied(location: Location, shelf: Registry) -> Manifest:
    """Bring the files of another shelf to this one; their manifest."""
    with tempfile.TemporaryDirectory(prefix=transfers.TEMPORARY_PREFIX) as scratch:
        folder = Path(scratch) / "files"
        transfers.fetch(location.registry, location.manifest, folder)
        return transfers.upload_tree(shelf, [(file.path, folder / file.path) for file in location.manifest.files])


def ensure_model(shelf: Registry, name: str) -> None:
    """Make the registered model, unless it is there."""
    with suppress(AlreadyExists):
        shelf.catalog.create_model(name)


def checked_tags(tags: Mapping[str, Any] | None) -> dict[str, str]:
    """Tags as texts, checked before anything is stored. Raises Invalid."""
    return {
        tag_key(key): bounded(str(value), f"value of the tag {key!r}", TAG_VALUE_LIMIT)
        for key, value in (tags or {}).items()
    }
