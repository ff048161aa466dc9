"""Promotions that nobody asked for: versions with new evidence are looked at, and moved where a gate says so.

Whoever writes evidence marks the versions in the same transaction, and looks at them right after its commit; a server
looks again at what was left behind. A version that does not pass leaves no trace: its next evidence has it looked at.
"""

import logging
from collections.abc import Callable

from modelshelf.blobs.store import BlobStore
from modelshelf.database import gate_evidence, gates, governance, requests, versions
from modelshelf.database.database import Database, Transaction
from modelshelf.domain.access import Actor, Role
from modelshelf.domain.gates import Gate, Judgement
from modelshelf.domain.governance import Cause, Move
from modelshelf.domain.requests import PromotionRequest, RequestState
from modelshelf.services import gate_clauses, judging, superseding
from modelshelf.services.approvals import given
from modelshelf.services.mover import Intent, Mover

AT_ONCE = 100
_log = logging.getLogger("modelshelf.gates")


def follow(database: Database, blobs: BlobStore, clock: Callable[[], int], marked: int) -> None:
    """Look at what was just marked. Whatever fails here is left to the next look: the evidence itself is stored."""
    if marked <= 0:
        return
    try:
        look(database, blobs, clock)
    except Exception:
        _log.warning("automatic gates could not look at new evidence; it is looked at again later", exc_info=True)


def look(database: Database, blobs: BlobStore, clock: Callable[[], int]) -> bool:
    """Look at versions with new evidence, at most 100; whether there may be more."""
    for _ in range(AT_ONCE):
        with database.read() as tx:
            waiting = gates.next_mark(tx)
        if waiting is None:
            return False
        with database.write() as tx:
            _look_at(tx, blobs, clock, waiting)
    return True


def _look_at(tx: Transaction, blobs: BlobStore, clock: Callable[[], int], waiting: tuple[int, str, int]) -> None:
    model_id, model, number = waiting
    locked = governance.lock_model(tx, model, clock())
    if locked is None or locked[0] != model_id or not gates.take_mark(tx, model_id, number):
        return
    for gate in gates.automatic(tx):
        if gate.guards(model) and _is_news(tx, gate, model_id, number):
            _promote(
                Mover(tx, blobs, Actor(f"policy:{gate.name}", Role.CONTRIBUTOR), clock), gate, model, locked, number
            )


def _is_news(tx: Transaction, gate: Gate, model_id: int, number: int) -> bool:
    """Whether a version is newer than the one that is there, and never was there: who was rolled back stays so."""
    if gate.alias is not None:
        current = governance.alias_target(tx, model_id, gate.alias)
        been = gate_evidence.was_alias(tx, model_id, number, gate.alias)
    else:
        current = versions.newest(tx, model_id, stage=gate.target)
        been = gate_evidence.was_in_stage(tx, model_id, number, gate.target)
    return not been and (current is None or number > current)


def _promote(mover: Mover, gate: Gate, model: str, locked: tuple[int, int], number: int) -> None:
    model_id, now_ms = locked
    asked = _request(mover.tx, gate, model_id, number, now_ms)
    intent = Intent(
        model,
        Cause.PROMOTION,
        f"passed the gate {gate.name}",
        alias=gate.alias,
        stage=gate.stage,
        version=number,
        archive=True,
        approvals=given(mover.tx, asked) if asked else (),
    )
    if not _passes(mover, intent, model_id, now_ms):
        return
    move = mover.move(intent)
    if asked is not None and isinstance(move, Move) and requests.lock_open(mover.tx, asked.id, now_ms=now_ms):
        who = [each.actor for each in asked.approvals]
        superseding.close(
            mover.tx,
            asked,
            RequestState.PROMOTED,
            actor=mover.actor.name,
            now_ms=now_ms,
            move=move.id,
            approvals=who,
        )


def _passes(mover: Mover, intent: Intent, model_id: int, now_ms: int) -> bool:
    """Whether a move would be made; where it would not, nothing is recorded."""
    number = intent.version or 0
    stage = governance.stage_of(mover.tx, model_id, number)
    if stage is None or mover.protected(intent, leaves=stage) is not None:
        return False
    found = judging.judge(
        mover.tx,
        mover.blobs,
        actor=mover.actor,
        model_id=model_id,
        model=intent.model,
        slot=intent.slot,
        name=intent.target,
        version=number,
        before=mover.place(intent, model_id)[1],
        now_ms=now_ms,
        approvals=intent.approvals,
        reason=intent.reason,
    )
    return found is not None and found.passed and not _compared_with_nothing(found)


def _compared_with_nothing(found: Judgement) -> bool:
    """Whether a clause passed only since no version is there yet: that the first one is good, a person has to say."""
    return any(clause.note == gate_clauses.NOTHING_TO_COMPARE for gate in found.gates for clause in gate.clauses)


def _request(tx: Transaction, gate: Gate, model_id: int, number: int, now_ms: int) -> PromotionRequest | None:
    """What somebody asked for already, with the approvals that it has."""
    for request_id in requests.open_of_model(tx, model_id, number=number):
        found = requests.request(tx, request_id)
        if found is not None and (found.slot, found.name) == (gate.slot, gate.target) and not found.overdue(now_ms):
            return found
    return None
