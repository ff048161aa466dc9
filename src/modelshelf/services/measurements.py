"""What a shelf tells those who watch over it."""

from dataclasses import dataclass

from modelshelf.database import measurements
from modelshelf.database.database import Database


@dataclass(frozen=True, slots=True)
class Measurements:
    """Counts since the shelf was made, and how long what waits has been waiting."""

    alias_moves: int
    stage_moves: int
    waiting_event_ms: int
    """Age of the oldest event that has no position yet; 0 where none waits."""
    waiting_deliveries: int = 0
    """Events on their way to webhooks, also to paused ones."""
    waiting_delivery_ms: int = 0
    """Age of the oldest of them."""
    dead_deliveries: int = 0
    """Those given up within the last 30 days."""


def measure(database: Database, *, now_ms: int) -> Measurements:
    """Look at a shelf."""
    with database.read() as tx:
        moves = measurements.moves_by_slot(tx)
        waiting = measurements.oldest_waiting_event_ms(tx)
        deliveries, oldest = measurements.waiting_deliveries(tx)
        dead = measurements.dead_deliveries(tx)
    return Measurements(
        alias_moves=moves.get("alias", 0),
        stage_moves=moves.get("stage", 0),
        waiting_event_ms=_age(waiting, now_ms),
        waiting_deliveries=deliveries,
        waiting_delivery_ms=_age(oldest, now_ms),
        dead_deliveries=dead,
    )


def _age(since_ms: int | None, now_ms: int) -> int:
    return 0 if since_ms is None else max(0, now_ms - since_ms)
