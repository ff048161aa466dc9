"""What a URI names, and what lies at a source: the version, or the manifest that would seal it."""

from dataclasses import dataclass

from modelshelf.database import artifacts, governance, logged_models, tracking, versions
from modelshelf.database import catalog as models
from modelshelf.database.database import Transaction
from modelshelf.domain.artifacts import ArtifactPath, Manifest
from modelshelf.domain.catalog import ModelVersion
from modelshelf.domain.errors import Invalid, NotFound
from modelshelf.domain.names import ModelUri
from modelshelf.domain.sources import ModelSource, OutsideSource, RunSource, Source, StoreSource
from modelshelf.services import refusals


@dataclass(frozen=True, slots=True)
class Content:
    """The files at a source, and what made them; no manifest where there are none, or where they lie outside."""

    manifest: Manifest | None
    run_id: str = ""
    logged_model: str = ""
    origin: str = ""
    """Where the files are, if elsewhere than the source says: that of the version which was copied."""

    def __bool__(self) -> bool:
        return self.manifest is not None and bool(self.manifest.files)


def content_of(tx: Transaction, source: Source) -> Content:
    """Look up a source. Raises NotFound for a run, model or version that is not there."""
    match source:
        case RunSource(run_id, path):
            return _of_run(tx, run_id, path)
        case StoreSource(path):
            return Content(artifacts.tree(tx, path))
        case ModelSource(uri):
            return _of_logged_model(tx, uri) if uri.logged_model else _sealed_version(tx, uri)
        case OutsideSource():
            return Content(None)


def content_ahead(tx: Transaction, source: Source) -> Content:
    """The same where nothing needs to be there yet: no run, no logged model, no content of a version copied."""
    if isinstance(source, ModelSource) and not source.uri.logged_model:
        return _of_version(tx, source.uri)
    try:
        return content_of(tx, source)
    except NotFound:
        return Content(None, run_id=source.run_id if isinstance(source, RunSource) else "")


def _of_run(tx: Transaction, run_id: str, path: ArtifactPath | None) -> Content:
    run = tracking.run_head(tx, run_id)
    if run is None:
        raise NotFound(f"no run {run_id!r}", run_id=run_id)
    root = ArtifactPath(run.artifact_root)
    found = artifacts.tree(tx, root / path if path else root)
    if found is not None or path is None:
        return Content(found, run_id=run_id)
    named = logged_models.models_of_run(tx, run_id, path.text)
    logged = logged_models.logged_model_by_id(tx, named[0]) if named else None
    if logged is None:
        return Content(None, run_id=run_id)
    return Content(artifacts.tree(tx, ArtifactPath(logged.artifact_root)), run_id=run_id, logged_model=logged.id)


def _of_logged_model(tx: Transaction, uri: ModelUri) -> Content:
    logged = logged_models.logged_model_by_id(tx, uri.logged_model or "")
    if logged is None:
        raise NotFound(f"no logged model {uri.logged_model!r}", logged_model=uri.logged_model)
    root = ArtifactPath(logged.artifact_root)
    found = artifacts.tree(tx, root / uri.path if uri.path else root)
    return Content(found, run_id=logged.run_id, logged_model=logged.id)


def _of_version(tx: Transaction, uri: ModelUri) -> Content:
    version = version_of(tx, uri)
    manifest = artifacts.manifest(tx, version.manifest) if version.manifest else None
    return Content(manifest, run_id=version.run_id, logged_model=version.logged_model, origin=version.origin)


def _sealed_version(tx: Transaction, uri: ModelUri) -> Content:
    content = _of_version(tx, uri)
    if content.manifest is None:
        raise Invalid(
            f"{uri} is unsealed: its files are not in the store, so they can't be registered again", uri=str(uri)
        )
    return content


def version_of(tx: Transaction, uri: ModelUri) -> ModelVersion:
    """The version that a `models:/NAME...` URI names, now or at its instant. Raises NotFound."""
    if uri.logged_model:
        raise Invalid(f"{uri} names a logged model, not a version of a registered one", uri=str(uri))
    if uri.at_ms is not None:
        return _version_at(tx, uri, uri.at_ms)
    if uri.alias is not None:
        found = versions.version_by_alias(tx, uri.name, uri.alias)
        if found is None:
            raise refusals.no_alias(tx, uri.name, _model_id(tx, uri.name), uri.alias)
        return found
    number = uri.number
    if number is None:
        stage = uri.stage.value if uri.stage else None
        number = versions.newest(tx, _model_id(tx, uri.name), stage=stage)
        if number is None:
            where = f" in stage {stage}" if stage else ""
            raise NotFound(f"{uri.name!r} has no version{where}", model=uri.name, stage=stage)
    found = versions.version(tx, uri.name, number)
    if found is None:
        raise refusals.no_version(tx, uri.name, _model_id(tx, uri.name), number)
    return found


def _model_id(tx: Transaction, name: str) -> int:
    found = models.model_id(tx, name)
    if found is None:
        raise refusals.no_model(tx, name)
    return found


def _version_at(tx: Transaction, uri: ModelUri, at_ms: int) -> ModelVersion:
    """The model is the one that had the name then; failing that, the one that has it now."""
    model_id = models.model_id_at(tx, uri.name, at_ms)
    if model_id is None:
        model_id = _model_id(tx, uri.name)
    number = _number_at(tx, uri, model_id, at_ms)
    if number is None:
        raise NotFound(f"{uri} pointed at nothing at that instant", uri=str(uri), at_ms=at_ms)
    found = versions.version_of_model_id(tx, model_id, number)
    if found is None or found.created_ms > at_ms:
        fate = "was not there yet" if found else "has been deleted since"
        raise NotFound(f"{uri} was version {number} at that instant, which {fate}", uri=str(uri), version=number)
    return found


def _number_at(tx: Transaction, uri: ModelUri, model_id: int, at_ms: int) -> int | None:
    if uri.alias is not None:
        return governance.alias_target_at(tx, model_id, uri.alias, at_ms)
    if uri.number is not None:
        return uri.number
    if uri.stage is not None and uri.stage.value != "None":
        return governance.newest_in_stage_at(tx, model_id, uri.stage.value, at_ms)
    return versions.newest(tx, model_id, before_ms=at_ms)
