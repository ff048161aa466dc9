"""Sealing versions that were registered before their files were there."""

from dataclasses import replace

from modelshelf.blobs.store import BlobStore
from modelshelf.database import artifacts, events, gates, versions
from modelshelf.database.database import Transaction
from modelshelf.domain.catalog import ModelVersion
from modelshelf.domain.events import Event, EventName
from modelshelf.domain.sources import parse_source
from modelshelf.services import refusals, resolution


def seal(tx: Transaction, blobs: BlobStore, version: ModelVersion, *, actor: str, now_ms: int) -> ModelVersion:
    """Seal what lies at the version's source now; the version as it was, where it is sealed or nothing lies there."""
    if version.sealed:
        return version
    content = resolution.content_ahead(tx, parse_source(version.origin))
    if not content or content.manifest is None:
        return version
    artifacts.insert_manifest(tx, content.manifest, now_ms=now_ms)
    refusals.refuse_missing(blobs, content.manifest.digests)
    sealed = replace(version, manifest=content.manifest.id, size=content.manifest.size)
    versions.seal_version(tx, sealed)
    gates.mark_version(tx, version.model_id, version.number, now_ms=now_ms)
    data = {"manifest": sealed.manifest, "source": version.origin}
    subject = f"models/{version.name}/{version.number}"
    events.append(tx, Event(EventName.VERSION_SEALED, actor, now_ms, subject, data, model_id=version.model_id))
    return sealed
