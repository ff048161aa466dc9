"""Streams and keys where several processes answer, and the end of a process that has streams open."""

import signal
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from listening import listening
from servers import Server, serving


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with serving(f"sqlite:///{tmp_path}/shelf.db", tmp_path, "--workers", "2") as started:
        yield started


def test_every_stream_gets_every_event_whichever_worker_it_is_at(server: Server) -> None:
    with ExitStack() as opened:
        receivers = [opened.enter_context(listening(server.url)) for _ in range(8)]
        for receiver in receivers:
            receiver.block()
        for number in range(10):
            server.ask("POST", "/api/v1/models", {"name": f"m{number}"})
        seen = [[receiver.event()[0] for _ in range(10)] for receiver in receivers]

    assert seen == [list(range(1, 11))] * 8


def test_a_key_is_known_to_every_worker(server: Server) -> None:
    key = str(uuid.uuid4())

    made = [server.ask("POST", "/api/v1/models", {"name": "churn"}, Idempotency_Key=key) for _ in range(6)]

    assert [answer.status for answer in made] == [201] * 6
    assert len(server.ask("GET", "/api/v1/events?position=0").json) == 1


def test_a_server_with_open_streams_ends_at_once_when_it_is_told_to(server: Server) -> None:
    with ExitStack() as opened:
        receivers = [opened.enter_context(listening(server.url)) for _ in range(4)]
        for receiver in receivers:
            receiver.block()
        began = time.monotonic()
        code = server.stop()

    assert code == 0
    assert time.monotonic() - began < 10


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_server_of_one_process_ends_its_streams_and_itself_at_once(tmp_path: Path, number: signal.Signals) -> None:
    with serving(f"sqlite:///{tmp_path}/shelf.db", tmp_path) as server, ExitStack() as opened:
        receiver = opened.enter_context(listening(server.url))
        receiver.block()
        began = time.monotonic()

        server.process.send_signal(number)
        code = server.process.wait(40)

    assert code == 0
    assert time.monotonic() - began < 10
