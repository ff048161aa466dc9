"""Registered models, and (by inheritance) their versions: create, describe, tag, rename, delete."""

from collections.abc import Mapping

from modelshelf.database import catalog, gates, governance, versions
from modelshelf.database.database import Transaction
from modelshelf.domain.access import Permission
from modelshelf.domain.catalog import RegisteredModel
from modelshelf.domain.errors import AlreadyExists, Protected, VersionInUse
from modelshelf.domain.events import EventName
from modelshelf.domain.governance import Cause, Move, Slot
from modelshelf.domain.names import DESCRIPTION_LIMIT, TAG_VALUE_LIMIT, Stage, bounded, model_name, tag_key
from modelshelf.services import automatic, moves, protection, refusals, superseding
from modelshelf.services.registration import checked_tags
from modelshelf.services.search import CatalogSearch
from modelshelf.services.versions import Versions


class Catalog(Versions, CatalogSearch):
    """The shelf itself: names, numbered versions, and what they resolve to."""

    def create_model(
        self, name: str, *, description: str = "", tags: Mapping[str, str] | None = None
    ) -> RegisteredModel:
        """Make a registered model. Raises Invalid for a bad name, AlreadyExists where it is taken."""
        self._actor.require(Permission.WRITE)
        name, checked = model_name(name), checked_tags(tags)
        description, now_ms = bounded(description, "description", DESCRIPTION_LIMIT), self._clock()
        with self._database.write() as tx:
            model_id = catalog.insert_model(tx, name, description=description, actor=self._actor.name, now_ms=now_ms)
            if model_id is None:
                raise AlreadyExists(f"a registered model {name!r} exists already", model=name)
            for key, value in checked.items():
                catalog.tag_model(tx, model_id, key, value)
            data = {"tags": checked, "description": description}
            self._append(tx, EventName.MODEL_CREATED, f"models/{name}", model_id, data, now_ms)
            return self._model(tx, name)

    def model(self, name: str) -> RegisteredModel:
        """A registered model with its tags, its aliases and the newest version of each stage. Raises NotFound."""
        self._actor.require(Permission.READ)
        with self._database.read() as tx:
            return self._model(tx, name)

    def rename_model(self, name: str, new_name: str) -> RegisteredModel:
        """Give a model another name; versions, aliases, tags and history go with it.

        Raises NotFound, AlreadyExists, and Protected for those who may not move what only one of the names protects, or
        who are no administrators where a gate guards only one of them.
        """
        self._actor.require(Permission.WRITE)
        new_name, now_ms = model_name(new_name), self._clock()
        with self._database.write() as tx:
            model_id = self._lock(tx, name, now_ms)
            if protected := protection.refusal_of_rename(tx, self._actor, name, new_name):
                raise protected
            if not catalog.rename_model(tx, model_id, new_name, now_ms=now_ms):
                raise AlreadyExists(f"a registered model {new_name!r} exists already", model=new_name)
            data = {"before": name, "after": new_name}
            self._append(tx, EventName.MODEL_UPDATED, f"models/{new_name}", model_id, data, now_ms)
            return self._model(tx, new_name)

    def describe_model(self, name: str, description: str) -> RegisteredModel:
        """Set a model's description, at most 100,000 characters of Markdown."""
        self._actor.require(Permission.WRITE)
        description, now_ms = bounded(description, "description", DESCRIPTION_LIMIT), self._clock()
        with self._database.write() as tx:
            model_id = self._lock(tx, name, now_ms)
            catalog.describe_model(tx, model_id, description)
            data = {"description": description}
            self._append(tx, EventName.MODEL_UPDATED, f"models/{name}", model_id, data, now_ms)
            return self._model(tx, name)

    def delete_model(self, name: str, *, force: bool = False) -> None:
        """Delete a model with all its versions; the ledger keeps its history.

        Raises VersionInUse where aliases point at its versions, unless forced; the ledger tells that it was. Raises
        Protected, forced or not, for those who may not move one of the aliases or stages that would end.
        """
        self._actor.require(Permission.DELETE)
        refusal: VersionInUse | Protected | None
        with self._database.write() as tx:
            model_id, now_ms = self._lock_for_move(tx, name)
            aliases = governance.aliases_of_model(tx, model_id)
            used = (stage.value for stage in Stage if versions.newest(tx, model_id, stage=stage.value) is not None)
            refusal = protection.refusal_of_any(tx, self._actor, name, aliases=aliases, stages=used)
            if refusal is None and aliases and not force:
                refusal = self._model_in_use(name, aliases)
            if refusal is not None:
                data: dict[str, object] = {"aliases": aliases, "refusal": refusal.message}
                self._append(tx, EventName.MODEL_DELETE_REFUSED, f"models/{name}", model_id, data, now_ms)
            else:
                self._end_aliases(tx, model_id, name, now_ms)
                superseding.close_requests(tx, model_id, actor=self._actor.name, now_ms=now_ms)
                catalog.delete_model(tx, model_id, now_ms=now_ms)
                data = {"force": force, "aliases": aliases}
                self._append(tx, EventName.MODEL_DELETED, f"models/{name}", model_id, data, now_ms)
        if refusal is not None:
            raise refusal

    @staticmethod
    def _model_in_use(name: str, aliases: Mapping[str, int]) -> VersionInUse:
        shown = ", ".join(f"@{alias} → {number}" for alias, number in aliases.items())
        return VersionInUse(
            f"{name} is in use: {shown}. Clear the aliases first, or delete it by force",
            model=name,
            aliases=dict(aliases),
        )

    def tag_model(self, name: str, key: str, value: str) -> None:
        """Set a tag of a model: a key of at most 250, a value of at most 100,000 characters."""
        self._actor.require(Permission.WRITE)
        key, value = tag_key(key), bounded(value, f"value of the tag {key!r}", TAG_VALUE_LIMIT)
        now_ms = self._clock()
        with self._database.write() as tx:
            model_id = self._id(tx, name)
            catalog.tag_model(tx, model_id, key, value)
            data = {"key": key, "value": value}
            self._append(tx, EventName.MODEL_TAGGED, f"models/{name}", model_id, data, now_ms)
            marked = gates.mark_model(tx, model_id, now_ms=now_ms)
        automatic.follow(self._database, self._blobs, self._clock, marked)

    def untag_model(self, name: str, key: str) -> bool:
        """Remove a tag of a model; False where it was not there."""
        self._actor.require(Permission.WRITE)
        now_ms = self._clock()
        with self._database.write() as tx:
            model_id = self._id(tx, name)
            removed = catalog.untag_model(tx, model_id, key)
            if removed:
                self._append(tx, EventName.MODEL_UNTAGGED, f"models/{name}", model_id, {"key": key}, now_ms)
            return removed

    def _end_aliases(self, tx: Transaction, model_id: int, name: str, now_ms: int) -> None:
        for alias, number in governance.aliases_of_model(tx, model_id).items():
            move = Move(
                model_id=model_id,
                model=name,
                slot=Slot.ALIAS,
                alias=alias,
                before=number,
                after=None,
                time_ms=now_ms,
                actor=self._actor.name,
                reason="",
                cause=Cause.MODEL_DELETED,
            )
            moves.append(tx, move)

    def _model(self, tx: Transaction, name: str) -> RegisteredModel:
        found = catalog.model(tx, name)
        if found is None:
            raise refusals.no_model(tx, name)
        return found

    def _lock(self, tx: Transaction, name: str, now_ms: int) -> int:
        found = catalog.lock_model(tx, name, now_ms=now_ms)
        if found is None:
            raise refusals.no_model(tx, name)
        return found
