"""Rows of model versions."""

import json
from collections.abc import Sequence

import msgspec

from modelshelf.database import arrays
from modelshelf.database.database import Row, Transaction
from modelshelf.domain.catalog import ModelVersion
from modelshelf.domain.names import Stage

_tags = msgspec.json.Decoder(dict[str, str]).decode
_aliases = msgspec.json.Decoder(list[str]).decode
_STAGES = {stage.value: stage for stage in Stage}


_selects: dict[str, str] = {}


def _select(tx: Transaction) -> str:
    """All that is told of versions, as each dialect asks for it."""
    found = _selects.get(tx.dialect)
    if found is None:
        found = _selects[tx.dialect] = _select_text(tx)
    return found


def _select_text(tx: Transaction) -> str:
    return f"""
        SELECT v.id, v.model_id, m.name, v.number, v.manifest, v.size, v.source, v.origin, v.run_id, v.run_link,
            v.logged_model, v.description, v.stage, v.approval_status, v.created_ms, v.updated_ms,
            v.created_by,
            (SELECT {arrays.objects(tx, "t.key", "t.value")} FROM version_tags t WHERE t.version_id = v.id) AS tags,
            (
                SELECT {arrays.lists(tx, "a.alias")} FROM aliases a
                WHERE a.model_id = v.model_id AND a.number = v.number
            ) AS aliases
        FROM model_versions v JOIN registered_models m ON m.id = v.model_id
    """


def _version(row: Row) -> ModelVersion:
    tags, aliases = row["tags"], row["aliases"]
    return ModelVersion(
        model_id=row["model_id"],
        name=row["name"],
        number=row["number"],
        manifest=row["manifest"],
        size=row["size"],
        source=row["source"],
        origin=row["origin"],
        run_id=row["run_id"],
        run_link=row["run_link"],
        logged_model=row["logged_model"],
        description=row["description"],
        stage=_STAGES[row["stage"]],
        approval_status=row["approval_status"],
        created_ms=row["created_ms"],
        updated_ms=row["updated_ms"],
        created_by=row["created_by"],
        tags=_tags(tags) if tags and tags != "{}" else {},
        aliases=tuple(sorted(_aliases(aliases))) if aliases and aliases != "[]" else (),
    )


def take_number(tx: Transaction, model: str, *, now_ms: int) -> tuple[int, int] | None:
    """The model's id and its next number, which is never given twice; locks the model's row until the commit."""
    row = tx.one(
        """
        UPDATE registered_models SET last_number = last_number + 1, updated_ms = :now_ms
        WHERE name = :model
        RETURNING id, last_number
        """,
        model=model,
        now_ms=now_ms,
    )
    return (row["id"], row["last_number"]) if row else None


def insert_version(tx: Transaction, version: ModelVersion) -> None:
    """Add a version with its tags."""
    row = tx.one(
        """
        INSERT INTO model_versions (
            model_id, number, manifest, size, source, origin, run_id, run_link, logged_model, description, stage,
            created_ms, updated_ms, created_by
        ) VALUES (
            :model_id, :number, :manifest, :size, :source, :origin, :run_id, :run_link, :logged_model, :description,
            :stage, :created_ms, :updated_ms, :created_by
        )
        RETURNING id
        """,
        model_id=version.model_id,
        number=version.number,
        manifest=version.manifest,
        size=version.size,
        source=version.source,
        origin=version.origin,
        run_id=version.run_id,
        run_link=version.run_link,
        logged_model=version.logged_model,
        description=version.description,
        stage=version.stage.value,
        created_ms=version.created_ms,
        updated_ms=version.updated_ms,
        created_by=version.created_by,
    )
    assert row is not None
    if version.tags:
        tx.many(
            "INSERT INTO version_tags (version_id, key, value) VALUES (:version, :key, :value)",
            [{"version": row["id"], "key": key, "value": value} for key, value in version.tags.items()],
        )


def version(tx: Transaction, model: str, number: int) -> ModelVersion | None:
    """One version of the model that has the name now."""
    row = tx.one(f"{_select(tx)} WHERE m.name = :model AND v.number = :number", model=model, number=number)
    return _version(row) if row else None


def version_of_model_id(tx: Transaction, model_id: int, number: int) -> ModelVersion | None:
    """One version of the model with an id, whatever its name."""
    row = tx.one(f"{_select(tx)} WHERE v.model_id = :model_id AND v.number = :number", model_id=model_id, number=number)
    return _version(row) if row else None


def version_by_alias(tx: Transaction, model: str, alias: str) -> ModelVersion | None:
    """The version that an alias points at now."""
    row = tx.one(
        f"""
        {_select(tx)}
        JOIN aliases wanted ON wanted.model_id = v.model_id AND wanted.number = v.number
        WHERE m.name = :model AND wanted.alias = :alias
        """,
        model=model,
        alias=alias,
    )
    return _version(row) if row else None


def set_approval_status(tx: Transaction, model_id: int, number: int, status: str, *, now_ms: int) -> str | None:
    """Set a version's approval status; the one that it had, None where there is no such version."""
    where = "WHERE model_id = :model_id AND number = :number"
    row = tx.one(f"SELECT approval_status FROM model_versions {where}", model_id=model_id, number=number)
    tx.execute(
        f"UPDATE model_versions SET approval_status = :status, updated_ms = :now_ms {where}",
        model_id=model_id,
        number=number,
        status=status,
        now_ms=now_ms,
    )
    return row["approval_status"] if row else None


def newest(tx: Transaction, model_id: int, *, stage: str | None = None, before_ms: int | None = None) -> int | None:
    """The highest number of a model: of all, of a stage, or of those made up to an instant."""
    in_stage = "" if stage is None else "AND stage = :stage"
    so_early = "" if before_ms is None else "AND created_ms <= :before_ms"
    row = tx.one(
        f"""
        SELECT number FROM model_versions WHERE model_id = :model_id {in_stage} {so_early}
        ORDER BY number DESC LIMIT 1
        """,
        model_id=model_id,
        stage=stage,
        before_ms=before_ms,
    )
    return row["number"] if row else None


def latest_of_models(tx: Transaction, model_ids: Sequence[int]) -> dict[int, tuple[ModelVersion, ...]]:
    """The newest version of each stage of each model, in the stages' order."""
    rows = tx.all(
        f"""
        {_select(tx)}
        JOIN (
            SELECT ids.value AS model_id, s.stage, (
                SELECT MAX(x.number) FROM model_versions x WHERE x.model_id = ids.value AND x.stage = s.stage
            ) AS number
            FROM {arrays.numbers(tx, "ids")} CROSS JOIN (
                SELECT 'None' AS stage UNION ALL SELECT 'Staging'
                UNION ALL SELECT 'Production' UNION ALL SELECT 'Archived'
            ) AS s
        ) AS newest ON newest.model_id = v.model_id AND newest.number = v.number
        """,
        ids=json.dumps(list(model_ids)),
    )
    order = list(Stage)
    found: dict[int, list[ModelVersion]] = {}
    for row in rows:
        found.setdefault(row["model_id"], []).append(_version(row))
    return {
        model: tuple(sorted(latest, key=lambda version: order.index(version.stage))) for model, latest in found.items()
    }


def versions_by_ids(tx: Transaction, ids: Sequence[int]) -> list[ModelVersion]:
    """Versions by their row ids, in the order of the ids."""
    rows = tx.all(
        f"{_select(tx)} WHERE v.id IN (SELECT value FROM {arrays.numbers(tx, 'ids')})",
        ids=json.dumps(list(ids)),
    )
    found = {row["id"]: _version(row) for row in rows}
    return [found[row_id] for row_id in ids if row_id in found]


def describe_version(tx: Transaction, model: str, number: int, description: str, *, now_ms: int) -> bool:
    """Set a version's description; False where there is no such version."""
    return (
        tx.execute(
            """
            UPDATE model_versions SET description = :description, updated_ms = :now_ms
            WHERE number = :number AND model_id = (SELECT id FROM registered_models WHERE name = :model)
            """,
            model=model,
            number=number,
            description=description,
            now_ms=now_ms,
        )
        > 0
    )


def seal_version(tx: Transaction, version: ModelVersion) -> None:
    """Give an unsealed version its content; never replaces any."""
    tx.execute(
        """
        UPDATE model_versions SET manifest = :manifest, size = :size
        WHERE model_id = :model_id AND number = :number AND manifest IS NULL
        """,
        model_id=version.model_id,
        number=version.number,
        manifest=version.manifest,
        size=version.size,
    )


def unsealed_of_logged_model(tx: Transaction, logged_model: str) -> list[ModelVersion]:
    """The versions that wait for the files of a logged model."""
    rows = tx.all(
        f"{_select(tx)} WHERE v.logged_model = :logged_model AND v.manifest IS NULL", logged_model=logged_model
    )
    return [_version(row) for row in rows]


def delete_version(tx: Transaction, model_id: int, number: int) -> bool:
    """Delete one version's row; its number is not given again."""
    return (
        tx.execute(
            "DELETE FROM model_versions WHERE model_id = :model_id AND number = :number",
            model_id=model_id,
            number=number,
        )
        > 0
    )


def tag_version(tx: Transaction, model: str, number: int, key: str, value: str) -> bool:
    """Set one tag; False where there is no such version."""
    return (
        tx.execute(
            """
            INSERT INTO version_tags (version_id, key, value)
            SELECT v.id, :key, :value FROM model_versions v JOIN registered_models m ON m.id = v.model_id
            WHERE m.name = :model AND v.number = :number
            ON CONFLICT (version_id, key) DO UPDATE SET value = excluded.value
            """,
            model=model,
            number=number,
            key=key,
            value=value,
        )
        > 0
    )


def untag_version(tx: Transaction, model_id: int, number: int, key: str) -> bool:
    """Remove one tag; False where it was not there."""
    return (
        tx.execute(
            """
            DELETE FROM version_tags WHERE key = :key AND version_id = (
                SELECT id FROM model_versions WHERE model_id = :model_id AND number = :number
            )
            """,
            model_id=model_id,
            number=number,
            key=key,
        )
        > 0
    )
