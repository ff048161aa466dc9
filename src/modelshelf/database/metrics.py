"""Rows of metrics: every point, and the latest of each metric of a run."""

import json
import math
from collections.abc import Mapping, Sequence

from modelshelf.database import arrays
from modelshelf.database.database import Row, Transaction
from modelshelf.domain.batches import latest_points
from modelshelf.domain.tracking import MetricPoint

HistoryPlace = tuple[int, int, float, int]
"""Where a point stands in a history: time, step, value (0 for NaN), and 1 for NaN."""


def add_points(tx: Transaction, run_id: str, points: Sequence[MetricPoint]) -> None:
    """Add the points that are new, and bring the latest ones up to date."""
    tx.many(
        """
        INSERT INTO metric_points (run_id, key, value, time_ms, step) VALUES (:run_id, :key, :value, :time_ms, :step)
        ON CONFLICT DO NOTHING
        """,
        [_row(run_id, point) for point in points],
    )
    latest = latest_points(points)
    tx.many(
        """
        INSERT INTO run_metrics (run_id, key, value, time_ms, step) VALUES (:run_id, :key, :value, :time_ms, :step)
        ON CONFLICT (run_id, key) DO UPDATE
        SET value = excluded.value, time_ms = excluded.time_ms, step = excluded.step
        WHERE (excluded.step, excluded.time_ms, COALESCE(excluded.value, 0))
            > (run_metrics.step, run_metrics.time_ms, COALESCE(run_metrics.value, 0))
        """,
        [_row(run_id, latest[key]) for key in sorted(latest)],
    )


def _row(run_id: str, point: MetricPoint) -> dict[str, str | int | float | None]:
    return {
        "run_id": run_id,
        "key": point.key,
        "value": point.value if not math.isnan(point.value) else None,
        "time_ms": point.time_ms,
        "step": point.step,
    }


def latest_by_runs(tx: Transaction, run_ids: Sequence[str]) -> dict[str, dict[str, MetricPoint]]:
    """The latest point of each metric, by run and key."""
    rows = tx.all(
        f"""
        SELECT run_id, key, value, time_ms, step FROM run_metrics
        WHERE run_id IN (SELECT value FROM {arrays.texts(tx, "ids")})
        """,
        ids=json.dumps(list(run_ids)),
    )
    found: dict[str, dict[str, MetricPoint]] = {}
    for row in rows:
        found.setdefault(row["run_id"], {})[row["key"]] = _point(row)
    return found


def _point(row: Row) -> MetricPoint:
    return MetricPoint(row["key"], number_of(row["value"]), row["time_ms"], row["step"])


def number_of(value: float | None) -> float:
    """A stored value as a number."""
    return math.nan if value is None else value


def history(tx: Transaction, run_id: str, key: str, *, after: HistoryPlace | None, limit: int) -> list[MetricPoint]:
    """The points of one metric by time, then step, then value, from behind a place on."""
    time_ms, step, value, nan = after or (-1, 0, 0.0, 0)
    rows = tx.all(
        """
        SELECT key, value, time_ms, step FROM metric_points
        WHERE run_id = :run_id AND key = :key AND time_ms >= :time_ms
            AND (time_ms, step, COALESCE(value, 0), CASE WHEN value IS NULL THEN 1 ELSE 0 END)
                > (:time_ms, :step, :value, :nan)
        ORDER BY time_ms, step, COALESCE(value, 0), CASE WHEN value IS NULL THEN 1 ELSE 0 END
        LIMIT :limit
        """,
        run_id=run_id,
        key=key,
        time_ms=time_ms,
        step=step,
        value=value,
        nan=nan,
        limit=limit,
    )
    return [_point(row) for row in rows]


def place_of(point: MetricPoint) -> HistoryPlace:
    """Where a point stands in its history."""
    nan = math.isnan(point.value)
    return point.time_ms, point.step, 0.0 if nan else point.value, int(nan)


def add_model_points(tx: Transaction, run_id: str, points: Sequence[MetricPoint]) -> None:
    """Add what a run measured on logged models."""
    tx.many(
        """
        INSERT INTO logged_model_metrics (model_id, key, value, time_ms, step, run_id, dataset_name, dataset_digest)
        VALUES (:model_id, :key, :value, :time_ms, :step, :run_id, :dataset_name, :dataset_digest)
        ON CONFLICT DO NOTHING
        """,
        [
            {
                **_row(run_id, point),
                "model_id": point.logged_model,
                "dataset_name": point.dataset_name,
                "dataset_digest": point.dataset_digest,
            }
            for point in points
        ],
    )


def points_by_models(tx: Transaction, model_ids: Sequence[str]) -> Mapping[str, list[MetricPoint]]:
    """All points that were measured on logged models, by model, in the order of key, time and step."""
    rows = tx.all(
        f"""
        SELECT model_id, key, value, time_ms, step, run_id, dataset_name, dataset_digest FROM logged_model_metrics
        WHERE model_id IN (SELECT value FROM {arrays.texts(tx, "ids")})
        ORDER BY model_id, key, time_ms, step, run_id
        """,
        ids=json.dumps(list(model_ids)),
    )
    found: dict[str, list[MetricPoint]] = {}
    for row in rows:
        point = MetricPoint(
            key=row["key"],
            value=number_of(row["value"]),
            time_ms=row["time_ms"],
            step=row["step"],
            logged_model=row["model_id"],
            dataset_name=row["dataset_name"],
            dataset_digest=row["dataset_digest"],
            run_id=row["run_id"],
        )
        found.setdefault(row["model_id"], []).append(point)
    return found
