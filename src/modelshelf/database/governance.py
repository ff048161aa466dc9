"""Rows of aliases, stages and their moves. Only the one function `append_move` changes where something points."""

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from modelshelf.database import arrays
from modelshelf.database.database import Row, Transaction
from modelshelf.domain.governance import AliasPosition, Cause, Move, Slot

_COLUMNS = "id, model_id, model, slot, alias, version, before_value, after_value, time_ms, actor, reason, cause"


def lock_model(tx: Transaction, name: str, now_ms: int) -> tuple[int, int] | None:
    """Lock a model's row until the commit; its id and the time its next move gets, never before its last move's."""
    row = tx.one(
        """
        UPDATE registered_models
        SET last_move_ms = CASE WHEN last_move_ms > :now_ms THEN last_move_ms ELSE :now_ms END
        WHERE name = :name
        RETURNING id, last_move_ms
        """,
        name=name,
        now_ms=now_ms,
    )
    return (row["id"], row["last_move_ms"]) if row else None


def lock_model_id(tx: Transaction, model_id: int, now_ms: int) -> int | None:
    """The same by the model's id; None where it is no more."""
    row = tx.one(
        """
        UPDATE registered_models
        SET last_move_ms = CASE WHEN last_move_ms > :now_ms THEN last_move_ms ELSE :now_ms END
        WHERE id = :id
        RETURNING last_move_ms
        """,
        id=model_id,
        now_ms=now_ms,
    )
    return row["last_move_ms"] if row else None


def alias_target(tx: Transaction, model_id: int, alias: str) -> int | None:
    """The number that an alias points at now."""
    row = tx.one(
        "SELECT number FROM aliases WHERE model_id = :model_id AND alias = :alias", model_id=model_id, alias=alias
    )
    return row["number"] if row else None


def alias_position(tx: Transaction, model: str, alias: str) -> AliasPosition | None:
    """Where an alias points, with the last of the moves that led there."""
    row = tx.one(
        """
        SELECT m.name AS model, a.alias, a.number AS version, a.moved_ms, a.moved_by,
            (SELECT MAX(id) FROM moves WHERE model_id = a.model_id AND alias = a.alias AND slot = 'alias') AS move
        FROM registered_models m JOIN aliases a ON a.model_id = m.id
        WHERE m.name = :model AND a.alias = :alias
        """,
        model=model,
        alias=alias,
    )
    return AliasPosition(**row) if row else None


def aliases_of_version(tx: Transaction, model_id: int, number: int) -> tuple[str, ...]:
    """The aliases that point at a version, by name."""
    rows = tx.all(
        "SELECT alias FROM aliases WHERE model_id = :model_id AND number = :number ORDER BY alias",
        model_id=model_id,
        number=number,
    )
    return tuple(row["alias"] for row in rows)


def aliases_of_model(tx: Transaction, model_id: int) -> dict[str, int]:
    """Every alias of a model and the number it points at."""
    rows = tx.all("SELECT alias, number FROM aliases WHERE model_id = :model_id ORDER BY alias", model_id=model_id)
    return {row["alias"]: row["number"] for row in rows}


def existing(tx: Transaction, model_id: int, numbers: Sequence[int]) -> set[int]:
    """Those of some numbers that a version has."""
    rows = tx.all(
        f"""
        SELECT number FROM model_versions
        WHERE model_id = :model_id AND number IN (SELECT value FROM {arrays.numbers(tx, "numbers")})
        """,
        model_id=model_id,
        numbers=json.dumps(sorted(set(numbers))),
    )
    return {row["number"] for row in rows}


def versions_in_stage(tx: Transaction, model_id: int, stage: str) -> list[int]:
    """The numbers of the versions in a stage, the lowest first."""
    rows = tx.all(
        "SELECT number FROM model_versions WHERE model_id = :model_id AND stage = :stage ORDER BY number",
        model_id=model_id,
        stage=stage,
    )
    return [row["number"] for row in rows]


def stage_of(tx: Transaction, model_id: int, number: int) -> str | None:
    """The stage of a version, or None where there is no such version."""
    row = tx.one(
        "SELECT stage FROM model_versions WHERE model_id = :model_id AND number = :number",
        model_id=model_id,
        number=number,
    )
    return row["stage"] if row else None


def append_move(tx: Transaction, move: Move) -> Move:
    """Append a move and make it so: the one road on which an alias or a stage changes. Returns it with its id."""
    row = tx.one(
        """
        INSERT INTO moves
            (model_id, model, slot, alias, version, before_value, after_value, time_ms, actor, reason, cause)
        VALUES
            (:model_id, :model, :slot, :alias, :version, :before, :after, :time_ms, :actor, :reason, :cause)
        RETURNING id
        """,
        model_id=move.model_id,
        model=move.model,
        slot=move.slot.value,
        alias=move.alias,
        version=move.version,
        before=_text(move.before),
        after=_text(move.after),
        time_ms=move.time_ms,
        actor=move.actor,
        reason=move.reason,
        cause=move.cause.value,
    )
    assert row is not None
    if move.slot is Slot.ROUTE:
        return replace(move, id=row["id"])  # the rollout's own row has what is true now
    if move.slot is Slot.STAGE:
        if move.after is not None:
            _put_stage(tx, move)
    elif move.after is None:
        tx.execute(
            "DELETE FROM aliases WHERE model_id = :model_id AND alias = :alias",
            model_id=move.model_id,
            alias=move.alias,
        )
    else:
        _put_alias(tx, move)
    return replace(move, id=row["id"])


def _put_alias(tx: Transaction, move: Move) -> None:
    tx.execute(
        """
        INSERT INTO aliases (model_id, alias, number, moved_ms, moved_by)
        VALUES (:model_id, :alias, :number, :time_ms, :actor)
        ON CONFLICT (model_id, alias) DO UPDATE
        SET number = excluded.number, moved_ms = excluded.moved_ms, moved_by = excluded.moved_by
        """,
        model_id=move.model_id,
        alias=move.alias,
        number=move.after,
        time_ms=move.time_ms,
        actor=move.actor,
    )


def _put_stage(tx: Transaction, move: Move) -> None:
    tx.execute(
        """
        UPDATE model_versions SET stage = :stage, updated_ms = :time_ms
        WHERE model_id = :model_id AND number = :number
        """,
        model_id=move.model_id,
        number=move.version,
        stage=move.after,
        time_ms=move.time_ms,
    )


def moves_of_alias(tx: Transaction, model_id: int, alias: str) -> list[Move]:
    """All moves of an alias, the oldest first."""
    rows = tx.all(
        f"""
        SELECT {_COLUMNS} FROM moves WHERE model_id = :model_id AND alias = :alias AND slot = 'alias' ORDER BY id
        """,
        model_id=model_id,
        alias=alias,
    )
    return [move_of(row) for row in rows]


def moves_of_model(tx: Transaction, model_id: int, *, before_id: int, limit: int) -> list[Move]:
    """The latest moves of a model, the newest first, below an id."""
    rows = tx.all(
        f"""
        SELECT {_COLUMNS} FROM moves WHERE model_id = :model_id AND id < :before_id ORDER BY id DESC LIMIT :limit
        """,
        model_id=model_id,
        before_id=before_id,
        limit=limit,
    )
    return [move_of(row) for row in rows]


def alias_target_at(tx: Transaction, model_id: int, alias: str, at_ms: int) -> int | None:
    """The number that an alias pointed at, at an instant: what the last move up to it made of it."""
    row = tx.one(
        """
        SELECT after_value FROM moves
        WHERE model_id = :model_id AND alias = :alias AND slot = 'alias' AND time_ms <= :at_ms
        ORDER BY id DESC LIMIT 1
        """,
        model_id=model_id,
        alias=alias,
        at_ms=at_ms,
    )
    return int(row["after_value"]) if row and row["after_value"] is not None else None


def newest_in_stage_at(tx: Transaction, model_id: int, stage: str, at_ms: int) -> int | None:
    """The highest number that was in a stage at an instant."""
    row = tx.one(
        """
        SELECT MAX(version) AS number FROM moves
        WHERE after_value = :stage AND id IN (
            SELECT MAX(id) FROM moves
            WHERE model_id = :model_id AND slot = 'stage' AND time_ms <= :at_ms
            GROUP BY version
        )
        """,
        model_id=model_id,
        stage=stage,
        at_ms=at_ms,
    )
    return row["number"] if row else None


def _text(value: int | str | None) -> str | None:
    return None if value is None else str(value)


def move_of(row: Row) -> Move:
    slot = Slot(row["slot"])
    before, after = _values(slot, (row["before_value"], row["after_value"]))
    return Move(
        id=row["id"],
        model_id=row["model_id"],
        model=row["model"],
        slot=slot,
        alias=row["alias"],
        version=row["version"],
        before=before,
        after=after,
        time_ms=row["time_ms"],
        actor=row["actor"],
        reason=row["reason"],
        cause=Cause(row["cause"]),
    )


def _values(slot: Slot, texts: Sequence[str | None]) -> list[Any]:
    return [int(text) if text is not None and slot is Slot.ALIAS else text for text in texts]
