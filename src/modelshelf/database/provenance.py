"""Rows about one version, from the ledgers of moves and of events: they outlive it."""

import json
from collections.abc import Sequence

from modelshelf.database import arrays
from modelshelf.database.database import Transaction
from modelshelf.database.events import event_of
from modelshelf.database.governance import move_of
from modelshelf.domain.events import Event, EventName
from modelshelf.domain.governance import Move

_MOVE = "id, model_id, model, slot, alias, version, before_value, after_value, time_ms, actor, reason, cause"
_EVENT = "position, name, actor, time_ms, subject, model_id, data"
_TOLD = ("version.created", "alias.moved", "alias.cleared", "stage.moved")


def subjects(tx: Transaction, model_id: int, number: int) -> list[str]:
    """What a version is called in events, by each of the names that its model has had."""
    rows = tx.all("SELECT DISTINCT name FROM model_names WHERE model_id = :model_id ORDER BY name", model_id=model_id)
    return [f"models/{row['name']}/{number}" for row in rows]


def registration(tx: Transaction, model_id: int, called: Sequence[str]) -> Event | None:
    """The event of a version's registration."""
    row = tx.one(
        f"""
        SELECT {_EVENT} FROM events
        WHERE subject IN (SELECT value FROM {arrays.texts(tx, "called")}) AND name = :name AND model_id = :model_id
        ORDER BY id LIMIT 1
        """,
        called=json.dumps(called),
        name=EventName.VERSION_CREATED,
        model_id=model_id,
    )
    return event_of(row) if row else None


def moves_of_version(tx: Transaction, model_id: int, number: int, limit: int) -> list[Move]:
    """The moves of a version's stage and weight, and those of aliases to it and from it, the oldest first."""
    rows = tx.all(
        f"""
        SELECT {_MOVE} FROM moves WHERE model_id = :model_id AND version = :number
        UNION
        SELECT {_MOVE} FROM moves WHERE model_id = :model_id AND after_value = :text AND slot = 'alias'
        UNION
        SELECT {_MOVE} FROM moves WHERE model_id = :model_id AND before_value = :text AND slot = 'alias'
        ORDER BY id LIMIT :limit
        """,
        model_id=model_id,
        number=number,
        text=str(number),
        limit=limit,
    )
    return [move_of(row) for row in rows]


def aliases_at(tx: Transaction, model_id: int, number: int, at_ms: int) -> tuple[str, ...]:
    """The aliases that pointed at a version at an instant."""
    rows = tx.all(
        """
        SELECT DISTINCT m.alias FROM moves m
        WHERE m.model_id = :model_id AND m.slot = 'alias' AND m.after_value = :text AND m.time_ms <= :at_ms
            AND NOT EXISTS (
                SELECT 1 FROM moves l
                WHERE l.model_id = m.model_id AND l.alias = m.alias AND l.slot = 'alias' AND l.id > m.id
                    AND l.time_ms <= :at_ms
            )
        ORDER BY m.alias
        """,
        model_id=model_id,
        text=str(number),
        at_ms=at_ms,
    )
    return tuple(row["alias"] for row in rows)


def stage_at(tx: Transaction, model_id: int, number: int, at_ms: int) -> str | None:
    """The stage that a version's last move up to an instant put it in."""
    row = tx.one(
        """
        SELECT after_value FROM moves
        WHERE model_id = :model_id AND version = :number AND slot = 'stage' AND time_ms <= :at_ms
        ORDER BY id DESC LIMIT 1
        """,
        model_id=model_id,
        number=number,
        at_ms=at_ms,
    )
    return row["after_value"] if row else None


def events_about(tx: Transaction, model_id: int, called: Sequence[str], limit: int) -> list[Event]:
    """The events about a version that are neither its registration nor moves, the oldest first."""
    rows = tx.all(
        f"""
        SELECT {_EVENT} FROM events
        WHERE subject IN (SELECT value FROM {arrays.texts(tx, "called")}) AND model_id = :model_id
            AND position IS NOT NULL AND name NOT IN ({", ".join(repr(name) for name in _TOLD)})
        ORDER BY id LIMIT :limit
        """,
        called=json.dumps(called),
        model_id=model_id,
        limit=limit,
    )
    return [event_of(row) for row in rows]


def decisions(tx: Transaction, model_id: int, limit: int) -> list[Event]:
    """What was asked for and refused of a model, the newest first; of which version the data says."""
    rows = tx.all(
        f"""
        SELECT {_EVENT} FROM events
        WHERE model_id = :model_id AND position IS NOT NULL AND name IN (
            'move.refused', 'request.opened', 'request.commented', 'request.approved', 'request.rejected',
            'request.withdrawn', 'request.expired', 'request.superseded', 'request.refused', 'request.fulfilled'
        )
        ORDER BY id DESC LIMIT :limit
        """,
        model_id=model_id,
        limit=limit,
    )
    return [event_of(row) for row in rows]
