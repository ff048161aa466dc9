"""Duties that wait for a change."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from modelshelf.connect import connect
from modelshelf.domain.errors import Busy
from modelshelf.server.background import Background, Duty
from modelshelf.services.registry import Registry


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    with connect(f"sqlite:///{tmp_path}/shelf.db") as found:
        yield found


def test_a_duty_on_change_has_a_cause_once_for_each_change(registry: Registry) -> None:
    duty = Duty("settling", 0.1, lambda shelf: shelf.events.settle(), on_change=True)
    background = Background(registry, [duty])

    before = [background._has_cause(duty), background._has_cause(duty)]
    registry.catalog.create_model("churn")
    after = [background._has_cause(duty), background._has_cause(duty)]

    assert (before, after) == ([True, False], [True, False])


def test_a_duty_that_failed_is_tried_again_though_nothing_changed(registry: Registry) -> None:
    def fail(shelf: Registry) -> None:
        raise Busy(f"the database of {shelf.uri} is busy")

    duty = Duty("failing", 0.1, fail, on_change=True)
    background = Background(registry, [duty])
    background._has_cause(duty)

    background._do(duty)

    assert background._has_cause(duty)
