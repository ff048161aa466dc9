"""What a URI named when its registry last said so: the answer while the registry can't be asked.

Each registry has a folder of its own, by its address, so that no registry's answer is taken for another's. A version is
remembered with its manifest, whose id is the digest of what it lists: an altered list is noticed.
"""

import contextlib
import hashlib
import json
import logging
import os
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from modelshelf.domain.artifacts import FileEntry, Manifest
from modelshelf.domain.catalog import ModelVersion
from modelshelf.domain.errors import Unavailable
from modelshelf.sdk import session
from modelshelf.sdk.cache import Cache, chosen
from modelshelf.services.registry import Registry

_log = logging.getLogger("modelshelf.cache")


@dataclass(frozen=True, slots=True)
class Known:
    """A version as a URI named it, with its files."""

    registry: str
    uri: str
    version: ModelVersion
    files: tuple[FileEntry, ...]
    told_ms: int

    @property
    def manifest(self) -> Manifest:
        return Manifest(self.files)


def resolve(registry: Registry, uri: str) -> tuple[ModelVersion, Manifest | None]:
    """The version that a URI names and its files; as it was last known, where a server can't be asked.

    Raises what the registry raises; Unavailable where it does not answer, or may not be asked, and nothing is known.
    """
    cache = chosen(registry)
    if cache is not None and session.settings().offline:
        return _recalled(cache, registry, uri, "MODELSHELF_OFFLINE is set")
    try:
        version = registry.catalog.resolve(uri).version
        manifest = registry.artifacts.manifest(version.manifest) if version.manifest else None
    except Unavailable as error:
        if cache is None:
            raise
        return _recalled(cache, registry, uri, error.message)
    if cache is not None and manifest is not None:
        remember(cache.folder, registry.uri, uri, version, manifest)
    return version, manifest


def _recalled(cache: Cache, registry: Registry, uri: str, reason: str) -> tuple[ModelVersion, Manifest]:
    known = recall(cache.folder, registry.uri, uri)
    if known is None:
        raise Unavailable(f"{reason}; and what {uri} names was never learned from {registry.uri}", uri=uri)
    then = datetime.fromtimestamp(known.told_ms / 1000, tz=UTC).isoformat(sep=" ", timespec="seconds")
    _log.warning("%s; using version %d of %s, as of %s", reason, known.version.number, known.version.name, then)
    return known.version, known.manifest


def remember(folder: Path, registry: str, uri: str, version: ModelVersion, manifest: Manifest) -> None:
    """Note what a URI names now. A folder that can't be written is no reason to fail."""
    path = _path(folder, registry, uri)
    known = Known(registry, uri, version, manifest.files, time.time_ns() // 1_000_000)
    coming = folder / "coming" / os.urandom(8).hex()
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        coming.write_bytes(msgspec.json.encode(known))
        coming.replace(path)
    except OSError as error:
        _log.warning("what %s names is not remembered for when the registry is away: %s", uri, error)
        with contextlib.suppress(OSError):
            coming.unlink(missing_ok=True)


def recall(folder: Path, registry: str, uri: str) -> Known | None:
    """What a URI named last; None where that is not known, or the note is damaged."""
    path = _path(folder, registry, uri)
    try:
        known = msgspec.json.decode(path.read_bytes(), type=Known)
    except (OSError, msgspec.DecodeError, ValueError):
        return None
    is_right = known.registry == registry and known.uri == uri and known.manifest.id == known.version.manifest
    return known if is_right else None


def _path(folder: Path, registry: str, uri: str) -> Path:
    def digest(text: str) -> str:
        return hashlib.sha256(json.dumps(text).encode()).hexdigest()[:32]

    return folder / "known" / digest(registry) / f"{digest(uri)}.json"
