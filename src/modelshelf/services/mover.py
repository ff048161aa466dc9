"""Making a move inside a transaction: protected, judged, appended to the ledger, and kept with its evidence."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from modelshelf.blobs.store import BlobStore
from modelshelf.database import events, governance, versions
from modelshelf.database.database import Transaction
from modelshelf.domain.access import Actor
from modelshelf.domain.errors import AliasMoved, GateFailed, ShelfError
from modelshelf.domain.events import Event, EventName
from modelshelf.domain.gates import Approval, Judgement, refusal_of
from modelshelf.domain.governance import Cause, Move, Slot
from modelshelf.domain.names import REASON_LIMIT, Stage, alias_name, bounded, stage_name, version_number
from modelshelf.services import judging, moves, protection, refusals, sealing
from modelshelf.services.judging import Better

ANYTHING: Final = -1
"""As `if_current`: whatever the alias points at now. (None asks that it points nowhere.)"""

_IN_USE = frozenset({Stage.STAGING, Stage.PRODUCTION})


@dataclass(frozen=True, slots=True)
class Intent:
    """What somebody wants to move; exactly one of `alias` and `stage` is set."""

    model: str
    cause: Cause
    reason: str
    alias: str | None = None
    version: int | None = None
    stage: Stage | None = None
    if_current: int | None = ANYTHING
    if_last_move: int | None = None
    archive: bool = False
    approvals: tuple[Approval, ...] = ()
    better: Better | None = None

    @property
    def slot(self) -> Slot:
        return Slot.ALIAS if self.alias is not None else Slot.STAGE

    @property
    def target(self) -> str:
        return self.alias if self.alias is not None else self.stage.value if self.stage else ""


@dataclass(frozen=True, slots=True)
class Mover:
    """Moves in one transaction, for one actor. A refusal is recorded and answered, so that it can be committed."""

    tx: Transaction
    blobs: BlobStore
    actor: Actor
    clock: Callable[[], int]

    def move(self, intent: Intent) -> Move | ShelfError:
        """Move an alias or a stage to a version, unless something speaks against it. Raises NotFound for the model."""
        model_id, now_ms = self.lock(intent.model)
        before, there = self.place(intent, model_id)
        refusal = self._refusal(intent, model_id, before, there)
        judgement = None
        if refusal is None:
            self._seal(intent, model_id, now_ms)
            judgement = self._judgement(intent, model_id, there, now_ms)
            if judgement is not None and not judgement.passed:
                refusal = refusal_of(judgement)
        if refusal is not None:
            return self.refuse(intent, model_id, now_ms, refusal, judgement)
        move = self.append(intent, model_id, before, now_ms)
        if judgement is not None:
            judging.keep(
                self.tx,
                judgement,
                model_id=model_id,
                actor=self.actor,
                cause=intent.cause,
                reason=intent.reason,
                move=move,
            )
        return move

    def lock(self, model: str) -> tuple[int, int]:
        """A model's id and the time of its next move, its row locked until the commit."""
        locked = governance.lock_model(self.tx, model, self.clock())
        if locked is None:
            raise refusals.no_model(self.tx, model)
        return locked

    def moved_since(self, intent: Intent) -> AliasMoved | None:
        """The refusal, where an alias did not come where it is by the move that the caller knows."""
        if intent.if_last_move is None:
            return None
        found = governance.alias_position(self.tx, intent.model, str(intent.alias))
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

    def protected(self, intent: Intent, *, leaves: str | None = None) -> ShelfError | None:
        """The refusal, where others only may move the alias, or the stage that is entered or left."""
        if intent.alias is not None:
            return protection.refusal(self.tx, self.actor, intent.model, alias=intent.alias)
        entered = protection.refusal(self.tx, self.actor, intent.model, stage=intent.target)
        if entered is not None or leaves in {None, intent.target}:
            return entered
        return protection.refusal(self.tx, self.actor, intent.model, stage=leaves)

    def append(self, intent: Intent, model_id: int, before: int | str | None, now_ms: int) -> Move:
        """Make the move; what else was in a stage is archived, if asked."""
        others = self._others(intent, model_id)
        move = moves.append(self.tx, self._move(intent, model_id, before, now_ms))
        for other in others:
            archived = replace(intent, cause=Cause.ARCHIVED, version=other, stage=Stage.ARCHIVED)
            moves.append(self.tx, self._move(archived, model_id, intent.target, now_ms))
        return move

    def refuse(
        self, intent: Intent, model_id: int, now_ms: int, refusal: ShelfError, judgement: Judgement | None = None
    ) -> ShelfError:
        """A refused attempt is a fact: it is committed before it is raised."""
        data = {
            intent.slot.value: intent.target,
            "version": intent.version,
            "reason": intent.reason,
            "cause": intent.cause.value,
            "refusal": refusal.message,
            "code": refusal.code,
            "gates": refusal.details.get("gates") if isinstance(refusal, GateFailed) else None,
        }
        given = {key: value for key, value in data.items() if value is not None}
        subject = f"models/{intent.model}"
        event = Event(EventName.MOVE_REFUSED, self.actor.name, now_ms, subject, given, model_id=model_id)
        events.append(self.tx, event)
        if judgement is not None:
            judging.keep(
                self.tx,
                judgement,
                model_id=model_id,
                actor=self.actor,
                cause=intent.cause,
                reason=intent.reason,
                move=None,
            )
        return refusal

    def place(self, intent: Intent, model_id: int) -> tuple[int | str | None, int | None]:
        """What the move leaves behind, and the version that it would follow."""
        if intent.alias is not None:
            before = governance.alias_target(self.tx, model_id, intent.alias)
            return before, before
        assert intent.version is not None
        there = versions.newest(self.tx, model_id, stage=intent.target)
        return governance.stage_of(self.tx, model_id, intent.version), there

    def _refusal(self, intent: Intent, model_id: int, before: int | str | None, there: int | None) -> ShelfError | None:
        assert intent.version is not None
        if moved := self.moved_since(intent):
            return moved
        if intent.if_current not in (ANYTHING, there):
            return self._moved_first(intent, there)
        stage = before if intent.alias is None else governance.stage_of(self.tx, model_id, intent.version)
        if stage is None:
            return refusals.no_version(self.tx, intent.model, model_id, intent.version)
        refused = self.protected(intent, leaves=str(stage))
        if refused is None and self._others(intent, model_id):  # which would enter another stage
            return protection.refusal(self.tx, self.actor, intent.model, stage=Stage.ARCHIVED.value)
        return refused

    @staticmethod
    def _moved_first(intent: Intent, there: int | None) -> AliasMoved:
        where = f"version {there}" if there is not None else "nothing"
        what = f"{intent.model}@{intent.alias} points at {where}, not at {intent.if_current}"
        if intent.stage is not None:
            what = f"version {there} of {intent.model} is in {intent.target}, not {intent.if_current}"
        return AliasMoved(
            f"{what}; somebody moved it first. Look at the history and decide again",
            model=intent.model,
            current=there,
            **{intent.slot.value: intent.target},
        )

    def _judgement(self, intent: Intent, model_id: int, there: int | None, now_ms: int) -> Judgement | None:
        """What gates say; of a promotion the evidence is kept also where there are none."""
        assert intent.version is not None
        found = judging.judge(
            self.tx,
            self.blobs,
            actor=self.actor,
            model_id=model_id,
            model=intent.model,
            slot=intent.slot,
            name=intent.target,
            version=intent.version,
            before=there,
            now_ms=now_ms,
            approvals=intent.approvals,
            reason=intent.reason,
            better=intent.better,
        )
        if found is not None or intent.cause is not Cause.PROMOTION:
            return found
        return judging.witness(
            self.tx,
            self.blobs,
            actor=self.actor,
            model_id=model_id,
            model=intent.model,
            slot=intent.slot,
            name=intent.target,
            version=intent.version,
            before=there,
            now_ms=now_ms,
            reason=intent.reason,
        )

    def _seal(self, intent: Intent, model_id: int, now_ms: int) -> None:
        """A version registered before its files were there gets its content when it is first moved into use."""
        if intent.stage is not None and intent.stage not in _IN_USE:
            return
        version = versions.version_of_model_id(self.tx, model_id, intent.version or 0)
        if version is not None:
            sealing.seal(self.tx, self.blobs, version, actor=self.actor.name, now_ms=now_ms)

    def _others(self, intent: Intent, model_id: int) -> list[int]:
        if not intent.archive or intent.stage not in _IN_USE:
            return []
        there = governance.versions_in_stage(self.tx, model_id, intent.target)
        return [number for number in there if number != intent.version]

    def _move(self, intent: Intent, model_id: int, before: int | str | None, now_ms: int) -> Move:
        of_alias = intent.alias is not None
        return Move(
            model_id=model_id,
            model=intent.model,
            slot=intent.slot,
            alias=intent.alias,
            version=None if of_alias else intent.version,
            before=before,
            after=intent.version if of_alias else intent.target,
            time_ms=now_ms,
            actor=self.actor.name,
            reason=intent.reason,
            cause=intent.cause,
        )


def move_alias_in(
    tx: Transaction,
    blobs: BlobStore,
    *,
    actor: Actor,
    clock: Callable[[], int],
    model: str,
    alias: str,
    version: int,
    reason: str,
    if_current: int | None = ANYTHING,
    approvals: Sequence[Approval] = (),
) -> Move | ShelfError:
    """Promote to an alias inside a transaction of the caller's; a refusal is recorded and answered, not raised."""
    intent = Intent(
        model,
        Cause.PROMOTION,
        bounded(reason, "reason", REASON_LIMIT),
        alias=alias_name(alias),
        version=version_number(version),
        if_current=if_current,
        approvals=tuple(approvals),
    )
    return Mover(tx, blobs, actor, clock).move(intent)


def move_stage_in(
    tx: Transaction,
    blobs: BlobStore,
    *,
    actor: Actor,
    clock: Callable[[], int],
    model: str,
    stage: str,
    version: int,
    reason: str,
    if_current: int | None = ANYTHING,
    approvals: Sequence[Approval] = (),
) -> Move | ShelfError:
    """Promote to a stage inside a transaction of the caller's; a refusal is recorded and answered, not raised."""
    intent = Intent(
        model,
        Cause.PROMOTION,
        bounded(reason, "reason", REASON_LIMIT),
        stage=stage_name(stage),
        version=version_number(version),
        if_current=if_current,
        archive=True,
        approvals=tuple(approvals),
    )
    return Mover(tx, blobs, actor, clock).move(intent)
