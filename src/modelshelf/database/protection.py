"""Rows of protected names."""

import json
from dataclasses import asdict

from modelshelf.database.database import Row, Transaction
from modelshelf.domain.access import Role
from modelshelf.domain.governance import Slot
from modelshelf.domain.protection import Movers, ProtectedName

_SELECT = "SELECT slot, name, pattern, movers, changed_ms, changed_by FROM protections"


def of_name(tx: Transaction, slot: Slot, name: str) -> list[ProtectedName]:
    """Who may move an alias or a stage, for each pattern of models: one look into the primary key."""
    rows = tx.all(f"{_SELECT} WHERE slot = :slot AND name = :name ORDER BY pattern", slot=slot.value, name=name)
    return [_protected(row) for row in rows]


def one(tx: Transaction, slot: Slot, name: str, pattern: str) -> ProtectedName | None:
    row = tx.one(
        f"{_SELECT} WHERE slot = :slot AND name = :name AND pattern = :pattern",
        slot=slot.value,
        name=name,
        pattern=pattern,
    )
    return _protected(row) if row else None


def all_of_them(tx: Transaction) -> list[ProtectedName]:
    """All protected names, by pattern."""
    return [_protected(row) for row in tx.all(f"{_SELECT} ORDER BY pattern, slot, name")]


def put(tx: Transaction, protected: ProtectedName) -> None:
    """Add a protected name, or change who may move it."""
    tx.execute(
        """
        INSERT INTO protections (slot, name, pattern, movers, changed_ms, changed_by)
        VALUES (:slot, :name, :pattern, :movers, :changed_ms, :changed_by)
        ON CONFLICT (slot, name, pattern) DO UPDATE
        SET movers = excluded.movers, changed_ms = excluded.changed_ms, changed_by = excluded.changed_by
        """,
        slot=protected.slot.value,
        name=protected.name,
        pattern=protected.pattern,
        movers=json.dumps(asdict(protected.movers), ensure_ascii=False),
        changed_ms=protected.changed_ms,
        changed_by=protected.changed_by,
    )


def delete(tx: Transaction, slot: Slot, name: str, pattern: str) -> bool:
    """Whether it was there."""
    return bool(
        tx.execute(
            "DELETE FROM protections WHERE slot = :slot AND name = :name AND pattern = :pattern",
            slot=slot.value,
            name=name,
            pattern=pattern,
        )
    )


def _protected(row: Row) -> ProtectedName:
    listed = json.loads(row["movers"])
    return ProtectedName(
        pattern=row["pattern"],
        slot=Slot(row["slot"]),
        name=row["name"],
        movers=Movers(
            roles=tuple(Role(role) for role in listed["roles"]),
            users=tuple(listed["users"]),
            tokens=tuple(listed["tokens"]),
            policies=tuple(listed["policies"]),
        ),
        changed_ms=row["changed_ms"],
        changed_by=row["changed_by"],
    )
