"""Rows of evaluations: versions against one another."""

import json
from collections.abc import Sequence

from modelshelf.database import arrays
from modelshelf.database.database import Row, Transaction
from modelshelf.domain.evaluations import Evaluation

_COLUMNS = """
    version, against, metric, greater_is_better, candidate, baseline, difference, difference_low, difference_high,
    confidence, row_count, dataset_name, dataset_digest, created_ms, actor
"""


def insert(tx: Transaction, model_id: int, evaluation: Evaluation) -> None:
    """Append an evaluation."""
    tx.execute(
        f"""
        INSERT INTO evaluations (model_id, {_COLUMNS})
        VALUES (:model_id, :version, :against, :metric, :greater_is_better, :candidate, :baseline, :difference,
            :difference_low, :difference_high, :confidence, :rows, :dataset_name, :dataset_digest, :created_ms, :actor)
        """,
        model_id=model_id,
        version=evaluation.version,
        against=evaluation.against,
        metric=evaluation.metric,
        greater_is_better=int(evaluation.greater_is_better),
        candidate=float(evaluation.candidate),
        baseline=float(evaluation.baseline),
        difference=float(evaluation.difference),
        difference_low=float(evaluation.difference_low),
        difference_high=float(evaluation.difference_high),
        confidence=float(evaluation.confidence),
        rows=evaluation.rows,
        dataset_name=evaluation.dataset_name,
        dataset_digest=evaluation.dataset_digest,
        created_ms=evaluation.created_ms,
        actor=evaluation.actor,
    )


def of_version(tx: Transaction, model_id: int, version: int, *, limit: int) -> list[Evaluation]:
    """The evaluations of a version, the newest first."""
    rows = tx.all(
        f"""
        SELECT {_COLUMNS} FROM evaluations WHERE model_id = :model_id AND version = :version
        ORDER BY id DESC LIMIT :limit
        """,
        model_id=model_id,
        version=version,
        limit=limit,
    )
    return [_evaluation(row) for row in rows]


def newest_by_metric(
    tx: Transaction, model_id: int, versions: Sequence[int], *, until_ms: int
) -> dict[int, list[Evaluation]]:
    """The newest evaluation of each metric against each other version, by the version that was evaluated."""
    rows = tx.all(
        f"""
        SELECT {_COLUMNS} FROM evaluations WHERE id IN (
            SELECT MAX(id) FROM evaluations
            WHERE model_id = :model_id AND created_ms <= :until_ms
                AND version IN (SELECT value FROM {arrays.numbers(tx, "versions")})
            GROUP BY version, metric, against
        ) ORDER BY id
        """,
        model_id=model_id,
        until_ms=until_ms,
        versions=json.dumps(list(versions)),
    )
    found: dict[int, list[Evaluation]] = {}
    for row in rows:
        found.setdefault(row["version"], []).append(_evaluation(row))
    return found


def _evaluation(row: Row) -> Evaluation:
    return Evaluation(
        metric=row["metric"],
        against=row["against"],
        candidate=row["candidate"],
        baseline=row["baseline"],
        difference=row["difference"],
        difference_low=row["difference_low"],
        difference_high=row["difference_high"],
        confidence=row["confidence"],
        rows=row["row_count"],
        greater_is_better=bool(row["greater_is_better"]),
        dataset_name=row["dataset_name"],
        dataset_digest=row["dataset_digest"],
        version=row["version"],
        created_ms=row["created_ms"],
        actor=row["actor"],
    )
