"""Rows of experiments."""

import json
from collections.abc import Mapping, Sequence

from modelshelf.database import arrays
from modelshelf.database.database import Row, Transaction
from modelshelf.domain.tracking import Experiment, Lifecycle


def _select(tx: Transaction) -> str:
    return f"""
        SELECT e.id, e.name, e.lifecycle, e.created_ms, e.updated_ms, e.location, (
            SELECT {arrays.objects(tx, "t.key", "t.value")} FROM experiment_tags t WHERE t.experiment_id = e.id
        ) AS tags
        FROM experiments e
    """


def _experiment(row: Row) -> Experiment:
    return Experiment(
        id=str(row["id"]),
        name=row["name"],
        lifecycle=Lifecycle(row["lifecycle"]),
        created_ms=row["created_ms"],
        updated_ms=row["updated_ms"],
        tags=json.loads(row["tags"] or "{}"),
        location=row["location"],
    )


def experiment_by_id(tx: Transaction, number: int) -> Experiment | None:
    row = tx.one(f"{_select(tx)} WHERE e.id = :number", number=number)
    return _experiment(row) if row else None


def experiment_by_name(tx: Transaction, name: str) -> Experiment | None:
    """Deleted ones are found too: they keep their names."""
    row = tx.one(f"{_select(tx)} WHERE e.name = :name", name=name)
    return _experiment(row) if row else None


def experiments_by_ids(tx: Transaction, numbers: Sequence[int]) -> list[Experiment]:
    """The experiments with these ids that there are, in the order of the ids, with one query."""
    rows = tx.all(
        f"{_select(tx)} WHERE e.id IN (SELECT value FROM {arrays.numbers(tx, 'ids')})", ids=json.dumps(list(numbers))
    )
    found = {row["id"]: _experiment(row) for row in rows}
    return [found[number] for number in numbers if number in found]


def experiment_names(tx: Transaction, limit: int) -> list[str]:
    """Names of active experiments, those that changed last first."""
    rows = tx.all(
        "SELECT name FROM experiments WHERE lifecycle = 'active' ORDER BY updated_ms DESC, id DESC LIMIT :limit",
        limit=limit,
    )
    return [row["name"] for row in rows]


def insert_experiment(tx: Transaction, name: str, *, location: str, now_ms: int) -> int | None:
    """Add an experiment; its id, or None where the name is taken."""
    row = tx.one(
        """
        INSERT INTO experiments (name, lifecycle, created_ms, updated_ms, location)
        VALUES (:name, 'active', :now_ms, :now_ms, :location)
        ON CONFLICT (name) DO NOTHING
        RETURNING id
        """,
        name=name,
        now_ms=now_ms,
        location=location,
    )
    return row["id"] if row else None


def owner_of_folder(tx: Transaction, parts: Sequence[str]) -> str | None:
    """The run or logged model whose id is one of the parts of a path: the path lies in its own folder."""
    row = tx.one(
        f"""
        SELECT id FROM runs WHERE id IN (SELECT value FROM {arrays.texts(tx, "parts")})
        UNION ALL
        SELECT id FROM logged_models WHERE id IN (SELECT value FROM {arrays.texts(tx, "parts")})
        LIMIT 1
        """,
        parts=json.dumps(list(parts)),
    )
    return row["id"] if row else None


def rename_experiment(tx: Transaction, number: int, name: str, *, now_ms: int) -> bool:
    """Rename; False, and nothing happened, where another experiment has the name."""
    taken = tx.one("SELECT id FROM experiments WHERE name = :name AND id <> :number", name=name, number=number)
    if taken is not None:
        return False
    tx.execute(
        "UPDATE experiments SET name = :name, updated_ms = :now_ms WHERE id = :number",
        number=number,
        name=name,
        now_ms=now_ms,
    )
    return True


def set_experiment_lifecycle(tx: Transaction, number: int, lifecycle: Lifecycle, *, now_ms: int) -> int:
    """Delete or restore an experiment and all its runs; how many runs it has."""
    tx.execute(
        "UPDATE experiments SET lifecycle = :lifecycle, updated_ms = :now_ms WHERE id = :number",
        number=number,
        lifecycle=lifecycle.value,
        now_ms=now_ms,
    )
    return tx.execute(
        "UPDATE runs SET lifecycle = :lifecycle, deleted_ms = :deleted_ms WHERE experiment_id = :number",
        number=number,
        lifecycle=lifecycle.value,
        deleted_ms=now_ms if lifecycle is Lifecycle.DELETED else None,
    )


def set_experiment_tags(tx: Transaction, number: int, tags: Mapping[str, str]) -> None:
    tx.many(
        """
        INSERT INTO experiment_tags (experiment_id, key, value) VALUES (:number, :key, :value)
        ON CONFLICT (experiment_id, key) DO UPDATE SET value = excluded.value
        """,
        [{"number": number, "key": key, "value": value} for key, value in sorted(tags.items())],
    )


def delete_experiment_tag(tx: Transaction, number: int, key: str) -> bool:
    """Whether there was one."""
    return bool(
        tx.execute("DELETE FROM experiment_tags WHERE experiment_id = :number AND key = :key", number=number, key=key)
    )
