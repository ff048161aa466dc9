"""`python -m serving.mlflow_rows DATABASE VERSIONS RUNS`: the content, written into MLflow's tables in bulk.

Runs in the environment that has MLflow, and writes through MLflow's own table definitions.
"""

import sys
from typing import Any

from mlflow.store.model_registry.dbmodels import models as registry
from mlflow.store.tracking.dbmodels import models as tracking
from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

from serving.content import ALIAS, START_MS, Content


def insert(connection: Any, model: Any, rows: list[dict[str, Any]]) -> None:
    for start in range(0, len(rows), 20_000):
        connection.execute(model.__table__.insert(), rows[start : start + 20_000])


def fill(connection: Any, content: Content) -> None:
    _models(connection, content)
    _versions(connection, content)
    _runs(connection, content)


def _models(connection: Any, content: Content) -> None:
    names = content.model_names()
    insert(
        connection,
        registry.SqlRegisteredModel,
        [{"name": name, "creation_time": START_MS, "last_updated_time": START_MS, "description": ""} for name in names],
    )
    insert(
        connection,
        registry.SqlRegisteredModelAlias,
        [{"name": name, "alias": ALIAS, "version": content.numbers(index)} for index, name in enumerate(names)],
    )


def _versions(connection: Any, content: Content) -> None:
    versions = list(content.all_versions())
    insert(
        connection,
        registry.SqlModelVersion,
        [
            {
                "name": version.model,
                "version": version.number,
                "creation_time": version.at_ms,
                "last_updated_time": version.at_ms,
                "description": "",
                "source": version.source,
                "storage_location": version.source,
                "run_id": version.run,
                "run_link": "",
                "current_stage": "None",
                "status": "READY",
            }
            for version in versions
        ],
    )
    insert(
        connection,
        registry.SqlModelVersionTag,
        [
            {"name": version.model, "version": version.number, "key": key, "value": value}
            for version in versions
            for key, value in version.tags
        ],
    )


def _runs(connection: Any, content: Content) -> None:
    runs = list(content.all_runs())
    insert(
        connection,
        tracking.SqlRun,
        [
            {
                "run_uuid": run.id,
                "name": run.name,
                "user_id": "ann",
                "status": "FINISHED",
                "start_time": run.at_ms,
                "end_time": run.at_ms + 1000,
                "lifecycle_stage": "active",
                "artifact_uri": f"mlflow-artifacts:/0/{run.id}/artifacts",
                "experiment_id": 0,
            }
            for run in runs
        ],
    )
    params = [{"run_uuid": run.id, "key": key, "value": value} for run in runs for key, value in run.params]
    insert(connection, tracking.SqlParam, params)
    insert(
        connection,
        tracking.SqlTag,
        [{"run_uuid": run.id, "key": "mlflow.runName", "value": run.name} for run in runs],
    )
    metrics = [
        {"run_uuid": run.id, "key": key, "value": value, "timestamp": START_MS, "step": 0, "is_nan": False}
        for run in runs
        for key, value in run.metrics
    ]
    insert(connection, tracking.SqlMetric, metrics)
    insert(connection, tracking.SqlLatestMetric, metrics)


if __name__ == "__main__":
    store = SqlAlchemyStore(sys.argv[1], "mlflow-artifacts:/")
    with store.engine.begin() as open_connection:
        fill(open_connection, Content(int(sys.argv[2]), int(sys.argv[3])))
    store.engine.dispose()
