"""The versions of registered models: register, describe, tag, delete, resolve."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from modelshelf.blobs.store import BlobStore
from modelshelf.database import artifacts, catalog, events, governance, versions
from modelshelf.database.database import Database, Transaction
from modelshelf.domain.access import Actor, Permission
from modelshelf.domain.artifacts import Manifest
from modelshelf.domain.catalog import ModelVersion, Resolution
from modelshelf.domain.errors import NotFound, VersionInUse
from modelshelf.domain.events import Event, EventName
from modelshelf.domain.governance import Cause, Move, Slot
from modelshelf.domain.names import (
    DESCRIPTION_LIMIT,
    TAG_VALUE_LIMIT,
    ModelUri,
    Stage,
    bounded,
    stage_name,
    tag_key,
    version_number,
)
from modelshelf.domain.sources import OutsideSource, parse_source
from modelshelf.services import moves, refusals, resolution

RUN_LINK_LIMIT = 10_000


class Versions:
    """The half of the catalog that is about versions."""

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
        checked, description = checked_tags(tags), bounded(description, "description", DESCRIPTION_LIMIT)
        run_link = bounded(run_link, "run link", RUN_LINK_LIMIT)
        if manifest is None:
            parsed = parse_source(source)
        now_ms = self._clock()
        with self._database.write() as tx:
            taken = versions.take_number(tx, name, now_ms=now_ms)
            if taken is None:
                raise refusals.no_model(tx, name)
            content = resolution.Content(manifest) if manifest is not None else resolution.content_of(tx, parsed)
            if content.manifest is not None and content.manifest.files:
                artifacts.insert_manifest(tx, content.manifest, now_ms=now_ms)
                refusals.refuse_missing(self._blobs, content.manifest.digests)
            elif manifest is not None or not isinstance(parsed, OutsideSource):
                at = f" at {source!r}" if source else ""
                raise NotFound(f"there are no files{at} to register as a version of {name!r}", source=source)
            version = ModelVersion(
                model_id=taken[0],
                name=name,
                number=taken[1],
                manifest=content.manifest.id if content.manifest else None,
                source=source,
                created_ms=now_ms,
                updated_ms=now_ms,
                created_by=self._actor.name,
                description=description,
                run_id=run_id or content.run_id,
                run_link=run_link,
                logged_model=logged_model or content.logged_model,
                size=content.manifest.size if content.manifest else 0,
                tags=checked,
            )
            versions.insert_version(tx, version)
            data = {"source": source, "run_id": version.run_id, "manifest": version.manifest, "tags": checked}
            subject = f"models/{name}/{version.number}"
            self._append(tx, EventName.VERSION_CREATED, subject, version.model_id, data, now_ms)
            return version

    def version(self, name: str, number: int) -> ModelVersion:
        """One version. Raises NotFound."""
        self._actor.require(Permission.READ)
        with self._database.read() as tx:
            return self._version(tx, name, version_number(number))

    def manifest(self, name: str, number: int) -> Manifest | None:
        """The sealed files of a version; None while it is unsealed. Raises NotFound."""
        self._actor.require(Permission.READ)
        with self._database.read() as tx:
            version = self._version(tx, name, version_number(number))
            return artifacts.manifest(tx, version.manifest) if version.manifest else None

    def describe_version(self, name: str, number: int, description: str) -> ModelVersion:
        """Set a version's description, at most 100,000 characters of Markdown."""
        self._actor.require(Permission.WRITE)
        description, now_ms = bounded(description, "description", DESCRIPTION_LIMIT), self._clock()
        number = version_number(number)
        with self._database.write() as tx:
            if not versions.describe_version(tx, name, number, description, now_ms=now_ms):
                self._version(tx, name, number)  # raises what is missing
            version = self._version(tx, name, number)
            data, subject = {"description": description}, f"models/{name}/{number}"
            self._append(tx, EventName.VERSION_UPDATED, subject, version.model_id, data, now_ms)
            return version

    def tag_version(self, name: str, number: int, key: str, value: str) -> None:
        """Set a tag of a version: a key of at most 250, a value of at most 100,000 characters."""
        self._actor.require(Permission.WRITE)
        key, value = tag_key(key), bounded(value, f"value of the tag {key!r}", TAG_VALUE_LIMIT)
        number, now_ms = version_number(number), self._clock()
        with self._database.write() as tx:
            model_id = self._id(tx, name)
            if not versions.tag_version(tx, name, number, key, value):
                raise refusals.no_version(tx, name, model_id, number)
            data, subject = {"key": key, "value": value}, f"models/{name}/{number}"
            self._append(tx, EventName.VERSION_TAGGED, subject, model_id, data, now_ms)

    def untag_version(self, name: str, number: int, key: str) -> bool:
        """Remove a tag of a version; False where it was not there."""
        self._actor.require(Permission.WRITE)
        number, now_ms = version_number(number), self._clock()
        with self._database.write() as tx:
            version = self._version(tx, name, number)
            removed = versions.untag_version(tx, version.model_id, number, key)
            if removed:
                subject = f"models/{name}/{number}"
                self._append(tx, EventName.VERSION_UNTAGGED, subject, version.model_id, {"key": key}, now_ms)
            return removed

    def delete_version(self, name: str, number: int, *, force: bool = False) -> None:
        """Delete a version; its number is never given again, and the ledger keeps what it was.

        Raises VersionInUse where aliases point at it, unless forced; both are in the ledger.
        """
        self._actor.require(Permission.DELETE)
        number, refusal = version_number(number), None
        with self._database.write() as tx:
            model_id, now_ms = self._lock_for_move(tx, name)
            version = self._version(tx, name, number)
            subject = f"models/{name}/{number}"
            if version.aliases and not force:
                refusal = self._version_in_use(version)
                data: dict[str, object] = {"aliases": list(version.aliases), "refusal": refusal.message}
                self._append(tx, EventName.VERSION_DELETE_REFUSED, subject, model_id, data, now_ms)
            else:
                self._end_moves(tx, version, now_ms)
                versions.delete_version(tx, model_id, number)
                data = {"force": force, "aliases": list(version.aliases), "manifest": version.manifest}
                self._append(tx, EventName.VERSION_DELETED, subject, model_id, data, now_ms)
        if refusal is not None:
            raise refusal

    @staticmethod
    def _version_in_use(version: ModelVersion) -> VersionInUse:
        shown = ", ".join(f"@{alias}" for alias in version.aliases)
        return VersionInUse(
            f"version {version.number} of {version.name!r} is what {shown} points at; "
            "move or clear the alias first, or delete it by force",
            model=version.name,
            version=version.number,
            aliases=list(version.aliases),
        )

    def latest_versions(self, name: str, stages: Sequence[str] = ()) -> tuple[ModelVersion, ...]:
        """The newest version of each of some stages (of every stage, if none is named). Raises NotFound."""
        self._actor.require(Permission.READ)
        wanted = {stage_name(stage) for stage in stages} or set(Stage)
        with self._database.read() as tx:
            latest = versions.latest_of_models(tx, [self._id(tx, name)])
        return tuple(version for found in latest.values() for version in found if version.stage in wanted)

    def resolve(self, uri: str) -> Resolution:
        """What a `models:/NAME...` URI names, now or `?at=` a past instant.

        Raises Invalid for a URI of no known form, NotFound for an unknown model, version or alias, and for one that
        pointed nowhere at that instant, or at a version that was deleted since.
        """
        self._actor.require(Permission.READ)
        parsed = ModelUri.parse(uri)
        with self._database.read() as tx:
            version = resolution.version_of(tx, parsed)
        return Resolution(uri=uri, version=version, alias=parsed.alias, at_ms=parsed.at_ms)

    def _end_moves(self, tx: Transaction, version: ModelVersion, now_ms: int) -> None:
        """The version goes: its aliases and its stage end in the ledger."""
        ending = Move(
            model_id=version.model_id,
            model=version.name,
            slot=Slot.ALIAS,
            before=version.number,
            after=None,
            time_ms=now_ms,
            actor=self._actor.name,
            reason="",
            cause=Cause.VERSION_DELETED,
        )
        for alias in version.aliases:
            moves.append(tx, replace(ending, alias=alias))
        if version.stage is not Stage.NONE:
            stage = version.stage.value
            moves.append(tx, replace(ending, slot=Slot.STAGE, version=version.number, before=stage))

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

    def _lock_for_move(self, tx: Transaction, name: str) -> tuple[int, int]:
        found = governance.lock_model(tx, name, self._clock())
        if found is None:
            raise refusals.no_model(tx, name)
        return found


def checked_tags(tags: Mapping[str, str] | None) -> dict[str, str]:
    """Tags with valid keys and values. Raises Invalid."""
    return {
        tag_key(key): bounded(value, f"value of the tag {key!r}", TAG_VALUE_LIMIT)
        for key, value in (tags or {}).items()
    }
