"""Numbers about the whole shelf, for those who watch over it."""

from modelshelf.database.database import Transaction


def moves_by_slot(tx: Transaction) -> dict[str, int]:
    """How many moves of aliases and of stages there have been."""
    rows = tx.all("SELECT slot, COUNT(*) AS moves FROM moves GROUP BY slot")
    return {row["slot"]: row["moves"] for row in rows}


def waiting_deliveries(tx: Transaction) -> tuple[int, int | None]:
    """How many deliveries to webhooks are waiting, and since when the oldest does."""
    row = tx.one("SELECT COUNT(*) AS waiting, MIN(created_ms) AS oldest FROM deliveries WHERE state = 'waiting'")
    return (row["waiting"], row["oldest"]) if row else (0, None)


def dead_deliveries(tx: Transaction) -> int:
    """How many deliveries were given up, of those that are still known."""
    row = tx.one("SELECT COUNT(*) AS dead FROM deliveries WHERE state = 'dead'")
    return row["dead"] if row else 0


def oldest_waiting_event_ms(tx: Transaction) -> int | None:
    """When the oldest event that has no position yet happened."""
    row = tx.one("SELECT time_ms FROM events WHERE position IS NULL ORDER BY id LIMIT 1")
    return row["time_ms"] if row else None
