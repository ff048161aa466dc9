"""Rows of decisions: what gates said of a move that was made or refused, and what they saw."""

import json

from modelshelf.database.database import Row, Transaction
from modelshelf.domain.gates import Decision, Judgement, as_data, from_data
from modelshelf.domain.governance import Cause, Move, Slot

_encode = json.JSONEncoder(ensure_ascii=False).encode
_COLUMNS = """
    id, model_id, model, version, slot, target, before_number, passed, actor, time_ms, cause, reason, move_id, gates,
    evidence
"""


def insert(
    tx: Transaction, judgement: Judgement, *, model_id: int, actor: str, cause: Cause, reason: str, move: int | None
) -> None:
    """Keep a judgement that was acted on."""
    tx.execute(
        """
        INSERT INTO decisions (model_id, model, version, slot, target, before_number, passed, actor, time_ms, cause,
            reason, move_id, gates, evidence)
        VALUES (:model_id, :model, :version, :slot, :target, :before, :passed, :actor, :time_ms, :cause, :reason,
            :move, :gates, :evidence)
        """,
        model_id=model_id,
        model=judgement.model,
        version=judgement.version,
        slot=judgement.slot.value,
        target=judgement.target,
        before=judgement.before,
        passed=int(judgement.passed),
        actor=actor,
        time_ms=judgement.time_ms,
        cause=cause.value,
        reason=reason,
        move=move,
        gates=_encode([as_data(gate) for gate in judgement.gates]),
        evidence=_encode(judgement.evidence),
    )


def decision(tx: Transaction, decision_id: int) -> Decision | None:
    """A decision by its id."""
    row = tx.one(f"SELECT {_COLUMNS} FROM decisions WHERE id = :id", id=decision_id)
    return _decision(row) if row else None


def of_move(tx: Transaction, move: int) -> Decision | None:
    """The decision that a move came from, if it was kept."""
    row = tx.one(f"SELECT {_COLUMNS} FROM decisions WHERE move_id = :move", move=move)
    return _decision(row) if row else None


def of_model(tx: Transaction, model_id: int, *, version: int | None, before_id: int, limit: int) -> list[Decision]:
    """The latest decisions on a model, or on one version of it, the newest first, below an id."""
    rows = tx.all(
        f"""
        SELECT {_COLUMNS} FROM decisions
        WHERE model_id = :model_id AND id < :before_id AND (:any = 1 OR version = :version)
        ORDER BY id DESC LIMIT :limit
        """,
        model_id=model_id,
        before_id=before_id,
        any=int(version is None),
        version=version if version is not None else 0,
        limit=limit,
    )
    return [_decision(row) for row in rows]


def refused(tx: Transaction, slot: Slot, target: str, *, since_ms: int, limit: int) -> list[Decision]:
    """The latest refusals of moves into an alias or a stage, the newest first."""
    rows = tx.all(
        f"""
        SELECT {_COLUMNS} FROM decisions
        WHERE passed = 0 AND slot = :slot AND target = :target AND time_ms >= :since_ms
        ORDER BY id DESC LIMIT :limit
        """,
        slot=slot.value,
        target=target,
        since_ms=since_ms,
        limit=limit,
    )
    return [_decision(row) for row in rows]


def moves_into(tx: Transaction, slot: Slot, target: str, *, since_ms: int, limit: int) -> list[Move]:
    """The latest moves of any model into an alias or a stage that gates would judge, the newest first."""
    rows = tx.all(
        """
        SELECT id, model_id, model, alias, version, before_value, after_value, time_ms, actor, reason, cause
        FROM moves
        WHERE time_ms >= :since_ms AND slot = :slot AND cause IN ('set', 'promotion') AND after_value IS NOT NULL
            AND ((slot = 'alias' AND alias = :target) OR (slot = 'stage' AND after_value = :target))
        ORDER BY id DESC LIMIT :limit
        """,
        since_ms=since_ms,
        slot=slot.value,
        target=target,
        limit=limit,
    )
    return [_move(row, slot) for row in rows]


def _move(row: Row, slot: Slot) -> Move:
    number = slot is Slot.ALIAS
    before, after = row["before_value"], row["after_value"]
    return Move(
        id=row["id"],
        model_id=row["model_id"],
        model=row["model"],
        slot=slot,
        alias=row["alias"],
        version=row["version"],
        before=int(before) if number and before is not None else before,
        after=int(after) if number else after,
        time_ms=row["time_ms"],
        actor=row["actor"],
        reason=row["reason"],
        cause=Cause(row["cause"]),
    )


def _decision(row: Row) -> Decision:
    return Decision(
        id=row["id"],
        model=row["model"],
        version=row["version"],
        slot=Slot(row["slot"]),
        target=row["target"],
        before=row["before_number"],
        passed=bool(row["passed"]),
        actor=row["actor"],
        time_ms=row["time_ms"],
        cause=Cause(row["cause"]),
        reason=row["reason"],
        move=row["move_id"],
        gates=tuple(from_data(each) for each in json.loads(row["gates"])),
        evidence=json.loads(row["evidence"]),
    )
