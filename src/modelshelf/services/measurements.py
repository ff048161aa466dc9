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


def measure(database: Database, *, now_ms: int) -> Measurements:
    """Look at a shelf."""
    with database.read() as tx:
        moves = measurements.moves_by_slot(tx)
        waiting = measurements.oldest_waiting_event_ms(tx)
    age = 0 if waiting is None else max(0, now_ms - waiting)
    return Measurements(moves.get("alias", 0), moves.get("stage", 0), age)
