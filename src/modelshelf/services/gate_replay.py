"""Replay: what a gate would have made of past moves and refusals, from the evidence of their time."""

import time
from typing import Any, Final

from modelshelf.blobs.store import BlobStore
from modelshelf.database import decisions, governance
from modelshelf.database.database import Transaction
from modelshelf.domain.gates import Decision, Gate, Replay, ReplayedMove
from modelshelf.domain.governance import Move, Slot
from modelshelf.services import evidence, gate_clauses
from modelshelf.services.evidence import Subject

MOVES_LIMIT: Final = 1_000
SECONDS: Final = 10.0


def replay(tx: Transaction, blobs: BlobStore, gate: Gate, *, since_ms: int) -> Replay:
    """Put a gate before the moves into its alias or stage since an instant, the newest first."""
    ends = time.monotonic() + SECONDS
    made = decisions.moves_into(tx, gate.slot, gate.target, since_ms=since_ms, limit=MOVES_LIMIT + 1)
    refused = decisions.refused(tx, gate.slot, gate.target, since_ms=since_ms, limit=MOVES_LIMIT + 1)
    whole = len(made) <= MOVES_LIMIT and len(refused) <= MOVES_LIMIT
    found: list[ReplayedMove | None] = []
    wanted: list[Move | Decision] = [*made[:MOVES_LIMIT], *refused[:MOVES_LIMIT]]
    for each in wanted:
        if time.monotonic() > ends:
            whole = False
            break
        if gate.guards(each.model):
            found.append(_of_move(tx, blobs, gate, each) if isinstance(each, Move) else _of_refusal(gate, each))
    known = [each for each in found if each is not None]
    return Replay(
        gate=gate.name,
        since_ms=since_ms,
        stopped=tuple(each for each in known if each.moved and not each.passes),
        admitted=tuple(each for each in known if not each.moved and each.passes),
        moves=sum(each.moved for each in known),
        refusals=sum(not each.moved for each in known),
        rebuilt=sum(each.rebuilt for each in known),
        unknown=len(found) - len(known),
        whole=whole,
    )


def _of_move(tx: Transaction, blobs: BlobStore, gate: Gate, move: Move) -> ReplayedMove | None:
    kept = decisions.of_move(tx, move.id)
    number = int(move.after or 0) if move.slot is Slot.ALIAS else int(move.version or 0)
    seen = kept.evidence if kept else evidence.rebuild(tx, blobs, _subject(tx, move, number), at_ms=move.time_ms)
    if not seen:
        return None
    clauses = gate_clauses.run(gate.clauses, seen)
    return ReplayedMove(
        model=move.model,
        version=number,
        time_ms=move.time_ms,
        actor=move.actor,
        moved=True,
        passes=all(clause.passed for clause in clauses),
        rebuilt=kept is None,
        clauses=clauses,
        move=move.id,
        decision=kept.id if kept else None,
    )


def _of_refusal(gate: Gate, decision: Decision) -> ReplayedMove | None:
    seen: dict[str, Any] = decision.evidence
    if not seen:
        return None
    clauses = gate_clauses.run(gate.clauses, seen)
    return ReplayedMove(
        model=decision.model,
        version=decision.version,
        time_ms=decision.time_ms,
        actor=decision.actor,
        moved=False,
        passes=all(clause.passed for clause in clauses),
        rebuilt=False,
        clauses=clauses,
        decision=decision.id,
        refused_by=tuple(result.gate for result in decision.gates if not result.passed),
    )


def _subject(tx: Transaction, move: Move, number: int) -> Subject:
    """Of a stage it is the newest version that was there just before."""
    before = int(move.before) if move.slot is Slot.ALIAS and move.before is not None else None
    if move.slot is Slot.STAGE:
        before = governance.newest_in_stage_at(tx, move.model_id, str(move.after), move.time_ms - 1)
    return Subject(move.model_id, number, before, move.actor, move.reason)
