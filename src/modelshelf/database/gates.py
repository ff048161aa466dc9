"""Rows of gates, and of the versions that automatic ones have yet to look at."""

import json
from dataclasses import asdict
from functools import lru_cache

from modelshelf.database.database import Row, Transaction
from modelshelf.domain.access import Role
from modelshelf.domain.gates import Approvals, Clause, Gate
from modelshelf.domain.governance import Slot
from modelshelf.domain.names import Stage

_COLUMNS = """
    name, pattern, slot, target, clauses, automatic, approvals, approver_role, description, created_ms, created_by,
    updated_ms, updated_by
"""


def put(tx: Transaction, gate: Gate) -> None:
    """Insert a gate, or replace the one of its name; who made it first, and when, stays."""
    tx.execute(
        f"""
        INSERT INTO gates ({_COLUMNS})
        VALUES (:name, :pattern, :slot, :target, :clauses, :automatic, :approvals, :approver_role, :description,
            :created_ms, :created_by, :updated_ms, :updated_by)
        ON CONFLICT (name) DO UPDATE
        SET pattern = excluded.pattern, slot = excluded.slot, target = excluded.target, clauses = excluded.clauses,
            automatic = excluded.automatic, approvals = excluded.approvals, approver_role = excluded.approver_role,
            description = excluded.description, updated_ms = excluded.updated_ms, updated_by = excluded.updated_by
        """,
        name=gate.name,
        pattern=gate.model,
        slot=gate.slot.value,
        target=gate.target,
        clauses=json.dumps([asdict(clause) for clause in gate.clauses], ensure_ascii=False),
        automatic=int(gate.auto),
        approvals=gate.approvals.count if gate.approvals else 0,
        approver_role=gate.approvals.role.value if gate.approvals else "",
        description=gate.description,
        created_ms=gate.created_ms,
        created_by=gate.created_by,
        updated_ms=gate.updated_ms,
        updated_by=gate.updated_by,
    )


def gate(tx: Transaction, name: str) -> Gate | None:
    """A gate by its name."""
    row = tx.one(f"SELECT {_COLUMNS} FROM gates WHERE name = :name", name=name)
    return _gate(row) if row else None


def all_gates(tx: Transaction) -> list[Gate]:
    """Every gate, by name."""
    return [_gate(row) for row in tx.all(f"SELECT {_COLUMNS} FROM gates ORDER BY name")]


def guarding(tx: Transaction, model: str, slot: Slot, target: str) -> list[Gate]:
    """The gates that a version of a model has to pass into an alias or a stage, by name."""
    rows = tx.all(
        f"SELECT {_COLUMNS} FROM gates WHERE slot = :slot AND target = :target ORDER BY name",
        slot=slot.value,
        target=target,
    )
    return [found for found in map(_gate, rows) if found.guards(model)]


def automatic(tx: Transaction) -> list[Gate]:
    """The gates that promote by themselves, by name."""
    return [_gate(row) for row in tx.all(f"SELECT {_COLUMNS} FROM gates WHERE automatic = 1 ORDER BY name")]


def delete(tx: Transaction, name: str) -> bool:
    """Delete a gate; False where there is none of the name."""
    return tx.execute("DELETE FROM gates WHERE name = :name", name=name) > 0


def count(tx: Transaction) -> int:
    """How many gates there are."""
    row = tx.one("SELECT COUNT(*) AS number FROM gates")
    return row["number"] if row else 0


_MARK = "INSERT INTO gate_marks (model_id, number, marks, since_ms)"
_ANY = "EXISTS (SELECT 1 FROM gates WHERE automatic = 1)"
_AGAIN = "ON CONFLICT (model_id, number) DO UPDATE SET marks = gate_marks.marks + 1"
"""An update, which waits for whoever looks at the version just now, and has it looked at again.

Where several versions are marked, all do it in one order, so that nobody waits in a circle.
"""


def mark_version(tx: Transaction, model_id: int, number: int, *, now_ms: int) -> int:
    """Note that a version has new evidence, if an automatic gate may care; how many versions were noted."""
    return tx.execute(
        f"""
        {_MARK}
        SELECT model_id, number, 1, :now_ms FROM model_versions
        WHERE model_id = :model_id AND number = :number AND {_ANY}
        {_AGAIN}
        """,
        model_id=model_id,
        number=number,
        now_ms=now_ms,
    )


def mark_run(tx: Transaction, run_id: str, *, now_ms: int) -> int:
    """The same for the versions that a run made."""
    return tx.execute(
        f"""
        {_MARK}
        SELECT model_id, number, 1, :now_ms FROM model_versions
        WHERE run_id = :run_id AND {_ANY}
        ORDER BY model_id, number
        {_AGAIN}
        """,
        run_id=run_id,
        now_ms=now_ms,
    )


def mark_model(tx: Transaction, model_id: int, *, now_ms: int) -> int:
    """The same for the newest versions of a model."""
    return tx.execute(
        f"""
        {_MARK}
        SELECT model_id, number, 1, :now_ms FROM (
            SELECT model_id, number FROM model_versions
            WHERE model_id = :model_id AND {_ANY} ORDER BY number DESC LIMIT 10
        ) AS newest
        WHERE true
        ORDER BY model_id, number
        {_AGAIN}
        """,
        model_id=model_id,
        now_ms=now_ms,
    )


def next_mark(tx: Transaction) -> tuple[int, str, int] | None:
    """The id and name of a model, and the number of a version of it with new evidence; the one that waits longest."""
    row = tx.one(
        """
        SELECT k.model_id, m.name, k.number FROM gate_marks k JOIN registered_models m ON m.id = k.model_id
        ORDER BY k.since_ms, k.model_id, k.number LIMIT 1
        """
    )
    return (row["model_id"], row["name"], row["number"]) if row else None


def take_mark(tx: Transaction, model_id: int, number: int) -> bool:
    """Take a mark away; False where somebody else did."""
    return (
        tx.execute(
            "DELETE FROM gate_marks WHERE model_id = :model_id AND number = :number", model_id=model_id, number=number
        )
        > 0
    )


@lru_cache(maxsize=1024)
def _clauses(text: str) -> tuple[Clause, ...]:
    """Read once, as a gate is judged far more often than it is changed."""
    return tuple(Clause(**each) for each in json.loads(text))


def _gate(row: Row) -> Gate:
    alias = row["target"] if row["slot"] == Slot.ALIAS.value else None
    return Gate(
        name=row["name"],
        model=row["pattern"],
        alias=alias,
        stage=None if alias is not None else Stage(row["target"]),
        clauses=_clauses(row["clauses"]),
        auto=bool(row["automatic"]),
        approvals=Approvals(row["approvals"], Role(row["approver_role"])) if row["approvals"] else None,
        description=row["description"],
        created_ms=row["created_ms"],
        created_by=row["created_by"],
        updated_ms=row["updated_ms"],
        updated_by=row["updated_by"],
    )
