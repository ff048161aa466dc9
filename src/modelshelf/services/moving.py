"""Moves of aliases and stages: each one judged, appended to the ledger with its actor and reason, and then true."""

import sys
from dataclasses import dataclass
from typing import Final

from modelshelf.database import catalog, events, governance, versions
from modelshelf.database.database import Transaction
from modelshelf.domain.access import Permission
from modelshelf.domain.errors import AliasMoved, Conflict, Invalid, ShelfError
from modelshelf.domain.events import Event, EventName
from modelshelf.domain.governance import AliasPosition, Cause, Move, Slot, rollback_target
from modelshelf.domain.names import REASON_LIMIT, Stage, alias_name, bounded, stage_name, version_number
from modelshelf.services import moves, refusals, sealing
from modelshelf.services.governance_part import GovernancePart

ANYTHING: Final = -1
"""As `if_current`: whatever the alias points at now. (None asks that it points nowhere.)"""


@dataclass(frozen=True, slots=True)
class _Intent:
    """What somebody wants to move."""

    model: str
    cause: Cause
    reason: str
    alias: str | None = None
    version: int | None = None
    stage: Stage | None = None
    if_last_move: int | None = None


class Moving(GovernancePart):
    """The one road on which aliases and stages move."""

    def alias_position(self, model: str, alias: str) -> AliasPosition:
        """Where an alias points, and by which move it came there. Raises NotFound."""
        self._actor.require(Permission.READ)
        alias = alias_name(alias)
        with self._database.read() as tx:
            found = governance.alias_position(tx, model, alias)
            if found is None:
                model_id = catalog.model_id(tx, model)
                raise (
                    refusals.no_model(tx, model) if model_id is None else refusals.no_alias(tx, model, model_id, alias)
                )
            return found

    def set_alias(
        self,
        model: str,
        alias: str,
        version: int,
        *,
        reason: str = "",
        if_current: int | None = ANYTHING,
        if_last_move: int | None = None,
    ) -> Move:
        """Point an alias at a version. `if_current` refuses (AliasMoved) unless that is what it points at now.

        `if_last_move` refuses likewise unless it came there by that move and no other since.
        Raises Invalid for a bad alias, NotFound for an unknown model or version. A refusal is in the ledger too.
        """
        return self._move_alias(
            model, alias, version, reason=reason, if_current=if_current, if_last_move=if_last_move, cause=Cause.SET
        )

    def promote(
        self,
        model: str,
        version: int,
        *,
        alias: str | None = None,
        stage: str | None = None,
        reason: str = "",
        if_current: int | None = ANYTHING,
    ) -> Move:
        """Move an alias, or else a stage, to a version; the version that held the stage is archived.

        Name exactly one of `alias` and `stage`. `if_current` refuses (AliasMoved) unless that version is there now.
        """
        if (alias is None) == (stage is None):
            raise Invalid("name either an alias or a stage to promote to, and not both")
        if alias is not None:
            return self._move_alias(model, alias, version, reason=reason, if_current=if_current, cause=Cause.PROMOTION)
        return self._move_stage(
            model, version, str(stage), archive=True, reason=reason, if_current=if_current, cause=Cause.PROMOTION
        )

    def set_stage(
        self, model: str, version: int, stage: str, *, archive_existing: bool = False, reason: str = ""
    ) -> Move:
        """Move a version to None, Staging, Production or Archived; those in the same stage are archived, if asked."""
        return self._move_stage(
            model, version, stage, archive=archive_existing, reason=reason, if_current=ANYTHING, cause=Cause.SET
        )

    def clear_alias(self, model: str, alias: str, *, reason: str = "", if_last_move: int | None = None) -> Move | None:
        """Take an alias away; None where it was not there. Raises NotFound for an unknown model.

        `if_last_move` refuses (AliasMoved) unless it came where it is by that move and no other since.
        """
        self._actor.require(Permission.MOVE)
        reason, alias = bounded(reason, "reason", REASON_LIMIT), alias_name(alias)
        intent = _Intent(model, Cause.SET, reason, alias=alias, if_last_move=if_last_move)
        with self._database.write() as tx:
            model_id, now_ms = self._locked(tx, model)
            before, refusal = governance.alias_target(tx, model_id, alias), self._moved_since(tx, intent)
            if refusal is None:
                return None if before is None else self._append_alias(tx, intent, model_id, before, None, now_ms)
            self._record_refusal(tx, intent, model_id, now_ms, refusal)
        raise refusal

    def rollback(self, model: str, alias: str, *, reason: str = "") -> Move:
        """Move an alias back to whatever it pointed at before. Raises Conflict where there is nothing to go back to."""
        self._actor.require(Permission.MOVE)
        intent = _Intent(model, Cause.ROLLBACK, bounded(reason, "reason", REASON_LIMIT), alias=alias_name(alias))
        refusal: ShelfError
        with self._database.write() as tx:
            model_id, now_ms = self._locked(tx, model)
            past = governance.moves_of_alias(tx, model_id, alias)
            if not past:
                raise refusals.no_alias(tx, model, model_id, alias)
            try:
                there = governance.existing(tx, model_id, [move.after for move in past if isinstance(move.after, int)])
                gone = {move.after for move in past if isinstance(move.after, int)} - there
                target = rollback_target(past, gone=gone)
                before = governance.alias_target(tx, model_id, alias)
                return self._append_alias(tx, intent, model_id, before, target, now_ms)
            except Conflict as error:
                refusal = Conflict(f"cannot roll back {model}@{alias}: {error.message}", model=model, alias=alias)
            self._record_refusal(tx, intent, model_id, now_ms, refusal)
        raise refusal

    def history(self, model: str, *, alias: str | None = None, limit: int = 1000) -> list[Move]:
        """The moves of a model's aliases and stages, the newest first; also of a deleted or a renamed model.

        Raises NotFound where no model ever had the name.
        """
        self._actor.require(Permission.READ)
        with self._database.read() as tx:
            ids = catalog.model_ids_ever(tx, model)
            if not ids:
                raise refusals.no_model(tx, model)
            current = catalog.model_id(tx, model)
            wanted = current if current is not None else ids[0]
            if alias is not None:
                return governance.moves_of_alias(tx, wanted, alias_name(alias))[::-1][:limit]
            return governance.moves_of_model(tx, wanted, before_id=sys.maxsize, limit=limit)

    def _move_alias(
        self,
        model: str,
        alias: str,
        version: int,
        *,
        reason: str,
        if_current: int | None,
        cause: Cause,
        if_last_move: int | None = None,
    ) -> Move:
        self._actor.require(Permission.MOVE)
        number, reason = version_number(version), bounded(reason, "reason", REASON_LIMIT)
        intent = _Intent(model, cause, reason, alias=alias_name(alias), version=number, if_last_move=if_last_move)
        with self._database.write() as tx:
            model_id, now_ms = self._locked(tx, model)
            before = governance.alias_target(tx, model_id, alias)
            refusal = self._alias_refusal(tx, intent, model_id, before, if_current)
            if refusal is None:
                self._seal(tx, model_id, number, now_ms)
                return self._append_alias(tx, intent, model_id, before, number, now_ms)
            self._record_refusal(tx, intent, model_id, now_ms, refusal)
        raise refusal

    def _alias_refusal(
        self, tx: Transaction, intent: _Intent, model_id: int, before: int | None, if_current: int | None
    ) -> ShelfError | None:
        assert intent.version is not None
        if refusal := self._moved_since(tx, intent):
            return refusal
        if if_current not in (ANYTHING, before):
            where = f"version {before}" if before is not None else "nothing"
            return AliasMoved(
                f"{intent.model}@{intent.alias} points at {where}, not at {if_current}; somebody moved it first. "
                "Look at the history and decide again",
                model=intent.model,
                alias=intent.alias,
                current=before,
            )
        if governance.stage_of(tx, model_id, intent.version) is None:
            return refusals.no_version(tx, intent.model, model_id, intent.version)
        return None

    @staticmethod
    def _moved_since(tx: Transaction, intent: _Intent) -> AliasMoved | None:
        if intent.if_last_move is None:
            return None
        found = governance.alias_position(tx, intent.model, str(intent.alias))
        if found is not None and found.move == intent.if_last_move:
            return None
        where = f"points at version {found.version} since move {found.move}" if found else "points nowhere"
        return AliasMoved(
            f"{intent.model}@{intent.alias} {where}; somebody moved it after move {intent.if_last_move}. "
            "Look at the history and decide again",
            model=intent.model,
            alias=intent.alias,
            current=found.version if found else None,
        )

    def _move_stage(
        self, model: str, version: int, stage: str, *, archive: bool, reason: str, if_current: int | None, cause: Cause
    ) -> Move:
        self._actor.require(Permission.MOVE)
        number, target = version_number(version), stage_name(stage)
        intent = _Intent(model, cause, bounded(reason, "reason", REASON_LIMIT), version=number, stage=target)
        with self._database.write() as tx:
            model_id, now_ms = self._locked(tx, model)
            before = governance.stage_of(tx, model_id, number)
            there = governance.versions_in_stage(tx, model_id, target.value)
            refusal = self._stage_refusal(tx, intent, model_id, before, there, if_current)
            if refusal is None:
                assert before is not None
                if target in {Stage.STAGING, Stage.PRODUCTION}:
                    self._seal(tx, model_id, number, now_ms)
                move = self._append_stage(tx, intent, model_id, before, now_ms)
                if archive and target in {Stage.STAGING, Stage.PRODUCTION}:
                    for other in there:
                        if other != number:
                            self._archive(tx, intent, model_id, other, now_ms)
                return move
            self._record_refusal(tx, intent, model_id, now_ms, refusal)
        raise refusal

    def _stage_refusal(
        self,
        tx: Transaction,
        intent: _Intent,
        model_id: int,
        before: str | None,
        there: list[int],
        if_current: int | None,
    ) -> ShelfError | None:
        assert intent.version is not None
        assert intent.stage is not None
        current = max(there, default=None)
        if if_current not in (ANYTHING, current):
            return AliasMoved(
                f"version {current} of {intent.model} is in {intent.stage.value}, not {if_current}; "
                "somebody moved it first. Look at the history and decide again",
                model=intent.model,
                stage=intent.stage.value,
                current=current,
            )
        return refusals.no_version(tx, intent.model, model_id, intent.version) if before is None else None

    def _seal(self, tx: Transaction, model_id: int, number: int, now_ms: int) -> None:
        """A version registered before its files were there gets its content when it is first moved into use."""
        version = versions.version_of_model_id(tx, model_id, number)
        if version is not None:
            sealing.seal(tx, self._blobs, version, actor=self._actor.name, now_ms=now_ms)

    def _archive(self, tx: Transaction, intent: _Intent, model_id: int, number: int, now_ms: int) -> Move:
        assert intent.stage is not None
        archived = _Intent(intent.model, Cause.ARCHIVED, intent.reason, version=number, stage=Stage.ARCHIVED)
        return self._append_stage(tx, archived, model_id, intent.stage.value, now_ms)

    def _append_alias(
        self, tx: Transaction, intent: _Intent, model_id: int, before: int | None, after: int | None, now_ms: int
    ) -> Move:
        return moves.append(
            tx,
            Move(
                model_id=model_id,
                model=intent.model,
                slot=Slot.ALIAS,
                alias=intent.alias,
                before=before,
                after=after,
                time_ms=now_ms,
                actor=self._actor.name,
                reason=intent.reason,
                cause=intent.cause,
            ),
        )

    def _append_stage(self, tx: Transaction, intent: _Intent, model_id: int, before: str, now_ms: int) -> Move:
        assert intent.stage is not None
        return moves.append(
            tx,
            Move(
                model_id=model_id,
                model=intent.model,
                slot=Slot.STAGE,
                version=intent.version,
                before=before,
                after=intent.stage.value,
                time_ms=now_ms,
                actor=self._actor.name,
                reason=intent.reason,
                cause=intent.cause,
            ),
        )

    def _record_refusal(
        self, tx: Transaction, intent: _Intent, model_id: int, now_ms: int, refusal: ShelfError
    ) -> None:
        """A refused attempt is a fact: it is committed before it is raised."""
        data = {
            "alias": intent.alias,
            "stage": intent.stage.value if intent.stage else None,
            "version": intent.version,
            "reason": intent.reason,
            "cause": intent.cause.value,
            "refusal": refusal.message,
            "code": refusal.code,
        }
        given = {key: value for key, value in data.items() if value is not None}
        subject = f"models/{intent.model}"
        events.append(tx, Event(EventName.MOVE_REFUSED, self._actor.name, now_ms, subject, given, model_id=model_id))

    def _require_version(self, tx: Transaction, model: str, model_id: int, number: int) -> None:
        if governance.stage_of(tx, model_id, number) is None:
            raise refusals.no_version(tx, model, model_id, number)
