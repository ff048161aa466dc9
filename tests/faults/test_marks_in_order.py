"""Writers of evidence that meet at the same versions wait for each other in one order, and never in a circle."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from modelshelf.database import gates
from modelshelf.database.database import Database
from modelshelf.domain.tracking import MetricPoint
from modelshelf.services.registry import Registry
from places import PostgresServer
from shelves import Clock, open_shelf

MODEL = "churn"


@pytest.fixture
def shelf(postgres: PostgresServer, tmp_path: Path, clock: Clock) -> Iterator[Registry]:
    """Ten versions of one run, all of which an automatic gate has yet to look at."""
    name = f"{postgres.template}_marks"
    postgres.execute(f'CREATE DATABASE "{name}" TEMPLATE "{postgres.template}"')
    with open_shelf(postgres.uri(name), tmp_path, clock) as registry:
        registry.catalog.create_model(MODEL)
        run = registry.tracking.start_run("0", name="maker")
        for _ in range(10):
            registry.catalog.create_version(MODEL, source="s3://bucket/churn", run_id=run.id)
        registry.governance.define_gate("auto", model=MODEL, alias="best", clauses=["false"], auto=True)
        yield registry
    postgres.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def test_a_metric_and_a_tag_of_the_model_at_the_same_moment_are_both_written(shelf: Registry) -> None:
    run = shelf.tracking.search_runs(["0"]).items[0]
    model_id, database = shelf.catalog.model(MODEL).id, shelf._database
    writers: list[Callable[[], None]] = [
        lambda: shelf.tracking.log_metrics(run.id, [MetricPoint("auc", 0.5, time_ms=1)]),
        lambda: shelf.catalog.tag_model(MODEL, "team", "risk"),
    ]
    with database.write() as tx:
        gates.mark_run(tx, run.id, now_ms=1)

    with ThreadPoolExecutor(2) as pool:
        with database.write() as tx:
            gates.mark_version(tx, model_id, 5, now_ms=1)
            done = [pool.submit(write) for write in writers]
            _await_waiting(database, 2)
        for each in done:
            each.result(30)

    assert shelf.catalog.model(MODEL).tags == {"team": "risk"}
    assert shelf.tracking.run(run.id).metrics["auc"].value == 0.5


def _await_waiting(database: Database, count: int) -> None:
    """Until so many transactions wait for a lock of another one."""
    deadline, pause = time.monotonic() + 30, threading.Event()
    while time.monotonic() < deadline:
        with database.read() as tx:
            row = tx.one("SELECT COUNT(*) AS count FROM pg_locks WHERE NOT granted")
        if row is not None and row["count"] >= count:
            return
        pause.wait(0.01)
    raise AssertionError("they do not wait")
