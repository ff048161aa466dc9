"""The scorer while things happen: versions swapped under load, the registry killed, nothing but the cache left."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import modelshelf
from modelshelf.connect import connect
from modelshelf.sdk import session
from scorers import log_constant, scoring, start_scorer
from servers import Server, serving

_LOAD = """
import http.client, json, sys, threading, time

port, seconds, found = int(sys.argv[1]), float(sys.argv[2]), []
ends = time.monotonic() + seconds
body = json.dumps({"dataframe_records": [{"x": 1.0}] * 3})

def ask():
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    while time.monotonic() < ends:
        try:
            connection.request("POST", "/invocations", body, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            content = answer.read()
            version = answer.headers.get("x-modelshelf-version")
            right = answer.status == 200 and json.loads(content) == {"predictions": [int(version)] * 3}
            found.append(version if right else f"{answer.status} {version} {content[:200]!r}")
        except OSError as error:
            found.append(f"lost: {error!r}")
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)

threads = [threading.Thread(target=ask) for _ in range(4)]
for each in threads:
    each.start()
for each in threads:
    each.join()
print(json.dumps({each: found.count(each) for each in sorted(set(found))}))
"""
"""Asks all the time; prints how often which version gave what is right for it, and whatever else came."""


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A shelf with `fraud`: versions 1 to 4 answer their numbers, 5 can't be loaded."""
    folder = tmp_path_factory.mktemp("shelf")
    uri = f"sqlite:///{folder}/shelf.db"
    modelshelf.set_tracking_uri(uri)
    for number in (1, 2, 3, 4, -5):
        log_constant(number)
    while modelshelf.active_run():
        modelshelf.end_run()
    session.registry().close()
    session._open.clear()
    modelshelf.set_tracking_uri("")
    return uri


def move(uri: str, version: int) -> None:
    registry = connect(uri)
    registry.governance.set_alias("fraud", "production", version)
    registry.close()


def ask(scorer: Server) -> Any:
    answer = scorer.ask("POST", "/invocations", {"dataframe_records": [{"x": 1.0}]})
    assert answer.status == 200, answer.content
    assert answer.json == {"predictions": [int(answer.headers["x-modelshelf-version"])]}
    return int(answer.headers["x-modelshelf-version"])


def until(holds: Callable[[], object]) -> None:
    ends = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < ends, "it did not come to hold"
        threading.Event().wait(0.02)


@pytest.mark.parametrize("workers", ["1", "2"])
def test_swaps_under_load_lose_no_request_and_mix_no_versions(shelf: str, tmp_path: Path, workers: str) -> None:
    move(shelf, 1)
    with scoring("fraud@production", shelf, tmp_path, "--workers", workers) as scorer:
        command = [sys.executable, "-c", _LOAD, str(scorer.port), "6"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as load:
            for version in (2, 3, 5, 4):
                threading.Event().wait(1)
                move(shelf, version)
            said = load.communicate()[0]

        found = json.loads(said)
        assert set(found) == {"1", "2", "3", "4"}, found
        assert sum(found.values()) > 100
        until(lambda: ask(scorer) == 4)


def test_a_version_that_can_not_be_loaded_leaves_the_old_one_and_is_told(shelf: str, tmp_path: Path) -> None:
    move(shelf, 1)
    with scoring("fraud@production", shelf, tmp_path) as scorer:
        move(shelf, 5)

        until(lambda: b'modelshelf_scoring_stale_workers{model="fraud"} 1' in scorer.ask("GET", "/metrics").content)

        assert ask(scorer) == 1
        move(shelf, 2)
        until(lambda: ask(scorer) == 2)


def test_serving_goes_on_without_the_registry_and_starts_again_from_the_cache(shelf: str, tmp_path: Path) -> None:
    move(shelf, 1)
    folder = tmp_path / "scorer"
    folder.mkdir()
    cache = {"MODELSHELF_CACHE_DIR": str(tmp_path / "cache")}
    with serving(shelf, tmp_path / "registry") as registry:
        scorer = start_scorer("fraud@production", registry.url, folder, environment=cache)
        move(shelf, 2)
        until(lambda: ask(scorer) == 2)
        children = f"/proc/{registry.process.pid}/task/{registry.process.pid}/children"
        workers = [int(pid) for pid in Path(children).read_text().split()]
        for pid in (registry.process.pid, *workers):
            signal_safely(pid)
        registry.process.wait(10)

        assert {ask(scorer) for _ in range(200)} == {2}
        scorer.stop()
        with scoring("fraud@production", registry.url, folder, environment=cache) as again:
            assert ask(again) == 2
            assert "using version 2 of fraud" in again.log.read_text()


def signal_safely(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def test_a_worker_that_is_killed_is_replaced(shelf: str, tmp_path: Path) -> None:
    move(shelf, 1)
    with scoring("fraud@production", shelf, tmp_path) as scorer:
        children = Path(f"/proc/{scorer.process.pid}/task/{scorer.process.pid}/children").read_text().split()

        signal_safely(int(children[0]))

        def answers() -> bool:
            try:
                return ask(scorer) == 1
            except OSError:
                return False

        until(answers)
