"""Rollouts on every kind of shelf: who gets which version, when a step is taken, and what ends one."""

from collections.abc import Callable
from typing import Any

import pytest

from modelshelf.domain.access import Actor, Role
from modelshelf.domain.errors import AlreadyExists, Conflict, Forbidden, Invalid, NotFound, VersionInUse
from modelshelf.domain.fleet import EXPIRY_MS, Heartbeat
from modelshelf.domain.governance import Cause, Slot
from modelshelf.domain.rollouts import Report, Rollout, RolloutState
from modelshelf.domain.verdicts import LATENCY_BOUNDS, Finding, Outcomes, Sums
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


def report(rollout: Rollout, *, requests: int = 100, old: int = 0, new: int = 0) -> Report:
    return Report(rollout.id, rollout.step, Outcomes(requests, old), Outcomes(requests, new))


def test_without_a_rollout_everyone_gets_what_the_alias_says(fraud: Registry) -> None:
    route = fraud.rollouts.route("fraud", "production")

    assert (route.stable, route.target, route.version_for("anybody")) == (1, None, 1)


def test_a_rollout_sends_a_share_of_the_keys_to_the_new_version(fraud: Registry) -> None:
    started(fraud, steps=[25])

    route = fraud.rollouts.route("fraud", "production")

    served = [route.version_for(f"key {number}") for number in range(4000)]
    assert served == [route.version_for(f"key {number}") for number in range(4000)]
    assert 0.22 < served.count(2) / 4000 < 0.28
    assert fraud.catalog.resolve("models:/fraud@production").version.number == 1
    assert fraud.catalog.resolve("models:/fraud@canary").version.number == 2


def test_who_has_seen_the_new_version_keeps_it_as_the_weight_grows(fraud: Registry, clock: Clock, step: Step) -> None:
    started(fraud, steps=[5, 50])
    before = fraud.rollouts.route("fraud", "production")

    clock.tick(MINUTE)
    step()

    after = fraud.rollouts.route("fraud", "production")
    keys = [f"key {number}" for number in range(2000)]
    assert (before.weight, after.weight) == (5.0, 50.0)
    assert {key for key in keys if before.version_for(key) == 2} <= {key for key in keys if after.version_for(key) == 2}


def test_steps_are_taken_in_their_time_and_at_the_end_the_alias_moves(
    fraud: Registry, clock: Clock, step: Step
) -> None:
    rollout = started(fraud, steps=[10, 50, 100])
    weights = []
    for _ in range(6):
        clock.tick(MINUTE // 2)
        step()
        weights.append(fraud.rollouts.route("fraud", "production").weight)

    ended = fraud.rollouts.rollout(rollout.id)
    last = fraud.governance.history("fraud", alias="production")[0]
    assert weights == [10, 50, 50, 0, 0, 0]
    assert ended.state is RolloutState.FINISHED
    assert (last.before, last.after, last.cause, last.actor) == (1, 2, Cause.ROLLOUT, fraud.actor.name)
    with pytest.raises(NotFound):
        fraud.governance.alias_position("fraud", "canary")


def test_every_weight_is_a_row_of_the_ledger(fraud: Registry, clock: Clock, step: Step) -> None:
    started(fraud, steps=[10, 50])
    clock.tick(MINUTE)
    step()

    routes = [move for move in fraud.governance.history("fraud") if move.slot is Slot.ROUTE]

    assert [(move.before, move.after, move.version) for move in routes] == [("10", "50", 2), ("0", "10", 2)]
    assert [event.name for event in fraud.events.latest(model="fraud", limit=1)] == ["rollout.weight_moved"]


def test_a_worse_version_is_rolled_back_by_itself(fraud: Registry, step: Step) -> None:
    rollout = started(fraud)
    fraud.rollouts.report([report(rollout, requests=2000, old=20, new=200)])

    step()

    ended = fraud.rollouts.rollout(rollout.id)
    route = fraud.rollouts.route("fraud", "production")
    assert ended.state is RolloutState.ROLLED_BACK
    assert "errors 0.01 to 0.1" in ended.why
    assert ended.verdict is not None
    assert ended.verdict.finding is Finding.WORSE
    assert (route.stable, route.target) == (1, None)
    assert fraud.catalog.resolve("models:/fraud@production").version.number == 1
    assert "rollout.rolled_back" in [event.name for event in fraud.events.latest(limit=5)]


def test_a_step_waits_for_as_many_requests_as_were_asked_for(fraud: Registry, clock: Clock, step: Step) -> None:
    rollout = started(fraud, steps=[10, 50], min_requests=150)
    clock.tick(MINUTE)
    fraud.rollouts.report([report(rollout)])
    step()
    waiting = fraud.rollouts.rollout(rollout.id).weight

    fraud.rollouts.report([report(rollout)])
    step()

    assert (waiting, fraud.rollouts.rollout(rollout.id).weight) == (10, 50)


def test_a_paused_rollout_stays_where_it_is_and_goes_on_for_the_rest_of_its_step(
    fraud: Registry, clock: Clock, step: Step
) -> None:
    rollout = started(fraud, steps=[10, 50])
    clock.tick(MINUTE // 2)
    fraud.rollouts.pause(rollout.id, reason="lunch")
    clock.tick(10 * MINUTE)
    step()
    paused = fraud.rollouts.rollout(rollout.id)

    fraud.rollouts.resume(rollout.id)
    step()
    resumed = fraud.rollouts.rollout(rollout.id)
    clock.tick(MINUTE // 2)
    step()

    assert (paused.state, paused.weight, paused.why) == (RolloutState.PAUSED, 10, "lunch")
    assert resumed.weight == 10
    assert fraud.rollouts.rollout(rollout.id).weight == 50


def test_a_worse_version_is_rolled_back_while_paused(fraud: Registry, step: Step) -> None:
    rollout = started(fraud)
    fraud.rollouts.pause(rollout.id)
    fraud.rollouts.report([report(rollout, requests=2000, old=20, new=200)])

    step()

    assert fraud.rollouts.rollout(rollout.id).state is RolloutState.ROLLED_BACK


def test_an_abort_sends_everyone_back_at_once(fraud: Registry) -> None:
    rollout = started(fraud, steps=[50])

    ended = fraud.rollouts.abort(rollout.id, reason="the news")

    assert (ended.state, ended.why) == (RolloutState.ABORTED, "the news")
    assert fraud.rollouts.route("fraud", "production").target is None
    with pytest.raises(NotFound):
        fraud.governance.alias_position("fraud", "canary")
    with pytest.raises(Conflict, match="is over"):
        fraud.rollouts.abort(rollout.id)


def test_finish_moves_the_alias_now(fraud: Registry) -> None:
    rollout = started(fraud)

    ended = fraud.rollouts.finish(rollout.id, reason="good enough")

    assert ended.state is RolloutState.FINISHED
    assert fraud.catalog.resolve("models:/fraud@production").version.number == 2


@pytest.mark.parametrize("alias", ["production", "canary"])
def test_moving_an_alias_by_hand_aborts_the_rollout(fraud: Registry, alias: str) -> None:
    rollout = started(fraud)
    number = add_version(fraud, "fraud", b"three")

    fraud.governance.set_alias("fraud", alias, number)

    ended = fraud.rollouts.rollout(rollout.id)
    assert (ended.state, ended.why) == (RolloutState.ABORTED, f"{alias} was moved by hand")
    assert fraud.rollouts.route("fraud", "production").target is None


def test_deleting_the_model_ends_its_rollout(fraud: Registry, step: Step) -> None:
    rollout = started(fraud)

    fraud.catalog.delete_model("fraud", force=True)
    step()

    assert fraud.rollouts.rollout(rollout.id).state is RolloutState.ABORTED


def test_a_shadow_gets_copies_and_serves_nobody(fraud: Registry) -> None:
    started(fraud, steps=[50], shadow=True)

    route = fraud.rollouts.route("fraud", "production")

    keys = [f"key {number}" for number in range(400)]
    assert {route.version_for(key) for key in keys} == {1}
    assert {route.shadow_for(key) for key in keys} == {2, None}


def test_one_rollout_at_a_time(fraud: Registry) -> None:
    first = started(fraud)

    with pytest.raises(AlreadyExists, match=f"rollout {first.id} of fraud is under way"):
        started(fraud)


@pytest.mark.parametrize(
    ("options", "error", "says"),
    [
        ({"alias": "nowhere"}, NotFound, "no alias 'nowhere'"),
        ({"alias": "canary"}, Invalid, "roll out behind another alias"),
        ({"version": 1}, Conflict, "points at version 1 already"),
        ({"version": 9}, NotFound, "no version 9"),
        ({"steps": [50, 5]}, Invalid, "must grow"),
        ({"steps": [0]}, Invalid, "must grow"),
        ({"steps": []}, Invalid, "must grow"),
        ({"every_ms": 10}, Invalid, "from a second"),
        ({"error_rate": 1.5}, Invalid, "between 0 and 1"),
    ],
)
def test_what_can_t_be_started(fraud: Registry, options: dict[str, Any], error: type[Exception], says: str) -> None:
    given = {"version": 2, "alias": "production", **options}

    with pytest.raises(error, match=says):
        fraud.rollouts.start("fraud", given.pop("version"), **given)


def test_a_canary_that_is_there_already_is_a_refusal(fraud: Registry) -> None:
    fraud.governance.set_alias("fraud", "canary", 1)

    with pytest.raises(Conflict, match="a rollout needs the name"):
        started(fraud)


def test_without_a_server_that_steps_it_nothing_starts(fraud: Registry, clock: Clock) -> None:
    clock.tick(3600_000)

    with pytest.raises(Conflict, match="no server is there"):
        started(fraud)


@pytest.mark.usefixtures("fraud")
def test_one_server_at_a_time_takes_the_steps(embedded: Registry, clock: Clock, step: Step) -> None:
    other = embedded.acting_as(Actor("system", Role.ADMIN)).rollouts

    assert not other.step_rollouts("server-2")
    clock.tick(60_000)
    assert other.step_rollouts("server-2")
    assert not step()


@pytest.mark.usefixtures("fraud")
def test_readers_see_and_contributors_start(as_actor: AsActor) -> None:
    reader, contributor = as_actor("rita", Role.READER), as_actor("carl", Role.CONTRIBUTOR)
    with pytest.raises(Forbidden):
        started(reader)

    rollout = started(contributor)

    assert reader.rollouts.rollout(rollout.id).started_by == "carl"
    assert [each.id for each in reader.rollouts.rollouts("fraud")] == [rollout.id]


@pytest.mark.parametrize(
    "outcomes",
    [
        Outcomes(1, 2),
        Outcomes(-1, 0),
        Outcomes(10**13, 0),
        Outcomes(1, 0, (1, 2, 3)),
        Outcomes(1, 0, (-1,) * (len(LATENCY_BOUNDS) + 1)),
        Outcomes(1, 0, outcome=Sums(1, 1.0, -1.0)),
        Outcomes(1, 0, outcome=Sums(1, 1e300, 1e300)),
    ],
)
def test_reports_that_can_t_be_are_refused(fraud: Registry, outcomes: Outcomes) -> None:
    rollout = started(fraud)

    with pytest.raises(Invalid):
        fraud.rollouts.report([Report(rollout.id, 0, outcomes, Outcomes())])


def test_reports_on_what_is_over_are_dropped(fraud: Registry) -> None:
    rollout = started(fraud)
    fraud.rollouts.abort(rollout.id)

    assert fraud.rollouts.report([report(rollout), Report(10**6, 0)]) == 0


def beat(loader: str, version: int, **more: Any) -> Heartbeat:
    return Heartbeat(loader=loader, host=f"host-{loader}", model="fraud", alias="production", version=version, **more)


def test_the_fleet_shows_wanted_against_seen(fraud: Registry) -> None:
    fraud.rollouts.beat([beat("a", 1), beat("b", 1), beat("c", 1)])
    fraud.governance.set_alias("fraud", "production", 2)
    fraud.rollouts.beat([beat("a", 2)])

    (placement,) = fraud.rollouts.fleet("fraud")

    assert placement.route.stable == 2
    assert placement.summary == "1 of 3 on v2, 2 still on v1: host-b, host-c"


def test_loaders_that_fall_silent_are_gone(fraud: Registry, clock: Clock) -> None:
    fraud.rollouts.beat([beat("a", 1)])
    clock.tick(EXPIRY_MS + 1)

    assert fraud.rollouts.fleet("fraud") == []


def test_a_version_that_a_loader_runs_is_not_deleted_unless_forced(fraud: Registry) -> None:
    fraud.rollouts.beat([beat("a", 2)])

    with pytest.raises(VersionInUse, match="host-a"):
        fraud.catalog.delete_version("fraud", 2)
    fraud.catalog.delete_version("fraud", 2, force=True)


@pytest.mark.parametrize(
    "bad", [beat("", 1), beat("x" * 65, 1), beat("a", 0), beat("a", 1, last_error="e" * 1001), beat("a\0", 1)]
)
def test_heartbeats_that_can_t_be_are_refused(fraud: Registry, bad: Heartbeat) -> None:
    with pytest.raises(Invalid):
        fraud.rollouts.beat([bad])
