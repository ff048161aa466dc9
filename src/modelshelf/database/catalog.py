"""Rows of registered models, and of the names they have had."""

import json
from collections.abc import Sequence
from dataclasses import replace

from modelshelf.database import arrays, versions
from modelshelf.database.database import Row, Transaction
from modelshelf.domain.catalog import RegisteredModel

NEAR_NAMES = 1000
"""How many of the most recently changed names are searched for one that looks like a wrong one."""


def insert_model(tx: Transaction, name: str, *, description: str, actor: str, now_ms: int) -> int | None:
    """Add a model; its id, or None where the name is taken."""
    row = tx.one(
        """
        INSERT INTO registered_models (name, description, created_ms, updated_ms, created_by)
        VALUES (:name, :description, :now_ms, :now_ms, :actor)
        ON CONFLICT (name) DO NOTHING
        RETURNING id
        """,
        name=name,
        description=description,
        now_ms=now_ms,
        actor=actor,
    )
    if row is None:
        return None
    _open_name(tx, row["id"], name, now_ms)
    return int(row["id"])


def _open_name(tx: Transaction, model_id: int, name: str, now_ms: int) -> None:
    tx.execute(
        """
        INSERT INTO model_names (name, model_id, from_ms) VALUES (:name, :model_id, :now_ms)
        ON CONFLICT (name, model_id, from_ms) DO UPDATE SET until_ms = NULL
        """,
        name=name,
        model_id=model_id,
        now_ms=now_ms,
    )


def _close_name(tx: Transaction, model_id: int, now_ms: int) -> None:
    tx.execute(
        "UPDATE model_names SET until_ms = :now_ms WHERE model_id = :model_id AND until_ms IS NULL",
        model_id=model_id,
        now_ms=now_ms,
    )


def model_id(tx: Transaction, name: str) -> int | None:
    """The id of the model that has the name now."""
    row = tx.one("SELECT id FROM registered_models WHERE name = :name", name=name)
    return row["id"] if row else None


def model_id_at(tx: Transaction, name: str, at_ms: int) -> int | None:
    """The id of the model that had the name at an instant."""
    row = tx.one(
        """
        SELECT model_id FROM model_names
        WHERE name = :name AND from_ms <= :at_ms AND (until_ms IS NULL OR until_ms > :at_ms)
        ORDER BY from_ms DESC LIMIT 1
        """,
        name=name,
        at_ms=at_ms,
    )
    return row["model_id"] if row else None


def model_ids_ever(tx: Transaction, name: str) -> list[int]:
    """The ids of all models that have had the name, the latest first."""
    rows = tx.all(
        """
        SELECT model_id FROM model_names WHERE name = :name
        GROUP BY model_id ORDER BY MAX(from_ms) DESC, model_id DESC
        """,
        name=name,
    )
    return [row["model_id"] for row in rows]


def lock_model(tx: Transaction, name: str, *, now_ms: int) -> int | None:
    """Lock a model's row until the commit and note that it changed; its id."""
    row = tx.one(
        "UPDATE registered_models SET updated_ms = :now_ms WHERE name = :name RETURNING id", name=name, now_ms=now_ms
    )
    return row["id"] if row else None


def near_names(tx: Transaction) -> list[str]:
    """Names that a mistyped one may have meant."""
    rows = tx.all("SELECT name FROM registered_models ORDER BY updated_ms DESC LIMIT :limit", limit=NEAR_NAMES)
    return [row["name"] for row in rows]


def models_by_ids(tx: Transaction, ids: Sequence[int]) -> list[RegisteredModel]:
    """Models with tags, aliases and latest versions, in the order of the ids; ids that are not there are left out."""
    if not ids:
        return []
    rows = tx.all(
        f"""
        SELECT m.id, m.name, m.description, m.created_ms, m.updated_ms, m.created_by,
            (SELECT {arrays.objects(tx, "t.key", "t.value")} FROM model_tags t WHERE t.model_id = m.id) AS tags,
            (SELECT {arrays.objects(tx, "a.alias", "a.number")} FROM aliases a WHERE a.model_id = m.id) AS aliases
        FROM registered_models m WHERE m.id IN (SELECT value FROM {arrays.numbers(tx, "ids")})
        """,
        ids=json.dumps(list(ids)),
    )
    latest = versions.latest_of_models(tx, ids)
    found = {row["id"]: _model(row) for row in rows}
    models = [found[model] for model in ids if model in found]
    return [replace(model, latest_versions=latest.get(model.id, ())) for model in models]


def model(tx: Transaction, name: str) -> RegisteredModel | None:
    """One model with all that is said about it."""
    found = model_id(tx, name)
    return next(iter(models_by_ids(tx, [found])), None) if found is not None else None


def rename_model(tx: Transaction, model: int, new_name: str, *, now_ms: int) -> bool:
    """Give a model another name; False where that is taken."""
    if model_id(tx, new_name) is not None:
        return False
    tx.execute(
        "UPDATE registered_models SET name = :new_name, updated_ms = :now_ms WHERE id = :model",
        model=model,
        new_name=new_name,
        now_ms=now_ms,
    )
    _close_name(tx, model, now_ms)
    _open_name(tx, model, new_name, now_ms)
    return True


def describe_model(tx: Transaction, model: int, description: str) -> None:
    """Set a model's description."""
    tx.execute(
        "UPDATE registered_models SET description = :description WHERE id = :model",
        model=model,
        description=description,
    )


def delete_model(tx: Transaction, model: int, *, now_ms: int) -> None:
    """Delete a model with its versions, tags and aliases; what is in the ledger stays."""
    tx.execute("DELETE FROM registered_models WHERE id = :model", model=model)
    _close_name(tx, model, now_ms)


def tag_model(tx: Transaction, model: int, key: str, value: str) -> None:
    """Set one tag."""
    tx.execute(
        """
        INSERT INTO model_tags (model_id, key, value) VALUES (:model, :key, :value)
        ON CONFLICT (model_id, key) DO UPDATE SET value = excluded.value
        """,
        model=model,
        key=key,
        value=value,
    )


def untag_model(tx: Transaction, model: int, key: str) -> bool:
    """Remove one tag; False where it was not there."""
    return tx.execute("DELETE FROM model_tags WHERE model_id = :model AND key = :key", model=model, key=key) > 0


def _model(row: Row) -> RegisteredModel:
    aliases = json.loads(row["aliases"] or "{}")
    return RegisteredModel(
        id=row["id"],
        name=row["name"],
        created_ms=row["created_ms"],
        updated_ms=row["updated_ms"],
        created_by=row["created_by"],
        description=row["description"],
        tags=json.loads(row["tags"] or "{}"),
        aliases=dict(sorted(aliases.items())),
    )
