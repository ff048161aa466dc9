"""Rows of deliveries, and of the lanes in which they leave."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from modelshelf.database import arrays
from modelshelf.database.database import Row, Transaction
from modelshelf.domain.webhooks import NEVER_MS, Delivery, DeliveryState, message_id

_COLUMNS = """
    id, webhook, event, subject, position, state, tries, created_ms, tried_ms, finished_ms, status, latency_ms, excerpt,
    error
"""


@dataclass(frozen=True, slots=True)
class Lane:
    """Deliveries to one webhook that leave in order, and who takes care of them until the lease ends."""

    webhook: str
    lane: int
    holder: str = ""


@dataclass(frozen=True, slots=True)
class Due:
    """What there may be to do, found with one look."""

    events: bool
    """Whether there are events that were not looked at for every active webhook."""
    lane_ms: int | None
    """When the next lane is due."""


def due(tx: Transaction) -> Due:
    row = tx.one(
        """
        SELECT (SELECT MIN(position) FROM webhooks WHERE state = 'active') AS looked_at,
            (SELECT MAX(position) FROM events) AS newest,
            (SELECT MIN(due_ms) FROM delivery_lanes) AS lane_ms
        """
    )
    assert row is not None
    looked_at, newest, lane_ms = row["looked_at"], row["newest"], row["lane_ms"]
    has_events = looked_at is not None and newest is not None and looked_at < newest
    return Due(has_events, lane_ms if lane_ms is not None and lane_ms < NEVER_MS else None)


def insert(tx: Transaction, deliveries: Sequence[Delivery], lanes: Sequence[int], *, now_ms: int) -> None:
    """Add deliveries, each with its lane, which are due at once unless something in them is waiting already."""
    tx.many(
        """
        INSERT INTO deliveries (
            webhook, lane, position, event, subject, state, tries, created_ms, excerpt, error
        )
        VALUES (:webhook, :lane, :position, :event, :subject, 'waiting', 0, :now_ms, '', '')
        ON CONFLICT (webhook, position) DO NOTHING
        """,
        [
            {
                "webhook": each.webhook,
                "lane": lane,
                "position": each.position,
                "event": each.event,
                "subject": each.subject,
                "now_ms": now_ms,
            }
            for each, lane in zip(deliveries, lanes, strict=True)
        ],
    )
    for webhook, lane in sorted({(each.webhook, lane) for each, lane in zip(deliveries, lanes, strict=True)}):
        open_lane(tx, webhook, lane, now_ms=now_ms)


def open_lane(tx: Transaction, webhook: str, lane: int, *, now_ms: int) -> None:
    """Make a lane that something waits in; the update that changes nothing waits for whoever is closing it."""
    tx.execute(
        """
        INSERT INTO delivery_lanes (webhook, lane, due_ms, holder) VALUES (:webhook, :lane, :now_ms, '')
        ON CONFLICT (webhook, lane) DO UPDATE SET due_ms = delivery_lanes.due_ms
        """,
        webhook=webhook,
        lane=lane,
        now_ms=now_ms,
    )


def hurry(tx: Transaction, webhook: str, lane: int, *, now_ms: int) -> None:
    """Let a lane be due now, unless somebody holds it or its webhook is paused."""
    tx.execute(
        """
        UPDATE delivery_lanes SET due_ms = :now_ms
        WHERE webhook = :webhook AND lane = :lane AND holder = '' AND due_ms < :never_ms
        """,
        webhook=webhook,
        lane=lane,
        now_ms=now_ms,
        never_ms=NEVER_MS,
    )


def due_lanes(tx: Transaction, *, now_ms: int, limit: int, without: Sequence[str] = ()) -> list[Lane]:
    """Lanes that may be taken, those that are due the longest first."""
    rows = tx.all(
        f"""
        SELECT l.webhook, l.lane FROM delivery_lanes l JOIN webhooks w ON w.id = l.webhook
        WHERE l.due_ms <= :now_ms AND w.state = 'active'
            AND l.webhook NOT IN (SELECT value FROM {arrays.texts(tx, "without")})
        ORDER BY l.due_ms, l.webhook, l.lane LIMIT :limit
        """,
        now_ms=now_ms,
        limit=limit,
        without=json.dumps(list(without)),
    )
    return [Lane(row["webhook"], row["lane"]) for row in rows]


def take(tx: Transaction, lane: Lane, *, now_ms: int, until_ms: int) -> bool:
    """Hold a lane until then, if it is still due; whether it is held."""
    taken = tx.execute(
        """
        UPDATE delivery_lanes SET due_ms = :until_ms, holder = :holder
        WHERE webhook = :webhook AND lane = :lane AND due_ms <= :now_ms
        """,
        webhook=lane.webhook,
        lane=lane.lane,
        holder=lane.holder,
        now_ms=now_ms,
        until_ms=until_ms,
    )
    return taken == 1


def keep(tx: Transaction, lane: Lane, *, until_ms: int) -> bool:
    """Hold a lane for longer; False where it is not held any more. Its row is locked until the commit."""
    kept = tx.execute(
        """
        UPDATE delivery_lanes SET due_ms = :until_ms
        WHERE webhook = :webhook AND lane = :lane AND holder = :holder
        """,
        webhook=lane.webhook,
        lane=lane.lane,
        holder=lane.holder,
        until_ms=until_ms,
    )
    return kept == 1


def release(tx: Transaction, lane: Lane, *, due_ms: int) -> None:
    """Give a held lane back, to be taken then."""
    tx.execute(
        """
        UPDATE delivery_lanes SET due_ms = :due_ms, holder = ''
        WHERE webhook = :webhook AND lane = :lane AND holder = :holder
        """,
        webhook=lane.webhook,
        lane=lane.lane,
        holder=lane.holder,
        due_ms=due_ms,
    )


def close_lane(tx: Transaction, lane: Lane) -> None:
    """Take a held lane away, in which nothing waits; it was locked before that was found out."""
    tx.execute(
        "DELETE FROM delivery_lanes WHERE webhook = :webhook AND lane = :lane AND holder = :holder",
        webhook=lane.webhook,
        lane=lane.lane,
        holder=lane.holder,
    )


def next_in(tx: Transaction, lane: Lane, *, limit: int) -> list[Delivery]:
    """What leaves next in a lane."""
    rows = tx.all(
        f"""
        SELECT {_COLUMNS} FROM deliveries
        WHERE webhook = :webhook AND lane = :lane AND state = 'waiting' ORDER BY position LIMIT :limit
        """,
        webhook=lane.webhook,
        lane=lane.lane,
        limit=limit,
    )
    return [_delivery(row) for row in rows]


def delivery(tx: Transaction, delivery_id: int) -> Delivery | None:
    row = tx.one(f"SELECT {_COLUMNS} FROM deliveries WHERE id = :id", id=delivery_id)
    return _delivery(row) if row else None


def lane_of(tx: Transaction, delivery_id: int) -> int:
    row = tx.one("SELECT lane FROM deliveries WHERE id = :id", id=delivery_id)
    return row["lane"] if row else 0


def deliveries(
    tx: Transaction, webhook: str, *, limit: int, state: DeliveryState | None = None, before: int | None = None
) -> list[Delivery]:
    """Those of a webhook, the newest first, below an id."""
    conditions = ["webhook = :webhook"]
    conditions += ["state = :state"] if state is not None else []
    conditions += ["id < :before"] if before is not None else []
    rows = tx.all(
        f"SELECT {_COLUMNS} FROM deliveries WHERE {' AND '.join(conditions)} ORDER BY id DESC LIMIT :limit",
        webhook=webhook,
        state=state.value if state else "",
        before=before or 0,
        limit=limit,
    )
    return [_delivery(row) for row in rows]


def note_try(tx: Transaction, tried: Delivery) -> None:
    """Note how a try went, and what has become of the delivery."""
    tx.execute(
        """
        UPDATE deliveries
        SET state = :state, tries = :tries, tried_ms = :tried_ms, finished_ms = :finished_ms, status = :status,
            latency_ms = :latency_ms, excerpt = :excerpt, error = :error
        WHERE id = :id
        """,
        id=tried.id,
        state=tried.state.value,
        tries=tried.tries,
        tried_ms=tried.tried_ms,
        finished_ms=tried.finished_ms,
        status=tried.status,
        latency_ms=tried.latency_ms,
        excerpt=tried.excerpt,
        error=tried.error,
    )


def prune(tx: Transaction, *, before_ms: int, limit: int) -> int:
    """Forget some deliveries that were done with before that; how many."""
    return tx.execute(
        """
        DELETE FROM deliveries WHERE id IN (
            SELECT id FROM deliveries WHERE finished_ms < :before_ms ORDER BY finished_ms LIMIT :limit
        )
        """,
        before_ms=before_ms,
        limit=limit,
    )


def prunable(tx: Transaction, *, before_ms: int) -> bool:
    return (
        tx.one("SELECT 1 AS found FROM deliveries WHERE finished_ms < :before_ms LIMIT 1", before_ms=before_ms)
        is not None
    )


def _delivery(row: Row) -> Delivery:
    message = message_id(row["webhook"], row["position"])
    return Delivery(**{**row, "state": DeliveryState(row["state"]), "message": message})
