"""Duties that wait for a change."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from modelshelf.connect import connect
from modelshelf.domain.access import SYSTEM, Actor, Role
from modelshelf.domain.errors import Busy
from modelshelf.server.background import DUTIES, Background, Duty
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


def test_of_two_processes_the_one_that_leads_looks_often(registry: Registry) -> None:
    def duties(leads: bool) -> list[Duty]:
        return [Duty("electing", 1.0, lambda _: leads, elects=True), Duty("often", 0.1, lambda _: False)]

    leader, other = (Background(registry, duties(leads)) for leads in (True, False))
    for each in (leader, other):
        each._do(next(iter(each._due)))

    assert [[each._pause(duty) for duty in each._due] for each in (leader, other)] == [[1.0, 0.1], [2.0, 2.0]]


def test_a_process_that_ends_lets_another_one_lead(registry: Registry) -> None:
    system = registry.acting_as(Actor(SYSTEM, Role.ADMIN))
    first = Background(registry)
    first._do(DUTIES[0])
    before = system.rollouts.step_rollouts("another")

    first.close()

    assert (before, system.rollouts.step_rollouts("another")) == (False, True)
