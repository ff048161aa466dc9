"""Rows of events: appended inside the transaction they tell of, put in order after its commit."""

import json

from modelshelf.database import arrays
from modelshelf.database.database import Row, Transaction
from modelshelf.domain.events import Event

_COLUMNS = "position, name, actor, time_ms, subject, model_id, data"


def append(tx: Transaction, event: Event) -> None:
    """Add one event; it becomes visible, and gets its position, after the commit."""
    tx.execute(
        """
        INSERT INTO events (name, actor, time_ms, subject, model_id, data)
        VALUES (:name, :actor, :time_ms, :subject, :model_id, :data)
        """,
        name=event.name,
        actor=event.actor,
        time_ms=event.time_ms,
        subject=event.subject,
        model_id=event.model_id,
        data=json.dumps(event.data, ensure_ascii=False, sort_keys=True),
    )


def waiting(tx: Transaction) -> bool:
    """Whether a committed event has no position yet."""
    return tx.one("SELECT 1 AS found FROM events WHERE position IS NULL LIMIT 1") is not None


def assign_positions(tx: Transaction) -> int:
    """Give each committed event without one the next position; run it in `exclusive("positions")`. How many it were."""
    return tx.execute(
        """
        UPDATE events SET position = waiting.place + (SELECT COALESCE(MAX(position), 0) FROM events)
        FROM (
            SELECT id AS event_id, ROW_NUMBER() OVER (ORDER BY id) AS place FROM events WHERE position IS NULL
        ) AS waiting
        WHERE events.id = waiting.event_id
        """
    )


def after(tx: Transaction, position: int, limit: int) -> list[Event]:
    """The next events behind a position, in order."""
    rows = tx.all(
        f"SELECT {_COLUMNS} FROM events WHERE position > :position ORDER BY position LIMIT :limit",
        position=position,
        limit=limit,
    )
    return [event_of(row) for row in rows]


def of_model(tx: Transaction, model_ids: list[int], before: int, limit: int) -> list[Event]:
    """The latest events of a model, by any of the ids its name has had, the newest first, below a position."""
    rows = tx.all(
        f"""
        SELECT {_COLUMNS} FROM events
        WHERE model_id IN (SELECT value FROM {arrays.numbers(tx, "ids")}) AND position < :before
        ORDER BY position DESC LIMIT :limit
        """,
        ids=json.dumps(model_ids),
        before=before,
        limit=limit,
    )
    return [event_of(row) for row in rows]


def latest(tx: Transaction, before: int, limit: int) -> list[Event]:
    """The latest events of the whole shelf, the newest first, below a position."""
    rows = tx.all(
        f"SELECT {_COLUMNS} FROM events WHERE position < :before ORDER BY position DESC LIMIT :limit",
        before=before,
        limit=limit,
    )
    return [event_of(row) for row in rows]


def event_of(row: Row) -> Event:
    return Event(
        name=row["name"],
        actor=row["actor"],
        time_ms=row["time_ms"],
        subject=row["subject"],
        data=json.loads(row["data"]),
        model_id=row["model_id"],
        position=row["position"],
    )
