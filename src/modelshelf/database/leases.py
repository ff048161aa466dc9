"""Rows of leases: work that one process at a time does for all."""

from dataclasses import dataclass

from modelshelf.database.database import Transaction


@dataclass(frozen=True, slots=True)
class Lease:
    """Who holds it, and until when nobody else may."""

    holder: str
    until_ms: int


def take(tx: Transaction, name: str, holder: str, *, now_ms: int, until_ms: int) -> bool:
    """Hold a lease until then, if nobody else holds it now; whether it is held."""
    row = tx.one(
        """
        INSERT INTO leases (name, holder, until_ms) VALUES (:name, :holder, :until_ms)
        ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, until_ms = excluded.until_ms
        WHERE leases.holder = excluded.holder OR leases.until_ms <= :now_ms
        RETURNING holder
        """,
        name=name,
        holder=holder,
        now_ms=now_ms,
        until_ms=until_ms,
    )
    return row is not None


def release(tx: Transaction, name: str, holder: str) -> bool:
    """Give a lease back; whether it was held."""
    return tx.execute("DELETE FROM leases WHERE name = :name AND holder = :holder", name=name, holder=holder) > 0


def lease(tx: Transaction, name: str) -> Lease | None:
    """A lease as it was last taken, also one whose time is over."""
    row = tx.one("SELECT holder, until_ms FROM leases WHERE name = :name", name=name)
    return Lease(**row) if row else None
