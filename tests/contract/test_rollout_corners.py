"""Rollouts where something else happens meanwhile: renames, deletions, clocks that go back, gates, late reports."""

from collections.abc import Callable
from typing import Any

import pytest

from modelshelf.domain.access import Actor, Role
from modelshelf.domain.errors import Conflict, GateFailed, Invalid, Protected
from modelshelf.domain.fleet import EXPIRY_MS, Heartbeat
from modelshelf.domain.governance import Cause, Move, Slot
from modelshelf.domain.rollouts import Report, Rollout, RolloutState
from modelshelf.domain.verdicts import Outcomes, Sums
from modelshelf.services.registry import Registry
from shelves import AsActor, Clock, add_version

MINUTE = 60_000
Step = Callable[[], bool]


@pytest.fixture
def step(embedded: Registry) -> Step:
    """What a server does by itself, done once."""
    system = embedded.acting_as(Actor("system", Role.ADMIN))
    return lambda: system.rollouts.step_rollouts("server-1")


@pytest.fixture
def fraud(registry: Registry, step: Step) -> Registry:
    """A model with two versions, the first in production, and a server that steps rollouts."""
    registry.catalog.create_model("fraud")
    for content in (b"one", b"two"):
        add_version(registry, "fraud", content)
    registry.governance.set_alias("fraud", "production", 1)
    step()
    return registry


def started(shelf: Registry, **options: Any) -> Rollout:
    return shelf.rollouts.start("fraud", 2, alias="production", **{"every_ms": MINUTE, **options})


def canary_moves(moves: list[Move]) -> list[tuple[object, object]]:
    return [(move.before, move.after) for move in moves if move.slot is Slot.ALIAS and move.alias == "canary"][::-1]


def test_a_rollout_goes_with_its_model_when_that_gets_another_name(fraud: Registry, clock: Clock, step: Step) -> None:
    rollout = started(fraud, steps=[50])
    fraud.catalog.rename_model("fraud", "swindle")
    fraud.catalog.create_model("fraud")
    for content in (b"three", b"four"):
        add_version(fraud, "fraud", content)
    fraud.governance.set_alias("fraud", "production", 1)
    clock.tick(MINUTE)

    step()

    assert fraud.rollouts.rollout(rollout.id).state is RolloutState.FINISHED
    assert fraud.catalog.resolve("models:/swindle@production").version.number == 2
    assert fraud.catalog.resolve("models:/fraud@production").version.number == 1


def test_steps_that_begin_with_all_of_the_traffic_end_after_their_time(
    fraud: Registry, clock: Clock, step: Step
) -> None:
    rollout = started(fraud, steps=[100])
    step()
    during = fraud.rollouts.rollout(rollout.id)
    clock.tick(MINUTE)

    step()

    assert (during.state, during.weight) == (RolloutState.RUNNING, 100)
    assert fraud.rollouts.rollout(rollout.id).state is RolloutState.FINISHED


def test_all_of_the_copies_are_a_step_of_their_own(fraud: Registry, clock: Clock, step: Step) -> None:
    rollout = started(fraud, steps=[50, 100], shadow=True)
    clock.tick(MINUTE)
    step()
    route = fraud.rollouts.route("fraud", "production")
    clock.tick(MINUTE)

    step()

    assert (route.weight, route.version_for("anybody"), route.shadow_for("anybody")) == (100, 1, 2)
    assert fraud.rollouts.rollout(rollout.id).state is RolloutState.FINISHED


@pytest.mark.parametrize("alias", ["able", "zeta"])
def test_deleting_the_model_clears_its_canary_once(fraud: Registry, alias: str, step: Step) -> None:
    fraud.governance.set_alias("fraud", alias, 1)
    step()
    rollout = fraud.rollouts.start("fraud", 2, alias=alias)

    fraud.catalog.delete_model("fraud", force=True)

    ended = fraud.rollouts.rollout(rollout.id)
    assert (ended.state, ended.why) == (RolloutState.ABORTED, "the model was deleted")
    assert canary_moves(fraud.governance.history("fraud")) == [(None, 2), (2, None)]


@pytest.mark.parametrize("number", [1, 2])
def test_deleting_one_of_its_versions_by_force_aborts_a_rollout(fraud: Registry, number: int) -> None:
    rollout = started(fraud)

    fraud.catalog.delete_version("fraud", number, force=True)

    ended = fraud.rollouts.rollout(rollout.id)
    assert (ended.state, ended.why) == (RolloutState.ABORTED, f"version {number} was deleted")
    assert canary_moves(fraud.governance.history("fraud")) == [(None, 2), (2, None)]


def test_gates_are_judged_before_the_first_step(fraud: Registry) -> None:
    fraud.governance.define_gate("never", model="fraud", alias="production", clauses=["1 > 2"])

    with pytest.raises(GateFailed):
        started(fraud)

    assert fraud.events.latest(limit=1)[0].name == "move.refused"
    assert fraud.rollouts.rollouts("fraud") == []


def test_gates_are_judged_again_before_all_of_the_traffic_and_hold_the_rollout(
    fraud: Registry, clock: Clock, step: Step
) -> None:
    rollout = started(fraud, steps=[50])
    fraud.governance.define_gate("never", model="fraud", alias="production", clauses=["1 > 2"])
    clock.tick(MINUTE)

    step()

    held = fraud.rollouts.rollout(rollout.id)
    assert (held.state, held.weight) == (RolloutState.PAUSED, 50)
    assert "never" in held.why
    assert fraud.catalog.resolve("models:/fraud@production").version.number == 1
    with pytest.raises(GateFailed):
        fraud.rollouts.finish(rollout.id)
    fraud.governance.delete_gate("never")
    assert fraud.rollouts.finish(rollout.id).state is RolloutState.FINISHED


def test_the_lease_of_a_server_whose_clock_was_ahead_is_not_waited_for(
    fraud: Registry, embedded: Registry, clock: Clock, step: Step
) -> None:
    rollout = started(fraud, steps=[10, 50])
    clock.tick(86_400_000)
    step()
    clock.tick(-86_400_000 + 2 * MINUTE)
    other = embedded.acting_as(Actor("system", Role.ADMIN)).rollouts

    assert other.step_rollouts("server-2")

    assert fraud.rollouts.rollout(rollout.id).state.is_live


def test_a_clock_set_back_prolongs_a_step_by_no_more_than_its_length(fraud: Registry, clock: Clock, step: Step) -> None:
    rollout = started(fraud, steps=[10, 50])
    clock.tick(-86_400_000)
    step()
    early = fraud.rollouts.rollout(rollout.id).weight
    clock.tick(MINUTE)

    step()

    assert (early, fraud.rollouts.rollout(rollout.id).weight) == (10, 50)


def test_a_clock_set_back_while_paused_does_no_harm(fraud: Registry, clock: Clock, step: Step) -> None:
    rollout = started(fraud, steps=[10, 50])
    fraud.rollouts.pause(rollout.id)
    clock.tick(-86_400_000)
    fraud.rollouts.resume(rollout.id)
    step()
    clock.tick(MINUTE)

    step()

    assert fraud.rollouts.rollout(rollout.id).weight == 50


def test_reports_about_steps_that_were_never_taken_are_dropped(fraud: Registry, step: Step) -> None:
    rollout = started(fraud)
    strange = [Report(rollout.id, number, Outcomes(5, 5), Outcomes(5, 5)) for number in (-1, 1, 10**9)]

    assert fraud.rollouts.report(strange) == 0

    step()
    assert fraud.rollouts.rollout(rollout.id).verdict is None


@pytest.mark.parametrize("sums", [Sums(0, 1.0, 1.0), Sums(2, 10.0, 1.0)])
def test_sums_that_no_numbers_have_are_refused(fraud: Registry, sums: Sums) -> None:
    rollout = started(fraud)

    with pytest.raises(Invalid, match="sums"):
        fraud.rollouts.report([Report(rollout.id, 0, Outcomes(5, 0, outcome=sums))])


def test_a_histogram_of_more_requests_than_there_were_is_refused(fraud: Registry) -> None:
    rollout = started(fraud)

    with pytest.raises(Invalid, match="latencies"):
        fraud.rollouts.report([Report(rollout.id, 0, Outcomes(1, 0, (2,) * 55))])


def test_a_step_waits_until_all_reports_are_counted(
    fraud: Registry, clock: Clock, step: Step, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("modelshelf.services.rollout_steps.AT_ONCE", 2)
    rollout = started(fraud, steps=[10, 50])
    fine = [Report(rollout.id, 0, Outcomes(100, 0), Outcomes(100, 0))] * 2
    fraud.rollouts.report([*fine, Report(rollout.id, 0, Outcomes(2000, 20), Outcomes(2000, 400))])
    clock.tick(MINUTE)

    weights = [(step(), fraud.rollouts.rollout(rollout.id).weight)[1] for _ in range(2)]

    assert weights == [10, 0]
    assert fraud.rollouts.rollout(rollout.id).state is RolloutState.ROLLED_BACK


def test_one_who_may_not_move_the_alias_may_not_abort_and_that_is_recorded(fraud: Registry, as_actor: AsActor) -> None:
    fraud.access.create_user("alice", role="admin", password=None)
    rollout = started(fraud)
    fraud.governance.protect("fraud", alias="production", users=["alice"])
    carl = as_actor("carl", Role.CONTRIBUTOR)

    for change in (carl.rollouts.pause, carl.rollouts.abort, carl.rollouts.finish):
        with pytest.raises(Protected):
            change(rollout.id)

    refused = [event for event in fraud.events.latest(limit=10) if event.name == "move.refused"]
    assert [(event.actor, event.data["alias"]) for event in refused] == [("carl", "production")] * 3
    assert fraud.rollouts.rollout(rollout.id).state is RolloutState.RUNNING


def test_who_resumes_or_pauses_twice_is_told_where_it_stands(fraud: Registry) -> None:
    rollout = started(fraud)

    with pytest.raises(Conflict, match="is running, not paused"):
        fraud.rollouts.resume(rollout.id)
    fraud.rollouts.pause(rollout.id)
    with pytest.raises(Conflict, match="is paused, not running"):
        fraud.rollouts.pause(rollout.id)


def test_a_rollback_by_hand_aborts_the_rollout(fraud: Registry) -> None:
    add_version(fraud, "fraud", b"three")
    fraud.governance.set_alias("fraud", "production", 3)
    rollout = started(fraud)

    fraud.governance.rollback("fraud", "production")

    assert fraud.rollouts.rollout(rollout.id).state is RolloutState.ABORTED
    assert fraud.governance.history("fraud", alias="canary")[0].cause is Cause.ROLLOUT


def test_events_tell_the_versions_before_and_after(fraud: Registry) -> None:
    rollout = started(fraud)
    fraud.rollouts.finish(rollout.id)

    told = [event for event in fraud.events.latest(limit=20) if event.name.startswith("rollout.")]

    assert {event.name for event in told} == {"rollout.started", "rollout.weight_moved", "rollout.finished"}
    assert all((event.data["stable"], event.data["target"]) == (1, 2) for event in told)
    assert all(event.data["alias"] == "production" for event in told)


def test_loaders_of_an_alias_that_is_gone_are_told_apart(fraud: Registry) -> None:
    fraud.rollouts.beat([Heartbeat("a", "web-1", "fraud", "production", 1)])
    fraud.governance.clear_alias("fraud", "production")

    (placement,) = fraud.rollouts.fleet("fraud")

    assert placement.wanted == frozenset()
    assert placement.summary == "1 still on v1: web-1"


def test_loaders_not_heard_of_are_forgotten_in_time(fraud: Registry, embedded: Registry, clock: Clock) -> None:
    fraud.rollouts.beat([Heartbeat("a", "web-1", "fraud", "production", 1)])
    system = embedded.acting_as(Actor("system", Role.ADMIN)).rollouts
    kept = system.forget_loaders()
    clock.tick(EXPIRY_MS + 1)

    gone = system.forget_loaders()

    assert (kept, gone) == (0, 1)


def test_more_loaders_than_a_shelf_holds_are_refused(fraud: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("modelshelf.services.fleet.LOADERS_LIMIT", 2)
    fraud.rollouts.beat([Heartbeat(name, "web", "fraud", "production", 1) for name in "ab"])

    with pytest.raises(Conflict, match="loaders"):
        fraud.rollouts.beat([Heartbeat(name, "web", "fraud", "production", 1) for name in "cd"])
    fraud.rollouts.beat([Heartbeat("a", "web", "fraud", "production", 2)])

    (placement,) = fraud.rollouts.fleet("fraud")
    assert sorted(each.beat.version for each in placement.loaders) == [1, 2]


@pytest.mark.parametrize("fate", ["gone", "a reader now"])
def test_who_started_it_and_may_no_longer_move_does_not_finish_it(
    fraud: Registry, as_actor: AsActor, clock: Clock, step: Step, fate: str
) -> None:
    fraud.access.create_user("carl", role="contributor", password="correct horse")
    fraud.access.create_user("dora", role="admin", password="correct horse")
    carl = as_actor("carl", Role.CONTRIBUTOR)
    rollout = carl.rollouts.start("fraud", 2, alias="production", steps=[50], every_ms=60_000)
    if fate == "gone":
        fraud.access.delete_user("carl")
    else:
        fraud.access.set_role("carl", "reader")

    clock.tick(60_000)
    step()

    held = fraud.rollouts.rollout(rollout.id)
    assert held.state is RolloutState.PAUSED
    assert "carl, who started it, may not move aliases any more" in held.why
    assert fraud.catalog.resolve("models:/fraud@production").version.number == 1
