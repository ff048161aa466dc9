"""Rows that gates look at: what is known of two versions of a model, each kind in one statement for both."""

import json
from collections.abc import Sequence
from typing import Any

from modelshelf.database import arrays
from modelshelf.database.database import Row, Transaction


def versions(tx: Transaction, model_id: int, numbers: Sequence[int]) -> dict[int, Row]:
    """Versions with their tags and those of the model, aliases, run and experiment, by number."""
    rows = tx.all(
        f"""
        SELECT v.number, v.manifest, v.size, v.source, v.run_id, v.logged_model, v.stage, v.created_ms, v.created_by,
            v.approval_status, r.user_name, e.name AS experiment, m.name AS model,
            (SELECT {arrays.objects(tx, "t.key", "t.value")} FROM version_tags t WHERE t.version_id = v.id) AS tags,
            (SELECT {arrays.objects(tx, "t.key", "t.value")} FROM model_tags t
                WHERE t.model_id = v.model_id) AS model_tags,
            (SELECT {arrays.lists(tx, "a.alias")} FROM aliases a
                WHERE a.model_id = v.model_id AND a.number = v.number) AS aliases
        FROM model_versions v
        JOIN registered_models m ON m.id = v.model_id
        LEFT JOIN runs r ON r.id = v.run_id
        LEFT JOIN experiments e ON e.id = r.experiment_id
        WHERE v.model_id = :model_id AND v.number IN (SELECT value FROM {arrays.numbers(tx, "numbers")})
        """,
        model_id=model_id,
        numbers=json.dumps(list(numbers)),
    )
    return {row["number"]: row for row in rows}


def params(tx: Transaction, run_ids: Sequence[str]) -> dict[str, dict[str, str]]:
    """The params of runs."""
    return _texts(tx, "run_params", run_ids)


def run_tags(tx: Transaction, run_ids: Sequence[str]) -> dict[str, dict[str, str]]:
    """The tags of runs."""
    return _texts(tx, "run_tags", run_ids)


def metrics(tx: Transaction, run_ids: Sequence[str]) -> dict[str, dict[str, float | None]]:
    """The latest value of each metric of runs; None is NaN."""
    return _numbers(
        tx.all(
            f"""
            SELECT run_id AS owner, key, value FROM run_metrics
            WHERE run_id IN (SELECT value FROM {arrays.texts(tx, "ids")}) ORDER BY key
            """,
            ids=json.dumps(list(run_ids)),
        )
    )


def metrics_until(tx: Transaction, run_ids: Sequence[str], until_ms: int) -> dict[str, dict[str, float | None]]:
    """The values that the metrics of runs had at an instant, by the times of their points."""
    return _numbers(
        tx.all(
            f"""
            SELECT run_id AS owner, key, value FROM metric_points
            WHERE run_id IN (SELECT value FROM {arrays.texts(tx, "ids")}) AND time_ms <= :until_ms
            ORDER BY key, step, time_ms, COALESCE(value, 0)
            """,
            ids=json.dumps(list(run_ids)),
            until_ms=until_ms,
        )
    )


def logged_model_metrics(
    tx: Transaction, model_ids: Sequence[str], until_ms: int
) -> dict[str, dict[str, float | None]]:
    """The latest value of each metric that was measured on logged models, up to an instant."""
    return _numbers(
        tx.all(
            f"""
            SELECT model_id AS owner, key, value FROM logged_model_metrics
            WHERE model_id IN (SELECT value FROM {arrays.texts(tx, "ids")}) AND time_ms <= :until_ms
            ORDER BY key, step, time_ms, COALESCE(value, 0)
            """,
            ids=json.dumps(list(model_ids)),
            until_ms=until_ms,
        )
    )


def files(tx: Transaction, manifests: Sequence[str], paths: Sequence[str]) -> dict[tuple[str, str], tuple[str, int]]:
    """The digest and size of some files of sealed manifests, by manifest and path."""
    rows = tx.all(
        f"""
        SELECT manifest, path, digest, size FROM manifest_files
        WHERE manifest IN (SELECT value FROM {arrays.texts(tx, "manifests")})
            AND path IN (SELECT value FROM {arrays.texts(tx, "paths")})
        """,
        manifests=json.dumps(list(manifests)),
        paths=json.dumps(list(paths)),
    )
    return {(row["manifest"], row["path"]): (row["digest"], row["size"]) for row in rows}


def tag_events(tx: Transaction, subjects: Sequence[str], until_ms: int) -> list[dict[str, Any]]:
    """What events up to an instant say of the tags of some subjects, in order: name, subject and data of each."""
    rows = tx.all(
        f"""
        SELECT name, subject, data FROM events
        WHERE subject IN (SELECT value FROM {arrays.texts(tx, "subjects")}) AND time_ms <= :until_ms
            AND name IN ('version.created', 'version.tagged', 'version.untagged', 'model.created', 'model.tagged',
                'model.untagged')
        ORDER BY id
        """,
        subjects=json.dumps(list(subjects)),
        until_ms=until_ms,
    )
    return [{**row, "data": json.loads(row["data"])} for row in rows]


def was_alias(tx: Transaction, model_id: int, number: int, alias: str) -> bool:
    """Whether an alias ever pointed at a version."""
    found = tx.one(
        """
        SELECT 1 AS found FROM moves
        WHERE model_id = :model_id AND alias = :alias AND slot = 'alias' AND after_value = :number LIMIT 1
        """,
        model_id=model_id,
        alias=alias,
        number=str(number),
    )
    return found is not None


def was_in_stage(tx: Transaction, model_id: int, number: int, stage: str) -> bool:
    """Whether a version ever was in a stage."""
    found = tx.one(
        """
        SELECT 1 AS found FROM moves
        WHERE model_id = :model_id AND slot = 'stage' AND version = :number AND after_value = :stage LIMIT 1
        """,
        model_id=model_id,
        stage=stage,
        number=number,
    )
    return found is not None


def _texts(tx: Transaction, table: str, run_ids: Sequence[str]) -> dict[str, dict[str, str]]:
    rows = tx.all(
        f"""
        SELECT run_id, key, value FROM {table}
        WHERE run_id IN (SELECT value FROM {arrays.texts(tx, "ids")}) ORDER BY key
        """,
        ids=json.dumps(list(run_ids)),
    )
    found: dict[str, dict[str, str]] = {}
    for row in rows:
        found.setdefault(row["run_id"], {})[row["key"]] = row["value"]
    return found


def _numbers(rows: Sequence[Row]) -> dict[str, dict[str, float | None]]:
    found: dict[str, dict[str, float | None]] = {}
    for row in rows:
        found.setdefault(row["owner"], {})[row["key"]] = row["value"]
    return found
