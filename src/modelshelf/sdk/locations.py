"""What a URI names: the files in a store, or the place on this machine."""

import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from modelshelf.domain.artifacts import ArtifactPath, Manifest
from modelshelf.domain.catalog import ModelVersion
from modelshelf.domain.errors import Conflict, Invalid, NotFound
from modelshelf.domain.names import ModelUri
from modelshelf.domain.sources import STORE_SCHEME, parse_run_uri, store_path, store_uri
from modelshelf.domain.tracking import LoggedModel
from modelshelf.sdk import last_known, session
from modelshelf.services.registry import Registry

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]+):")
_LOGGED_MODEL = re.compile(r"models:/+m-[0-9a-f]{32}(?=/|$)")
_VERSION = re.compile(r"(models:/+(?:[^/@?]+/[^/?]+|[^/?]+@[^/?]+))(?:/([^?]*))?((?:\?at=.*)?)")


@dataclass(frozen=True, slots=True)
class Location:
    """Files in a store: which they are now, and what they belong to."""

    registry: Registry
    manifest: Manifest
    source: str
    """The URI that names the same files in that store, whatever moves afterwards."""
    name: str = ""
    """The file or folder that was asked for below a run, a model or the store; empty for the whole."""
    is_file: bool = False
    version: ModelVersion | None = None
    run_id: str = ""
    logged_model: str = ""

    @property
    def sealed(self) -> bool:
        """Whether the files are those of a version, which nobody can change."""
        return self.version is not None


@dataclass(frozen=True, slots=True)
class Shelves:
    """Where runs and where versions are looked up."""

    tracking: Registry
    registry: Registry

    @classmethod
    def chosen(cls, tracking_uri: str | None = None, registry_uri: str | None = None) -> "Shelves":
        """Those of the given URIs, or else those in force."""
        tracking = session.opened(tracking_uri) if tracking_uri else session.tracking()
        if registry_uri or tracking_uri:
            return cls(tracking, session.opened(registry_uri) if registry_uri else tracking)
        return cls(tracking, session.registry())


def local_path(uri: str) -> Path | None:
    """The place on this machine that a plain path or a `file:` URI names; None for every other URI."""
    if uri.startswith("file:"):
        parts = urlsplit(uri)
        if parts.netloc not in {"", "localhost"}:
            raise Invalid(f"{uri!r} names a file of another machine; write file:///PATH", uri=uri)
        return Path(unquote(parts.path))
    return None if _SCHEME.match(uri) else Path(uri).expanduser()


def find(uri: str, shelves: Shelves) -> Location:
    """Look up `runs:/ID/PATH`, `models:/...` or a place in the store; a path below a model is fine too.

    Raises NotFound where there is nothing, Invalid for a URI of no known form, Conflict for an unsealed version.
    """
    if uri.startswith("runs:/"):
        return _of_run(uri, shelves.tracking)
    if _LOGGED_MODEL.match(uri):
        parsed = ModelUri.parse(uri)
        logged = shelves.tracking.tracking.logged_model(parsed.logged_model or "")
        return of_logged_model(shelves.tracking, logged, parsed.path.strip("/"))
    if ModelUri.is_model_uri(uri):
        return _of_version(uri, shelves.registry)
    if uri.startswith(f"{STORE_SCHEME}:"):
        path = store_path(uri)
        return _in_store(shelves.tracking, path, name=path.name)
    raise Invalid(
        f"cannot read from {uri!r}: name runs:/RUN_ID/PATH, models:/..., {STORE_SCHEME}:/PATH or a local path", uri=uri
    )


def of_logged_model(shelf: Registry, logged: LoggedModel, path: str = "") -> Location:
    """The files of a logged model, or one file or folder of them."""
    manifest, is_file = _part(shelf.artifacts.tree(logged.artifact_root), path)
    return Location(
        registry=shelf,
        manifest=manifest,
        source=f"models:/{logged.id}" + (f"/{path}" if path else ""),
        name=path.rpartition("/")[2],
        is_file=is_file,
        run_id=logged.run_id,
        logged_model=logged.id,
    )


def _of_run(uri: str, shelf: Registry) -> Location:
    """A run's own files come first; then `PATH` may begin with the name of a model that the run logged."""
    parsed = parse_run_uri(uri)
    run = shelf.tracking.run(parsed.run_id)
    root = ArtifactPath(run.artifact_root)
    if parsed.path is None:
        return _in_store(shelf, root, run_id=run.id)
    try:
        return _in_store(shelf, root / parsed.path, name=parsed.path.name, run_id=run.id)
    except NotFound:
        name, _, below = parsed.path.text.partition("/")
    try:
        logged = shelf.tracking.logged_model_of(run.id, name)
    except NotFound as error:
        raise NotFound(
            f"the run {run.id} has no artifact and no logged model {parsed.path.text!r}", uri=uri, run_id=run.id
        ) from error
    return of_logged_model(shelf, logged, below)


def _of_version(uri: str, shelf: Registry) -> Location:
    named, path = _split(uri)
    version, files = last_known.resolve(shelf, named)
    if files is None:
        raise Conflict(
            f"{version.uri} is unsealed: its files lie outside of the store, at {version.source}, and are never read "
            "from there; download them yourself and register the folder",
            uri=version.uri,
            source=version.source,
        )
    manifest, is_file = _part(files, path)
    return Location(
        registry=shelf,
        manifest=manifest,
        source=version.uri,
        name=path.rpartition("/")[2],
        is_file=is_file,
        version=version,
        run_id=version.run_id,
        logged_model=version.logged_model,
    )


def _split(uri: str) -> tuple[str, str]:
    """The URI of a version, and a path below it; what names a version as it stands has none."""
    try:
        ModelUri.parse(uri)
    except Invalid:
        match = _VERSION.fullmatch(uri)
        if match is None or not match[2]:
            raise
        return match[1] + match[3], match[2].strip("/")
    return uri, ""


def _in_store(shelf: Registry, path: ArtifactPath, *, name: str = "", run_id: str = "") -> Location:
    manifest = shelf.artifacts.tree(path.text)
    alone = len(manifest.files) == 1 and manifest.files[0].path == path.name
    is_file = alone and not shelf.artifacts.listing(path.text).files
    return Location(shelf, manifest, store_uri(path), name=name, is_file=is_file, run_id=run_id)


def _part(manifest: Manifest, path: str) -> tuple[Manifest, bool]:
    """A file or a folder of a manifest, and whether it is a file."""
    wanted = ArtifactPath.folder(path)
    found = manifest.find(path)
    if wanted is None or found is None:
        return manifest.subtree(wanted), False
    return Manifest((type(found)(wanted.name, found.digest, found.size),)), True
