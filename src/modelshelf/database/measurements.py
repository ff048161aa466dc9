"""Numbers about the whole shelf, for those who watch over it."""

from modelshelf.database.database import Transaction


def moves_by_slot(tx: Transaction) -> dict[str, int]:
    """How many moves of aliases and of stages there have been."""
    rows = tx.all("SELECT slot, COUNT(*) AS moves FROM moves GROUP BY slot")
    return {row["slot"]: row["moves"] for row in rows}


def oldest_waiting_event_ms(tx: Transaction) -> int | None:
    """When the oldest event that has no position yet happened."""
    row = tx.one("SELECT time_ms FROM events WHERE position IS NULL ORDER BY id LIMIT 1")
    return row["time_ms"] if row else None
