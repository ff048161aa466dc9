"""Rollouts behind real servers: the one that steps is killed, and another one goes on."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from modelshelf.connect import connect
from modelshelf.database import leases
from modelshelf.services.registry import Registry
from modelshelf.services.rollout_steps import LEASE
from servers import Server, serving, start

pytestmark = pytest.mark.xdist_group("servers")

SECONDS = 60


def _until(found: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        if value := found():
            return value
        time.sleep(0.05)
    raise AssertionError("it did not happen")


def _kill(server: Server) -> None:
    """`kill -9` of the server and of its workers."""
    children = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children").read_text().split()
    for process in (server.process.pid, *map(int, children)):
        try:
            os.kill(process, signal.SIGKILL)
        except ProcessLookupError:
            continue
    server.process.wait(20)


def _holder(shelf: Registry) -> str:
    with shelf._database.read() as tx:
        held = leases.lease(tx, LEASE)
    return held.holder if held is not None else ""


def test_when_the_server_that_steps_is_killed_another_one_goes_on(database_uri: str, tmp_path: Path) -> None:
    files = str(tmp_path / "files")
    one = start(database_uri, tmp_path / "one", "--artifacts-destination", files)
    try:
        with connect(database_uri, artifacts=files) as shelf:
            shelf.catalog.create_model("fraud")
            for _ in range(2):
                shelf.catalog.create_version("fraud", source="s3://bucket/model")
            shelf.governance.set_alias("fraud", "production", 1)
            first = _until(lambda: _holder(shelf))
            with serving(database_uri, tmp_path / "other", "--artifacts-destination", files):
                rollout = shelf.rollouts.start("fraud", 2, alias="production", steps=[10, 20, 30], every_ms=3_000)
                _until(lambda: shelf.rollouts.rollout(rollout.id).weight == 20)

                _kill(one)

                _until(lambda: not shelf.rollouts.rollout(rollout.id).state.is_live)
                assert _holder(shelf) != first
            routes = [move.after for move in shelf.governance.history("fraud") if move.slot == "route"][::-1]
            assert routes == ["10", "20", "30", "0"]
            assert dict(shelf.catalog.model("fraud").aliases) == {"production": 2}
    finally:
        if one.process.poll() is None:
            _kill(one)
