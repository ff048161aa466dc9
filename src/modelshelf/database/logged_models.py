"""Rows of logged models."""

import json
from collections.abc import Mapping, Sequence

from modelshelf.database import arrays, metrics
from modelshelf.database.database import Row, Transaction
from modelshelf.domain.tracking import Lifecycle, LoggedModel, LoggedModelStatus, MetricPoint, Registration


def _select(tx: Transaction) -> str:
    params, tags = arrays.objects(tx, "p.key", "p.value"), arrays.objects(tx, "t.key", "t.value")
    return f"""
        SELECT m.id, m.experiment_id, m.name, m.model_type, m.run_id, m.status, m.status_message, m.lifecycle,
            m.created_ms, m.updated_ms,
            (SELECT e.location FROM experiments e WHERE e.id = m.experiment_id) AS location,
            (SELECT {params} FROM logged_model_params p WHERE p.model_id = m.id) AS params,
            (SELECT {tags} FROM logged_model_tags t WHERE t.model_id = m.id) AS tags
        FROM logged_models m
    """


def logged_models_by_ids(tx: Transaction, ids: Sequence[str]) -> list[LoggedModel]:
    """The logged models with these ids that there are, whole and in the order of the ids, with three queries."""
    rows = tx.all(
        f"{_select(tx)} WHERE m.id IN (SELECT value FROM {arrays.texts(tx, 'ids')})", ids=json.dumps(list(ids))
    )
    if not rows:
        return []
    points, registrations = metrics.points_by_models(tx, ids), _registrations(tx, ids)
    found = {row["id"]: _logged_model(row, points.get(row["id"], ()), registrations.get(row["id"], ())) for row in rows}
    return [found[model_id] for model_id in ids if model_id in found]


def logged_model_by_id(tx: Transaction, model_id: str) -> LoggedModel | None:
    """Deleted ones are found too."""
    return next(iter(logged_models_by_ids(tx, [model_id])), None)


def _logged_model(row: Row, points: Sequence[MetricPoint], registrations: Sequence[Registration]) -> LoggedModel:
    return LoggedModel(
        id=row["id"],
        experiment_id=str(row["experiment_id"]),
        name=row["name"],
        model_type=row["model_type"],
        run_id=row["run_id"],
        status=LoggedModelStatus(row["status"]),
        status_message=row["status_message"],
        lifecycle=Lifecycle(row["lifecycle"]),
        created_ms=row["created_ms"],
        updated_ms=row["updated_ms"],
        params=json.loads(row["params"] or "{}"),
        tags=json.loads(row["tags"] or "{}"),
        metrics=tuple(points),
        registrations=tuple(registrations),
        location=row["location"],
    )


def _registrations(tx: Transaction, ids: Sequence[str]) -> dict[str, list[Registration]]:
    rows = tx.all(
        f"""
        SELECT v.logged_model, m.name, v.number
        FROM model_versions v JOIN registered_models m ON m.id = v.model_id
        WHERE v.logged_model IN (SELECT value FROM {arrays.texts(tx, "ids")})
        ORDER BY m.name, v.number
        """,
        ids=json.dumps(list(ids)),
    )
    found: dict[str, list[Registration]] = {}
    for row in rows:
        found.setdefault(row["logged_model"], []).append(Registration(row["name"], row["number"]))
    return found


def models_of_run(tx: Transaction, run_id: str, name: str) -> list[str]:
    """The ids of the logged models that a run made by this name, the newest first; not the deleted ones."""
    rows = tx.all(
        """
        SELECT id FROM logged_models
        WHERE run_id = :run_id AND name = :name AND lifecycle = 'active'
        ORDER BY created_ms DESC, id
        """,
        run_id=run_id,
        name=name,
    )
    return [row["id"] for row in rows]


def model_names_of_run(tx: Transaction, run_id: str, limit: int) -> list[str]:
    """The names of the logged models that a run made."""
    rows = tx.all(
        """
        SELECT DISTINCT name FROM logged_models
        WHERE run_id = :run_id AND lifecycle = 'active' ORDER BY name LIMIT :limit
        """,
        run_id=run_id,
        limit=limit,
    )
    return [row["name"] for row in rows]


def insert_logged_model(tx: Transaction, model: LoggedModel) -> None:
    """Add a logged model with its params and tags."""
    tx.execute(
        """
        INSERT INTO logged_models (
            id, experiment_id, name, model_type, run_id, status, status_message, lifecycle,
            created_ms, updated_ms
        ) VALUES (
            :id, :experiment_id, :name, :model_type, :run_id, :status, :status_message, :lifecycle,
            :created_ms, :updated_ms
        )
        """,
        id=model.id,
        experiment_id=int(model.experiment_id),
        name=model.name,
        model_type=model.model_type,
        run_id=model.run_id,
        status=model.status.value,
        status_message=model.status_message,
        lifecycle=model.lifecycle.value,
        created_ms=model.created_ms,
        updated_ms=model.updated_ms,
    )
    add_model_params(tx, model.id, model.params)
    set_model_tags(tx, model.id, model.tags)


def set_model_status(tx: Transaction, model_id: str, status: LoggedModelStatus, message: str, *, now_ms: int) -> bool:
    """Whether there is such a logged model."""
    return bool(
        tx.execute(
            """
            UPDATE logged_models SET status = :status, status_message = :message, updated_ms = :now_ms
            WHERE id = :model_id
            """,
            model_id=model_id,
            status=status.value,
            message=message,
            now_ms=now_ms,
        )
    )


def delete_logged_model(tx: Transaction, model_id: str, *, now_ms: int) -> bool:
    """Mark a logged model deleted; whether it was not yet."""
    return bool(
        tx.execute(
            """
            UPDATE logged_models SET lifecycle = 'deleted', updated_ms = :now_ms
            WHERE id = :model_id AND lifecycle = 'active'
            """,
            model_id=model_id,
            now_ms=now_ms,
        )
    )


def missing_models(tx: Transaction, ids: Sequence[str]) -> list[str]:
    """Which of these are not the ids of logged models."""
    rows = tx.all(
        f"SELECT id FROM logged_models WHERE id IN (SELECT value FROM {arrays.texts(tx, 'ids')})",
        ids=json.dumps(list(ids)),
    )
    return sorted(set(ids) - {row["id"] for row in rows})


def add_model_params(tx: Transaction, model_id: str, params: Mapping[str, str]) -> list[str]:
    """Add params; the keys of those that were there already, which stay as they are."""
    return [
        key
        for key, value in sorted(params.items())
        if not tx.execute(
            """
            INSERT INTO logged_model_params (model_id, key, value) VALUES (:model_id, :key, :value)
            ON CONFLICT (model_id, key) DO NOTHING
            """,
            model_id=model_id,
            key=key,
            value=value,
        )
    ]


def set_model_tags(tx: Transaction, model_id: str, tags: Mapping[str, str]) -> None:
    tx.many(
        """
        INSERT INTO logged_model_tags (model_id, key, value) VALUES (:model_id, :key, :value)
        ON CONFLICT (model_id, key) DO UPDATE SET value = excluded.value
        """,
        [{"model_id": model_id, "key": key, "value": value} for key, value in sorted(tags.items())],
    )


def delete_model_tag(tx: Transaction, model_id: str, key: str) -> bool:
    """Whether there was one."""
    return bool(
        tx.execute(
            "DELETE FROM logged_model_tags WHERE model_id = :model_id AND key = :key", model_id=model_id, key=key
        )
    )
