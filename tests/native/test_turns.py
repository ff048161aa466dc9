"""What is so long that one at a time is enough: others are told when to come again, and the next one may."""

import threading
from collections.abc import Iterator

import pytest

from asking import Ask
from modelshelf.domain.artifacts import Finding
from modelshelf.domain.errors import Throttled
from modelshelf.native.turns import Turn
from modelshelf.services.artifacts import Artifacts
from modelshelf.services.events import Events


class _Gate:
    """Stops whoever comes first until it is opened."""

    def __init__(self) -> None:
        self.reached, self.opened = threading.Event(), threading.Event()

    def pass_through(self) -> None:
        self.reached.set()
        assert self.opened.wait(30)


def test_a_turn_is_given_to_one_at_a_time_and_given_back_whatever_happens() -> None:
    turn = Turn("a look")

    def fail() -> None:
        with turn:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    with turn, pytest.raises(Throttled, match="a look is under way already"):
        fail()
    with turn:
        pass


@pytest.mark.parametrize(("verb", "path"), [("POST", "/ledger/verify"), ("GET", "/findings")])
def test_only_one_verification_runs_at_a_time(ask: Ask, monkeypatch: pytest.MonkeyPatch, verb: str, path: str) -> None:
    gate, ledger, store = _Gate(), Events.verify, Artifacts.verify

    def slow_store(self: Artifacts, **named: object) -> Iterator[Finding]:
        gate.pass_through()
        yield from store(self, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(Events, "verify", lambda self, **named: (gate.pass_through(), ledger(self, **named))[1])
    monkeypatch.setattr(Artifacts, "verify", slow_store)
    statuses: list[int] = []
    first = threading.Thread(target=lambda: statuses.append(ask(verb, path).status))
    first.start()
    assert gate.reached.wait(30)

    refused = ask(verb, path)
    gate.opened.set()
    first.join(30)
    again = ask(verb, path)

    assert (refused.status, refused.headers["retry-after"]) == (429, "10")
    assert refused.json["code"] == "throttled"
    assert [*statuses, again.status] == [200, 200]
