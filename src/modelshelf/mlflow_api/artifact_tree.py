"""The store as clients see it: the changeable files of runs and logged models, and `sealed/`, which shows manifests."""

import re

from modelshelf.domain.artifacts import SEALED, ArtifactPath, FileEntry, Listing
from modelshelf.domain.catalog import ModelVersion
from modelshelf.domain.errors import NotFound
from modelshelf.domain.names import ModelUri
from modelshelf.domain.sources import ModelSource, RunSource, StoreSource, parse_source
from modelshelf.mlflow_api import artifact_paths
from modelshelf.mlflow_api.errors import Refusal
from modelshelf.services.registry import Registry

_HEX = re.compile(r"[0-9a-f]{64}")
_NOTHING = Listing((), ())


def file_at(registry: Registry, text: str) -> FileEntry:
    """The file at a path that `artifact_paths.to_read` cleared. Raises NotFound, and Refusal for a folder."""
    path = artifact_paths.stored(text)
    if path is None:
        raise _refuse_folder(text) if not text else NotFound(f"no artifact at {text!r}", path=text)
    if path.parts[0] != SEALED:
        return registry.artifacts.file(path.text)
    manifest, below = _sealed(path)
    if not manifest:
        raise NotFound(f"no artifact at {text!r}", path=text)
    if not below:
        raise _refuse_folder(text)
    return registry.artifacts.sealed_file(manifest, below)


def listing_at(registry: Registry, text: str) -> Listing:
    """What lies directly in a folder, with full paths; nothing, where there is no such folder."""
    path = artifact_paths.stored(text)
    if path is None:
        return registry.artifacts.listing("") if not text else _NOTHING
    if path.parts[0] != SEALED:
        return registry.artifacts.listing(path.text)
    manifest, below = _sealed(path)
    if not manifest:
        return _NOTHING
    found = registry.artifacts.manifest(manifest).list_folder(ArtifactPath.folder(below))
    root = ArtifactPath("/".join(path.parts[:2]))
    return Listing(
        tuple((root / folder).text for folder in found.folders),
        tuple(FileEntry((root / file.path).text, file.digest, file.size) for file in found.files),
    )


def file_of_version(registry: Registry, version: ModelVersion, text: str) -> FileEntry:
    """A file of a version: of its sealed ones, or of those at its source while it is not sealed."""
    below = artifact_paths.to_read(text)
    if version.manifest is not None:
        return file_at(registry, artifact_paths.within(f"{SEALED}/{version.manifest.removeprefix('sha256:')}", below))
    return file_at(registry, artifact_paths.within(_root_of_source(registry, version), below))


def _root_of_source(registry: Registry, version: ModelVersion) -> str:
    match parse_source(version.origin or version.source):
        case RunSource(run_id, path):
            root = registry.tracking.run(run_id).artifact_root
            return f"{root}/{path}" if path else root
        case StoreSource(path):
            return path.text
        case ModelSource(ModelUri(logged_model=str(logged_model), path=path)):
            root = registry.tracking.logged_model(logged_model).artifact_root
            return f"{root}/{path}" if path else root
    raise NotFound(f"the files of {version.name!r} version {version.number} are not in the store: {version.source}")


def _sealed(path: ArtifactPath) -> tuple[str, str]:
    """The manifest's id and the path in it; no id where there can be no such manifest."""
    digits, below = (*path.parts, "")[1], "/".join(path.parts[2:])
    return (f"sha256:{digits}", below) if _HEX.fullmatch(digits) else ("", "")


def _refuse_folder(text: str) -> Refusal:
    return Refusal.invalid(f"{text!r} is a folder; name a file in it")
