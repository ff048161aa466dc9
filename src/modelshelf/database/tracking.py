"""Rows of runs: what they are, their params and their tags."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from modelshelf.database import arrays, metrics, run_links
from modelshelf.database.database import Row, Transaction
from modelshelf.domain.batches import RUN_NAME_TAG
from modelshelf.domain.tracking import Lifecycle, Run, RunStatus


def _select(tx: Transaction) -> str:
    return f"""
        SELECT r.id, r.experiment_id, r.name, r.user_name, r.status, r.started_ms, r.ended_ms, r.lifecycle,
            (SELECT e.location FROM experiments e WHERE e.id = r.experiment_id) AS location,
            (SELECT {arrays.objects(tx, "p.key", "p.value")} FROM run_params p WHERE p.run_id = r.id) AS params,
            (SELECT {arrays.objects(tx, "t.key", "t.value")} FROM run_tags t WHERE t.run_id = r.id) AS tags
        FROM runs r
    """


def runs_by_ids(tx: Transaction, ids: Sequence[str]) -> list[Run]:
    """The runs with these ids that there are, whole and in the order of the ids, with five queries."""
    rows = tx.all(
        f"{_select(tx)} WHERE r.id IN (SELECT value FROM {arrays.texts(tx, 'ids')})", ids=json.dumps(list(ids))
    )
    if not rows:
        return []
    points, links = metrics.latest_by_runs(tx, ids), run_links.links_by_runs(tx, ids)
    found = {row["id"]: _run(row, metrics=points.get(row["id"], {}), **links.of(row["id"])) for row in rows}
    return [found[run_id] for run_id in ids if run_id in found]


def run_by_id(tx: Transaction, run_id: str) -> Run | None:
    return next(iter(runs_by_ids(tx, [run_id])), None)


def _run(row: Row, **others: Any) -> Run:
    return Run(
        id=row["id"],
        experiment_id=str(row["experiment_id"]),
        name=row["name"],
        user=row["user_name"],
        status=RunStatus(row["status"]),
        started_ms=row["started_ms"],
        ended_ms=row["ended_ms"],
        lifecycle=Lifecycle(row["lifecycle"]),
        params=json.loads(row["params"] or "{}"),
        tags=json.loads(row["tags"] or "{}"),
        location=row["location"],
        **others,
    )


def run_head(tx: Transaction, run_id: str) -> Run | None:
    """The run without all that it logged: cheap, to see whether it may be written to."""
    row = tx.one(
        """
        SELECT r.id, r.experiment_id, r.name, r.user_name, r.status, r.started_ms, r.ended_ms, r.lifecycle,
            e.location, NULL AS params, NULL AS tags
        FROM runs r JOIN experiments e ON e.id = r.experiment_id
        WHERE r.id = :run_id
        """,
        run_id=run_id,
    )
    return _run(row) if row else None


def insert_run(tx: Transaction, run: Run) -> None:
    """Add a run with its tags."""
    tx.execute(
        """
        INSERT INTO runs (id, experiment_id, name, user_name, status, started_ms, lifecycle)
        VALUES (:id, :experiment_id, :name, :user, :status, :started_ms, :lifecycle)
        """,
        id=run.id,
        experiment_id=int(run.experiment_id),
        name=run.name,
        user=run.user,
        status=run.status.value,
        started_ms=run.started_ms,
        lifecycle=run.lifecycle.value,
    )
    _upsert_tags(tx, run.id, run.tags)


def update_run(tx: Transaction, run_id: str, *, status: RunStatus | None, ended_ms: int | None) -> None:
    """Change what is not None."""
    tx.execute(
        """
        UPDATE runs SET status = COALESCE(:status, status), ended_ms = COALESCE(:ended_ms, ended_ms)
        WHERE id = :run_id
        """,
        run_id=run_id,
        status=status.value if status else None,
        ended_ms=ended_ms,
    )


def set_run_lifecycle(tx: Transaction, run_id: str, lifecycle: Lifecycle, *, now_ms: int) -> bool:
    """Delete or restore a run; whether it was not yet."""
    return bool(
        tx.execute(
            """
            UPDATE runs SET lifecycle = :lifecycle, deleted_ms = :deleted_ms
            WHERE id = :run_id AND lifecycle <> :lifecycle
            """,
            run_id=run_id,
            lifecycle=lifecycle.value,
            deleted_ms=now_ms if lifecycle is Lifecycle.DELETED else None,
        )
    )


def set_run_tags(tx: Transaction, run_id: str, tags: Mapping[str, str]) -> None:
    """Add or overwrite tags. The run's name follows the tag that holds it; an empty name is no name."""
    name = tags.get(RUN_NAME_TAG)
    if name == "":
        tags = {key: value for key, value in tags.items() if key != RUN_NAME_TAG}
    elif name is not None:
        tx.execute("UPDATE runs SET name = :name WHERE id = :run_id", run_id=run_id, name=name)
    _upsert_tags(tx, run_id, tags)


def _upsert_tags(tx: Transaction, run_id: str, tags: Mapping[str, str]) -> None:
    tx.many(
        """
        INSERT INTO run_tags (run_id, key, value) VALUES (:run_id, :key, :value)
        ON CONFLICT (run_id, key) DO UPDATE SET value = excluded.value
        """,
        [{"run_id": run_id, "key": key, "value": value} for key, value in sorted(tags.items())],
    )


def delete_run_tag(tx: Transaction, run_id: str, key: str) -> bool:
    """Whether there was one."""
    return bool(tx.execute("DELETE FROM run_tags WHERE run_id = :run_id AND key = :key", run_id=run_id, key=key))


def add_params(tx: Transaction, run_id: str, params: Mapping[str, str]) -> dict[str, str]:
    """Add the params that are new; what all of them are then, whoever logged them."""
    tx.many(
        """
        INSERT INTO run_params (run_id, key, value) VALUES (:run_id, :key, :value)
        ON CONFLICT (run_id, key) DO NOTHING
        """,
        [{"run_id": run_id, "key": key, "value": value} for key, value in sorted(params.items())],
    )
    rows = tx.all("SELECT key, value FROM run_params WHERE run_id = :run_id", run_id=run_id)
    return {row["key"]: row["value"] for row in rows}
