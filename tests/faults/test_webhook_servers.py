"""Webhooks behind real servers: killed at any moment, several beside each other, receivers that hang."""

import os
import random
import signal
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from modelshelf.connect import connect
from modelshelf.domain.webhooks import DeliveryState
from receivers import Got, Receiver, Reply, receiving
from servers import Server, serving, start

_OPTIONS = ("--webhook-allowed-hosts", "127.0.0.1", "--webhook-timeout", "1")


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as found:
        yield found


def _make(server: Server, name: str, url: str) -> str:
    body = {"name": name, "url": url, "events": ["model.created", "model.tagged"]}
    made = server.ask("POST", "/api/v1/webhooks", body)
    assert made.status == 201, made.content
    return str(made.json["id"])


def _write(server: Server, kept: list[str], stop: threading.Event) -> None:
    """Make models until the server is gone; what was acknowledged is kept."""
    number = len(kept)
    while not stop.is_set():
        name = f"model-{server.port}-{number}"
        try:
            if server.ask("POST", "/api/v1/models", {"name": name}).status != 201:
                return
        except OSError:
            return
        kept.append(name)
        number += 1


def _names(got: list[Got]) -> list[str]:
    return [each.json["data"]["model"] for each in got]


def test_a_server_killed_at_any_moment_loses_no_event(database_uri: str, tmp_path: Path, receiver: Receiver) -> None:
    seed = random.randrange(10_000)
    dice = random.Random(seed)
    print(f"seed {seed}")
    kept: list[str] = []
    for round_number in range(6):
        server = start(database_uri, tmp_path, *_OPTIONS)
        if round_number == 0:
            _make(server, "ci", receiver.url)
        stop, before = threading.Event(), len(receiver.got)
        writer = threading.Thread(target=_write, args=(server, kept, stop))
        writer.start()
        wanted = dice.randrange(1, 25)
        receiver.wait_for(lambda got, before=before, wanted=wanted: len(got) >= before + wanted)
        _kill(server)
        stop.set()
        writer.join(60)

    with serving(database_uri, tmp_path, *_OPTIONS):
        got = receiver.wait_for(lambda got: set(kept) <= set(_names(got)), seconds=60)

    assert len(kept) > 6
    assert set(Counter(each.id for each in got).values()) <= {1, 2, 3}
    assert len({each.id for each in got}) == len(set(_names(got)))


def _kill(server: Server) -> None:
    """`kill -9` of the server and of its workers."""
    children = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children").read_text().split()
    for process in (server.process.pid, *map(int, children)):
        try:
            os.kill(process, signal.SIGKILL)
        except ProcessLookupError:
            continue
    server.process.wait(20)


def test_servers_share_the_work_and_send_nothing_twice_and_in_order(
    database_uri: str, tmp_path: Path, receiver: Receiver
) -> None:
    with (
        serving(database_uri, tmp_path / "one", "--workers", "2", *_OPTIONS, *_files(tmp_path)) as one,
        serving(database_uri, tmp_path / "other", *_OPTIONS, *_files(tmp_path)) as other,
    ):
        _make(one, "ci", receiver.url)
        for number in range(4):
            one.ask("POST", "/api/v1/models", {"name": f"m{number}"})
        for number in range(80):
            server = (one, other)[number % 2]
            tagged = server.ask("PUT", f"/api/v1/models/m{number % 4}/tags/step", {"value": str(number)})
            assert tagged.status < 300, tagged.content

        got = receiver.wait_for(lambda got: len(got) >= 84)
        hook = one.ask("GET", "/api/v1/webhooks").json["items"][0]["id"]
        listed = one.ask("GET", f"/api/v1/webhooks/{hook}/deliveries?limit=200").json["items"]

    assert len(got) == len({each.id for each in got}) == 84
    for name in ("m0", "m1", "m2", "m3"):
        positions = [each.json["data"]["position"] for each in got if each.json["data"]["model"] == name]
        assert positions == sorted(positions)
    assert len(listed) == 84


def _files(tmp_path: Path) -> tuple[str, ...]:
    return ("--artifacts-destination", str(tmp_path / "files"))


def test_a_receiver_that_hangs_holds_back_nobody_else(tmp_path: Path, receiver: Receiver) -> None:
    release = threading.Event()

    def hang(_: Got) -> Reply:
        release.wait(60)
        return Reply()

    with receiving() as hanging, serving(f"sqlite:///{tmp_path}/shelf.db", tmp_path, *_OPTIONS) as server:
        hanging.answer = hang
        _make(server, "hanging", hanging.url)
        _make(server, "quick", receiver.url)
        for number in range(40):
            server.ask("POST", "/api/v1/models", {"name": f"m{number}"})

        got = receiver.wait_for(lambda got: len(got) >= 40, seconds=10)
        release.set()

    assert sorted(_names(got)) == sorted(f"m{number}" for number in range(40))


def test_the_numbers_of_the_queue_are_told(tmp_path: Path, receiver: Receiver) -> None:
    receiver.answer = lambda _: Reply(500)
    with serving(f"sqlite:///{tmp_path}/shelf.db", tmp_path, *_OPTIONS) as server:
        _make(server, "ci", receiver.url)
        server.ask("POST", "/api/v1/models", {"name": "fraud"})
        receiver.wait_for(lambda got: len(got) >= 1)

        told = server.ask("GET", "/metrics").content.decode()

    assert 'modelshelf_webhook_deliveries{state="waiting"} 1' in told
    assert 'modelshelf_webhook_deliveries{state="dead"} 0' in told
    assert 'modelshelf_queue_age_seconds{queue="webhooks"}' in told


def test_an_embedded_change_leaves_with_the_next_server(tmp_path: Path, receiver: Receiver) -> None:
    uri = f"sqlite:///{tmp_path}/shelf.db"
    os.environ["MODELSHELF_WEBHOOK_ALLOWED_HOSTS"] = "127.0.0.1"
    try:
        with connect(uri) as shelf:
            made = shelf.events.create_webhook("ci", receiver.url, events=["model.created"])
            shelf.catalog.create_model("fraud")
    finally:
        del os.environ["MODELSHELF_WEBHOOK_ALLOWED_HOSTS"]

    with serving(uri, tmp_path, *_OPTIONS):
        receiver.wait_for(lambda got: len(got) >= 1)

    with connect(uri) as shelf:
        assert [each.state for each in shelf.events.deliveries(made.id).items] == [DeliveryState.DELIVERED]
