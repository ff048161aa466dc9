"""Rows that those look at who watch over a shelf. What they cost does not grow with it."""

import json
from collections.abc import Sequence

from modelshelf.database import arrays
from modelshelf.database.database import Transaction
from modelshelf.database.events import event_of
from modelshelf.domain.events import Event
from modelshelf.domain.oversight import LeaseHeld, Stored

_BYTES = {
    "sqlite": "SELECT page_count * page_size AS bytes FROM pragma_page_count(), pragma_page_size()",
    "postgres": "SELECT pg_database_size(current_database()) AS bytes",
}


def events_between(
    tx: Transaction,
    *,
    above: int,
    below: int,
    actor: str,
    names: Sequence[str],
    model_ids: Sequence[int],
    since_ms: int,
    until_ms: int,
    limit: int,
) -> list[Event]:
    """The events between two positions, the newest first: by an actor or a token of theirs, of kinds, about models.

    What is empty is any.
    """
    rows = tx.all(
        f"""
        SELECT position, name, actor, time_ms, subject, model_id, data FROM events
        WHERE position > :above AND position < :below AND time_ms BETWEEN :since_ms AND :until_ms
            AND (:is_anybody = 1 OR actor = :actor OR SUBSTR(actor, 1, :length) = :tokens)
            AND (:is_anything = 1 OR name IN (SELECT value FROM {arrays.texts(tx, "names")}))
            AND (:is_anywhere = 1 OR model_id IN (SELECT value FROM {arrays.numbers(tx, "ids")}))
        ORDER BY position DESC LIMIT :limit
        """,
        above=above,
        below=below,
        since_ms=since_ms,
        until_ms=until_ms,
        is_anybody=0 if actor else 1,
        actor=actor,
        tokens=f"{actor}/",
        length=len(actor) + 1,
        is_anything=0 if names else 1,
        names=json.dumps(list(names)),
        is_anywhere=0 if model_ids else 1,
        ids=json.dumps(list(model_ids)),
        limit=limit,
    )
    return [event_of(row) for row in rows]


def last_position(tx: Transaction) -> int:
    """The highest position; 0 in an empty ledger."""
    row = tx.one("SELECT COALESCE(MAX(position), 0) AS last FROM events")
    return int(row["last"]) if row else 0


def event_at(tx: Transaction, position: int) -> Event | None:
    """The event at a position."""
    row = tx.one(
        "SELECT position, name, actor, time_ms, subject, model_id, data FROM events WHERE position = :position",
        position=position,
    )
    return event_of(row) if row else None


def time_at(tx: Transaction, position: int) -> int | None:
    """When the first event at or behind a position happened."""
    row = tx.one("SELECT time_ms FROM events WHERE position >= :position ORDER BY position LIMIT 1", position=position)
    return int(row["time_ms"]) if row else None


def sealed_manifests(tx: Transaction, *, most: int) -> Stored:
    """Sealed artifacts, up to so many."""
    return _stored(tx, "manifests", most)


def changeable_files(tx: Transaction, *, most: int) -> Stored:
    """Files that are not sealed, up to so many."""
    return _stored(tx, "files", most)


def _stored(tx: Transaction, table: str, most: int) -> Stored:
    row = tx.one(
        f"""
        SELECT COUNT(*) AS count, COALESCE(SUM(size), 0) AS bytes
        FROM (SELECT size FROM {table} LIMIT :most) AS counted
        """,
        most=most,
    )
    return Stored(int(row["count"]), int(row["bytes"]), row["count"] < most) if row else Stored(0, 0)


def schema(tx: Transaction) -> tuple[int, int]:
    """The number of the newest migration, and when it was applied."""
    row = tx.one("SELECT number, applied_ms FROM modelshelf_schema ORDER BY number DESC LIMIT 1")
    return (int(row["number"]), int(row["applied_ms"])) if row else (0, 0)


def database_bytes(tx: Transaction) -> int:
    """How large the database itself is."""
    row = tx.one(_BYTES[tx.dialect])
    return int(row["bytes"]) if row else 0


def leases(tx: Transaction) -> list[LeaseHeld]:
    """All leases, by name, also those whose time is over."""
    return [LeaseHeld(**row) for row in tx.all("SELECT name, holder, until_ms FROM leases ORDER BY name")]
