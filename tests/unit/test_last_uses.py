"""Uses of tokens that are noted behind the requests' backs."""

import logging
import threading
from collections.abc import Collection

import pytest

from modelshelf.domain.errors import StorageFull
from modelshelf.server.last_uses import LastUses


def test_uses_that_wait_together_are_written_together() -> None:
    written: list[set[str]] = []
    began, may_end = threading.Event(), threading.Event()

    def write(ids: Collection[str]) -> None:
        written.append(set(ids))
        began.set()
        may_end.wait(30)

    uses = LastUses(write)
    uses.note("one")
    began.wait(30)
    uses.note("two")
    uses.note("three")
    may_end.set()
    uses.close()

    assert written == [{"one"}, {"two", "three"}]


def test_a_database_that_refuses_is_told_to_the_log_and_to_nobody_else(caplog: pytest.LogCaptureFixture) -> None:
    def refuse(_: Collection[str]) -> None:
        raise StorageFull("the disk is full")

    uses = LastUses(refuse)
    with caplog.at_level(logging.WARNING):
        uses.note("one")
        uses.close()

    assert "the disk is full" in caplog.text


def test_nothing_is_lost_after_closing() -> None:
    written: list[set[str]] = []
    uses = LastUses(lambda ids: written.append(set(ids)))
    uses.close()

    uses.note("one")
    uses.close()

    assert written == [{"one"}]
