"""Events as they happen: streams that resume, and hold nothing while they wait."""

import threading
import time

import pytest

from asking import Ask
from listening import listening
from modelshelf.native import stream
from modelshelf.services.registry import Registry


def test_events_are_sent_as_they_happen(url: str, embedded: Registry) -> None:
    with listening(url) as receiver:
        assert receiver.block() == {"retry": "1000"}
        embedded.governance.set_alias("churn", "champion", 2, reason="better")
        position, name, told = receiver.event()

    assert receiver.response.headers["content-type"] == "text/event-stream"
    assert (position, name) == (5, "alias.moved")
    assert (told["subject"], told["data"]["reason"]) == ("models/churn", "better")


def test_a_stream_goes_on_behind_the_last_event_that_was_received(url: str, embedded: Registry) -> None:
    began = time.monotonic()
    with listening(url, **{"Last-Event-ID": "2"}) as receiver:
        missed = [receiver.event()[:2] for _ in range(2)]
        embedded.catalog.create_model("fraud")
        new = receiver.event()[:2]
    took = time.monotonic() - began

    assert missed == [(3, "version.created"), (4, "alias.moved")]
    assert new == (5, "model.created")
    assert took < stream.HEARTBEAT_SECONDS / 2


def test_a_stream_may_begin_with_the_first_event(url: str) -> None:
    with listening(url, query="?position=0") as receiver:
        assert [receiver.event()[0] for _ in range(4)] == [1, 2, 3, 4]


def test_a_receiver_that_was_away_for_long_misses_nothing(
    url: str, embedded: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "KEPT", 3)
    with listening(url) as first:
        first.block()
        for number in range(20):
            embedded.catalog.tag_model("churn", "n", str(number))
        seen = [first.event()[0] for _ in range(20)]
        with listening(url, **{"Last-Event-ID": "5"}) as second:
            caught_up = [second.event()[0] for _ in range(19)]

    assert seen == list(range(5, 25))
    assert caught_up == list(range(6, 25))


def test_waiting_streams_say_that_they_are_alive_and_hold_no_threads(
    url: str, embedded: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "HEARTBEAT_SECONDS", 0.05)
    with listening(url) as first, listening(url) as second, listening(url) as third:
        for receiver in (first, second, third):
            receiver.block()
        before = threading.active_count()
        more = [listening(url) for _ in range(60)]
        opened = [each.__enter__() for each in more]
        beats = [receiver.block() for receiver in opened]
        beats = [receiver.block() for receiver in opened]
        embedded.catalog.create_model("fraud")
        told = {receiver.event()[1] for receiver in (*opened, third)}
        during = threading.active_count()
        for each in more:
            each.__exit__(None, None, None)

    assert all(beat == {"": "still here"} for beat in beats)
    assert told == {"model.created"}
    assert during - before < 33  # the server's pool, at most


@pytest.mark.parametrize("position", ["x", "-1", "1.5", "9" * 30])
def test_a_bad_position_is_refused(url: str, position: str) -> None:
    with listening(url, **{"Last-Event-ID": position}) as receiver:
        assert receiver.response.status == 400


def test_a_page_of_events_is_linked_to_the_next(ask: Ask) -> None:
    first = ask("GET", "/events?position=0&limit=3")
    second = ask("GET", "/events" + first.headers["link"].removeprefix("<").partition(">")[0])

    assert [each["position"] for each in first.json] == [1, 2, 3]
    assert [each["position"] for each in second.json] == [4]
    assert "link" not in second.headers


def test_the_newest_events_are_linked_downwards(ask: Ask) -> None:
    first = ask("GET", "/events/latest?limit=3")
    second = ask("GET", "/events/latest" + first.headers["link"].removeprefix("<").partition(">")[0])

    assert [each["position"] for each in first.json + second.json] == [4, 3, 2, 1]
