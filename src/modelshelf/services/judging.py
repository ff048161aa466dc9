"""Judging: what the gates of an alias or a stage say of a version, inside the transaction that would move it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from modelshelf.blobs.store import BlobStore
from modelshelf.database import decisions, evaluations, gates
from modelshelf.database.database import Transaction
from modelshelf.domain.access import Actor
from modelshelf.domain.evaluations import judge_better
from modelshelf.domain.gates import Approval, Gate, GateResult, Judgement, judge_approvals
from modelshelf.domain.governance import Cause, Move, Slot
from modelshelf.services import evidence, gate_clauses
from modelshelf.services.evidence import Subject

IF_BETTER = "if-better"
"""What stands for a gate's name where the caller itself asked for an improvement."""


@dataclass(frozen=True, slots=True)
class Better:
    """The caller's wish: move only if the newest evaluation says that the candidate is better by a metric."""

    metric: str
    confidence: float | None = None


def judge(
    tx: Transaction,
    blobs: BlobStore,
    *,
    actor: Actor,
    model_id: int,
    model: str,
    slot: Slot,
    name: str,
    version: int,
    before: int | None,
    now_ms: int,
    approvals: Sequence[Approval] = (),
    reason: str = "",
    better: Better | None = None,
) -> Judgement | None:
    """What the gates say; None where no gate guards the alias or stage `name` of the model."""
    guarding = gates.guarding(tx, model, slot, name)
    if not guarding and better is None:
        return None
    seen = witness(
        tx,
        blobs,
        actor=actor,
        model_id=model_id,
        model=model,
        slot=slot,
        name=name,
        version=version,
        before=before,
        now_ms=now_ms,
        reason=reason,
    )
    results = [_result(gate, seen, approvals) for gate in guarding]
    if better is not None:
        results.append(_better(tx, model_id, version, before, better))
    return replace(seen, passed=all(result.passed for result in results), gates=tuple(results))


def witness(
    tx: Transaction,
    blobs: BlobStore,
    *,
    actor: Actor,
    model_id: int,
    model: str,
    slot: Slot,
    name: str,
    version: int,
    before: int | None,
    now_ms: int,
    reason: str = "",
) -> Judgement:
    """The evidence of this moment, judged by nobody."""
    subject = Subject(model_id, version, before, actor.name, reason)
    found = evidence.gather(tx, blobs, subject, now_ms=now_ms)
    return Judgement(model, version, slot, name, before, now_ms, passed=True, evidence=found)


def keep(
    tx: Transaction, judgement: Judgement, *, model_id: int, actor: Actor, cause: Cause, reason: str, move: Move | None
) -> None:
    """Keep a judgement that was acted on, with its evidence."""
    decisions.insert(
        tx, judgement, model_id=model_id, actor=actor.name, cause=cause, reason=reason, move=move.id if move else None
    )


def _result(gate: Gate, seen: Judgement, approvals: Sequence[Approval]) -> GateResult:
    clauses = gate_clauses.run(gate.clauses, seen.evidence)
    if gate.approvals is not None:
        clauses = (*clauses, judge_approvals(gate.approvals, approvals))
    return GateResult(gate.name, clauses)


def _better(tx: Transaction, model_id: int, version: int, before: int | None, wanted: Better) -> GateResult:
    found = evaluations.of_version(tx, model_id, version, limit=1_000) if before is not None else []
    matching = [each for each in found if each.metric == wanted.metric and each.against == before]
    newest = matching[0] if matching else None
    result = judge_better(wanted.metric, newest, current=before, confidence=wanted.confidence)
    return GateResult(IF_BETTER, (result,))
