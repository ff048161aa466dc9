"""`python -m serving.modelshelf_rows DATABASE VERSIONS RUNS`: the content, written into Modelshelf's tables in bulk."""

import sys
from collections.abc import Iterable, Iterator
from typing import Any

from modelshelf.connect import connect
from modelshelf.database.database import Transaction
from serving.content import ALIAS, START_MS, Content


def fill(tx: Transaction, content: Content) -> None:
    _models(tx, content)
    _versions(tx, content)
    _runs(tx, content)


def _models(tx: Transaction, content: Content) -> None:
    rows = [
        {"id": index + 1, "name": content.model(index), "last": content.numbers(index), "at": START_MS}
        for index in range(content.models)
    ]
    tx.many(
        """
        INSERT INTO registered_models (
            id, name, description, created_ms, updated_ms, created_by, last_number, last_move_ms
        ) VALUES (:id, :name, '', :at, :at, 'anonymous', :last, :at)
        """,
        rows,
    )
    tx.many("INSERT INTO model_names (name, model_id, from_ms) VALUES (:name, :id, :at)", rows)
    moves = [{**row, "alias": ALIAS, "after": str(row["last"])} for row in rows]
    tx.many(
        """
        INSERT INTO moves (model_id, model, slot, alias, after_value, time_ms, actor, reason, cause)
        VALUES (:id, :name, 'alias', :alias, :after, :at, 'anonymous', '', 'set')
        """,
        moves,
    )
    tx.many(
        """
        INSERT INTO aliases (model_id, alias, number, moved_ms, moved_by)
        VALUES (:id, :alias, :last, :at, 'anonymous')
        """,
        moves,
    )


def _versions(tx: Transaction, content: Content) -> None:
    ids = {content.model(index): index + 1 for index in range(content.models)}
    rows, tags = [], []
    for index, version in enumerate(content.all_versions(), 1):
        rows.append(
            {
                "id": index,
                "model": ids[version.model],
                "number": version.number,
                "source": version.source,
                "run": version.run,
                "at": version.at_ms,
            }
        )
        tags += [{"owner": index, "key": key, "value": value} for key, value in version.tags]
    tx.many(
        """
        INSERT INTO model_versions (
            id, model_id, number, size, source, origin, run_id, run_link, logged_model, description, stage,
            created_ms, updated_ms, created_by
        ) VALUES (:id, :model, :number, 0, :source, :source, :run, '', '', '', 'None', :at, :at, 'anonymous')
        """,
        rows,
    )
    tx.many("INSERT INTO version_tags (version_id, key, value) VALUES (:owner, :key, :value)", tags)


def _runs(tx: Transaction, content: Content) -> None:
    runs = list(content.all_runs())
    tx.many(
        """
        INSERT INTO runs (id, experiment_id, name, user_name, status, started_ms, ended_ms, lifecycle)
        VALUES (:id, 0, :name, 'ann', 'FINISHED', :at, :at + 1000, 'active')
        """,
        [{"id": run.id, "name": run.name, "at": run.at_ms} for run in runs],
    )
    tx.many(
        "INSERT INTO run_params (run_id, key, value) VALUES (:run, :key, :value)",
        list(_pairs((run.id, run.params) for run in runs)),
    )
    tx.many(
        "INSERT INTO run_tags (run_id, key, value) VALUES (:run, 'mlflow.runName', :name)",
        [{"run": run.id, "name": run.name} for run in runs],
    )
    metrics = [{**pair, "at": START_MS} for pair in _pairs((run.id, run.metrics) for run in runs)]
    for table in ("run_metrics", "metric_points"):
        tx.many(f"INSERT INTO {table} (run_id, key, value, time_ms, step) VALUES (:run, :key, :value, :at, 0)", metrics)


def _pairs(of_runs: Iterable[tuple[str, tuple[tuple[str, Any], ...]]]) -> Iterator[dict[str, Any]]:
    for run, pairs in of_runs:
        for key, value in pairs:
            yield {"run": run, "key": key, "value": value}


if __name__ == "__main__":
    with connect(sys.argv[1]) as registry, registry._database.write() as transaction:  # noqa: SLF001
        fill(transaction, Content(int(sys.argv[2]), int(sys.argv[3])))
