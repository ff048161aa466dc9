"""Registering versions: the next number, the sealed content and the row, in one transaction."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from modelshelf.blobs.store import BlobStore
from modelshelf.database import artifacts, catalog, events, gates, versions
from modelshelf.database.database import Database, Transaction
from modelshelf.domain.access import Actor, Permission
from modelshelf.domain.artifacts import Manifest
from modelshelf.domain.catalog import ModelVersion
from modelshelf.domain.errors import Conflict, NotFound
from modelshelf.domain.events import Event, EventName
from modelshelf.domain.names import (
    DESCRIPTION_LIMIT,
    RUN_ID_LIMIT,
    SOURCE_LIMIT,
    TAG_VALUE_LIMIT,
    bounded,
    tag_key,
    version_number,
)
from modelshelf.domain.sources import OutsideSource, parse_source
from modelshelf.services import automatic, refusals, resolution, sealing
from modelshelf.services.resolution import Content

RUN_LINK_LIMIT = 10_000


@dataclass(frozen=True, slots=True)
class _Draft:
    """What is said of a version when it is registered, checked."""

    source: str = ""
    run_id: str = ""
    run_link: str = ""
    logged_model: str = ""
    description: str = ""
    tags: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        bounded(self.source, "source", SOURCE_LIMIT)
        bounded(self.run_id, "run id", RUN_ID_LIMIT)
        bounded(self.logged_model, "logged model's id", RUN_ID_LIMIT)
        bounded(self.run_link, "run link", RUN_LINK_LIMIT)
        bounded(self.description, "description", DESCRIPTION_LIMIT)


class Registration:
    """How versions come to be, and how those without content yet get theirs."""

    def __init__(self, database: Database, blobs: BlobStore, *, actor: Actor, clock: Callable[[], int]) -> None:
        self._database, self._blobs, self._actor, self._clock = database, blobs, actor, clock

    def create_version(
        self,
        name: str,
        *,
        source: str = "",
        manifest: Manifest | None = None,
        run_id: str = "",
        run_link: str = "",
        logged_model: str = "",
        description: str = "",
        tags: Mapping[str, str] | None = None,
    ) -> ModelVersion:
        """Register the next version of a model and seal its files, in one transaction.

        The files are those of `manifest` (blobs that are stored already), or those that lie at `source` now:
        `runs:/ID/path`, `models:/...`, a place in the store. A bucket (`s3://...`) makes an unsealed version.
        Raises NotFound for an unknown model or run and where there is nothing at the source, Invalid for a bad source.
        """
        self._actor.require(Permission.WRITE)
        draft = _Draft(source, run_id, run_link, logged_model, description, checked_tags(tags))
        parsed = parse_source(source) if manifest is None else None
        with self._database.write() as tx:
            model_id, number, now_ms = self._take_number(tx, name)
            content = resolution.content_of(tx, parsed) if parsed is not None else Content(manifest)
            if not content and not isinstance(parsed, OutsideSource):
                at = f" at {source!r}" if source else ""
                raise NotFound(f"there are no files{at} to register as a version of {name!r}", source=source)
            version = self._insert(tx, (model_id, name, number), draft, content, now_ms)
            marked = gates.mark_version(tx, model_id, number, now_ms=now_ms)
        automatic.follow(self._database, self._blobs, self._clock, marked)
        return version

    def create_version_ahead(
        self,
        name: str,
        *,
        source: str,
        run_id: str = "",
        run_link: str = "",
        logged_model: str = "",
        description: str = "",
        tags: Mapping[str, str] | None = None,
    ) -> ModelVersion:
        """Register the next version of a model even where nothing lies at its source yet.

        Such a version is unsealed and follows its source until `seal_version`, the finalization of its logged model, or
        its first promotion seals it. With files at the source it is sealed at once, as by `create_version`.
        """
        self._actor.require(Permission.WRITE)
        draft = _Draft(source, run_id, run_link, logged_model, description, checked_tags(tags))
        parsed = parse_source(source)
        with self._database.write() as tx:
            model_id, number, now_ms = self._take_number(tx, name)
            content = resolution.content_ahead(tx, parsed)
            version = self._insert(tx, (model_id, name, number), draft, content, now_ms)
            marked = gates.mark_version(tx, model_id, number, now_ms=now_ms)
        automatic.follow(self._database, self._blobs, self._clock, marked)
        return version

    def seal_version(self, name: str, number: int) -> ModelVersion:
        """Seal what lies at an unsealed version's source now; a sealed one stays as it is.

        Raises NotFound for an unknown version, Conflict where nothing lies at its source, or where that is a bucket.
        """
        self._actor.require(Permission.WRITE)
        number = version_number(number)
        with self._database.write() as tx:
            version = self._version(tx, name, number)
            sealed = sealing.seal(tx, self._blobs, version, actor=self._actor.name, now_ms=self._clock())
            if not sealed.sealed:
                raise Conflict(
                    f"cannot seal version {number} of {name!r}: no files of this store lie at {version.origin!r}; "
                    "upload them first",
                    model=name,
                    version=number,
                )
            marked = gates.mark_version(tx, sealed.model_id, number, now_ms=self._clock())
        automatic.follow(self._database, self._blobs, self._clock, marked)
        return sealed

    def _take_number(self, tx: Transaction, name: str) -> tuple[int, int, int]:
        now_ms = self._clock()
        taken = versions.take_number(tx, name, now_ms=now_ms)
        if taken is None:
            raise refusals.no_model(tx, name)
        return (*taken, now_ms)

    def _insert(
        self, tx: Transaction, subject: tuple[int, str, int], draft: _Draft, content: Content, now_ms: int
    ) -> ModelVersion:
        if content.manifest is not None and content:
            artifacts.insert_manifest(tx, content.manifest, now_ms=now_ms)
            refusals.refuse_missing(self._blobs, content.manifest.digests)
        version = ModelVersion(
            model_id=subject[0],
            name=subject[1],
            number=subject[2],
            manifest=content.manifest.id if content.manifest and content else None,
            source=draft.source,
            origin=content.origin or draft.source,
            created_ms=now_ms,
            updated_ms=now_ms,
            created_by=self._actor.name,
            description=draft.description,
            run_id=draft.run_id or content.run_id,
            run_link=draft.run_link,
            logged_model=draft.logged_model or content.logged_model,
            size=content.manifest.size if content.manifest else 0,
            tags=draft.tags,
        )
        versions.insert_version(tx, version)
        data = {
            "source": draft.source,
            "run_id": version.run_id,
            "manifest": version.manifest,
            "tags": draft.tags,
            "description": draft.description,
        }
        self._append(tx, EventName.VERSION_CREATED, _subject(version), version.model_id, data, now_ms)
        return version

    def _append(
        self, tx: Transaction, name: str, subject: str, model_id: int, data: Mapping[str, object], now_ms: int
    ) -> None:
        events.append(tx, Event(name, self._actor.name, now_ms, subject, dict(data), model_id=model_id))

    def _version(self, tx: Transaction, name: str, number: int) -> ModelVersion:
        found = versions.version(tx, name, number)
        if found is None:
            raise refusals.no_version(tx, name, self._id(tx, name), number)
        return found

    def _id(self, tx: Transaction, name: str) -> int:
        found = catalog.model_id(tx, name)
        if found is None:
            raise refusals.no_model(tx, name)
        return found


def _subject(version: ModelVersion) -> str:
    return f"models/{version.name}/{version.number}"


def checked_tags(tags: Mapping[str, str] | None) -> dict[str, str]:
    """Tags with valid keys and values. Raises Invalid."""
    return {
        tag_key(key): bounded(value, f"value of the tag {key!r}", TAG_VALUE_LIMIT)
        for key, value in (tags or {}).items()
    }
