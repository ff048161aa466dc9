"""The versions of registered models: describe, tag, delete, resolve."""

from collections.abc import Sequence
from dataclasses import replace

from modelshelf.database import artifacts, fleet, gates, governance, versions
from modelshelf.database.database import Transaction
from modelshelf.domain.access import Permission
from modelshelf.domain.artifacts import Manifest
from modelshelf.domain.catalog import ModelVersion, Resolution
from modelshelf.domain.errors import VersionInUse
from modelshelf.domain.events import EventName
from modelshelf.domain.fleet import EXPIRY_MS
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
from modelshelf.services import automatic, moves, protection, refusals, resolution, superseding
from modelshelf.services.registration import Registration


class Versions(Registration):
    """The versions that there are."""

    def version(self, name: str, number: int) -> ModelVersion:
        """One version. Raises NotFound."""
        self._actor.require(Permission.READ)
        with self._database.read() as tx:
            return self._version(tx, name, version_number(number))

    def version_by_alias(self, name: str, alias: str) -> ModelVersion:
        """The version that an alias points at now. Raises NotFound, with the alias in its details if only that is."""
        self._actor.require(Permission.READ)
        with self._database.read() as tx:
            found = versions.version_by_alias(tx, name, alias)
            if found is None:
                raise refusals.no_alias(tx, name, self._id(tx, name), alias)
            return found

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
            marked = gates.mark_version(tx, model_id, number, now_ms=now_ms)
        automatic.follow(self._database, self._blobs, self._clock, marked)

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

        Raises VersionInUse where aliases point at it, unless forced, and Protected, forced or not, for those who may
        not move one of them, or its stage; all of it is in the ledger. What a loader runs is in use, too.
        """
        self._actor.require(Permission.DELETE)
        number, refusal = version_number(number), None
        with self._database.write() as tx:
            model_id, now_ms = self._lock_for_move(tx, name)
            version = self._version(tx, name, number)
            subject = f"models/{name}/{number}"
            refusal = protection.refusal_of_any(
                tx, self._actor, name, aliases=version.aliases, stages=(version.stage.value,)
            ) or (None if force else self._in_use(tx, version, now_ms))
            if refusal is not None:
                data: dict[str, object] = {"aliases": list(version.aliases), "refusal": refusal.message}
                self._append(tx, EventName.VERSION_DELETE_REFUSED, subject, model_id, data, now_ms)
            else:
                self._end_moves(tx, version, now_ms)
                superseding.close_requests(tx, model_id, number=number, actor=self._actor.name, now_ms=now_ms)
                versions.delete_version(tx, model_id, number)
                data = {"force": force, "aliases": list(version.aliases), "manifest": version.manifest}
                self._append(tx, EventName.VERSION_DELETED, subject, model_id, data, now_ms)
        if refusal is not None:
            raise refusal

    def _in_use(self, tx: Transaction, version: ModelVersion, now_ms: int) -> VersionInUse | None:
        """What speaks against a deletion: aliases, or else loaders that were heard of lately."""
        if not version.aliases:
            hosts = fleet.hosts_on(tx, version.name, version.number, since_ms=now_ms - EXPIRY_MS)
            return self._loaded(version, hosts) if hosts else None
        shown = ", ".join(f"@{alias}" for alias in version.aliases)
        return VersionInUse(
            f"version {version.number} of {version.name!r} is what {shown} points at; "
            "move or clear the alias first, or delete it by force",
            model=version.name,
            version=version.number,
            aliases=list(version.aliases),
        )

    @staticmethod
    def _loaded(version: ModelVersion, hosts: Sequence[str]) -> VersionInUse:
        shown = ", ".join(hosts[:5]) + (", ..." if len(hosts) > 5 else "")
        return VersionInUse(
            f"version {version.number} of {version.name!r} is running on {shown}; wait until it is not, or delete it "
            "by force",
            model=version.name,
            version=version.number,
            hosts=list(hosts),
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

    def _lock_for_move(self, tx: Transaction, name: str) -> tuple[int, int]:
        found = governance.lock_model(tx, name, self._clock())
        if found is None:
            raise refusals.no_model(tx, name)
        return found
