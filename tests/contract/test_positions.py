"""The order that readers of events follow, when transactions commit in another order than they began."""

import threading
from pathlib import Path

from modelshelf.connect import _database
from modelshelf.database import events
from modelshelf.domain.events import Event
from places import PostgresServer
from shelves import Clock, open_shelf


def test_an_event_that_commits_late_comes_after_those_already_read(
    postgres: PostgresServer, tmp_path: Path, clock: Clock
) -> None:
    name = f"{postgres.template}_late"
    postgres.execute(f'CREATE DATABASE "{name}" TEMPLATE "{postgres.template}"')
    database, _ = _database(postgres.uri(name))
    began, may_commit = threading.Event(), threading.Event()

    def late() -> None:
        with database.write() as tx:
            events.append(tx, Event("model.tagged", "slow", clock(), "models/first"))
            began.set()
            may_commit.wait(30)

    with open_shelf(postgres.uri(name), tmp_path, clock) as shelf:
        slow = threading.Thread(target=late)
        slow.start()
        began.wait(30)
        shelf.catalog.create_model("second")
        read_before = [(event.position, event.actor) for event in shelf.events.after(0)]
        may_commit.set()
        slow.join()
        read_after = [(event.position, event.actor) for event in shelf.events.after(1)]
    database.close()
    postgres.execute(f'DROP DATABASE "{name}" WITH (FORCE)')

    assert read_before == [(1, "alice")]
    assert read_after == [(2, "slow")]
