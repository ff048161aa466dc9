"""Aliases, stages and their history, on every kind of shelf."""

import random
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from itertools import pairwise

import pytest

from modelshelf.domain.errors import AliasMoved, Conflict, Invalid, NotFound
from modelshelf.domain.governance import Cause, Slot
from modelshelf.services.registry import Registry
from shelves import Clock, add_version


def _iso(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, tz=UTC).isoformat().replace("+00:00", "Z")


def _with_versions(registry: Registry, count: int, model: str = "fraud") -> None:
    registry.catalog.create_model(model)
    for _ in range(count):
        add_version(registry, model)


def _target(registry: Registry, uri: str) -> int:
    return registry.catalog.resolve(uri).version.number


def test_promotion_and_rollback_move_the_alias_and_keep_the_history(registry: Registry, clock: Clock) -> None:
    _with_versions(registry, 3)
    for number in (1, 2, 3):
        clock.tick()
        registry.governance.promote("fraud", number, alias="production", reason=f"better: {number}")

    registry.governance.rollback("fraud", "production", reason="it misbehaves")

    assert _target(registry, "models:/fraud@production") == 2
    moves = registry.governance.history("fraud")
    assert [(move.before, move.after, move.cause) for move in moves] == [
        (3, 2, Cause.ROLLBACK),
        (2, 3, Cause.PROMOTION),
        (1, 2, Cause.PROMOTION),
        (None, 1, Cause.PROMOTION),
    ]
    assert {move.actor for move in moves} == {"alice"}
    assert moves[0].reason == "it misbehaves"


def test_a_second_rollback_goes_one_further_back(registry: Registry) -> None:
    _with_versions(registry, 3)
    for number in (1, 2, 3):
        registry.governance.set_alias("fraud", "production", number)

    registry.governance.rollback("fraud", "production")
    registry.governance.rollback("fraud", "production")

    assert _target(registry, "models:/fraud@production") == 1
    with pytest.raises(Conflict, match="nothing to roll back to"):
        registry.governance.rollback("fraud", "production")


def test_rolling_back_a_cleared_alias_points_it_where_it_was(registry: Registry) -> None:
    _with_versions(registry, 1)
    registry.governance.set_alias("fraud", "production", 1)
    registry.governance.clear_alias("fraud", "production")

    registry.governance.rollback("fraud", "production")

    assert _target(registry, "models:/fraud@production") == 1


def test_rolling_back_passes_over_versions_deleted_since(registry: Registry) -> None:
    _with_versions(registry, 4)
    for number in (1, 2, 3, 4):
        registry.governance.set_alias("fraud", "production", number)
    registry.catalog.delete_version("fraud", 2)
    registry.catalog.delete_version("fraud", 4, force=True)

    targets = [registry.governance.rollback("fraud", "production").after for _ in range(2)]

    assert targets == [3, 1]


def test_rolling_back_where_all_earlier_versions_are_deleted_is_refused_and_recorded(registry: Registry) -> None:
    _with_versions(registry, 2)
    registry.governance.set_alias("fraud", "production", 1)
    registry.governance.set_alias("fraud", "production", 2)
    registry.catalog.delete_version("fraud", 1)

    with pytest.raises(Conflict, match="have all been deleted"):
        registry.governance.rollback("fraud", "production")

    assert registry.events.latest(model="fraud")[0].name == "move.refused"


def test_an_alias_that_moved_meanwhile_refuses_if_current(registry: Registry) -> None:
    _with_versions(registry, 3)
    registry.governance.set_alias("fraud", "production", 1)
    registry.governance.promote("fraud", 2, alias="production", if_current=1)

    with pytest.raises(AliasMoved, match="points at version 2, not at 1") as refusal:
        registry.governance.promote("fraud", 3, alias="production", if_current=1)

    assert refusal.value.details["current"] == 2
    event = registry.events.latest(model="fraud")[0]
    assert (event.name, event.data["code"], event.data["version"]) == ("move.refused", "alias_moved", 3)


def test_if_current_none_asks_that_the_alias_points_nowhere(registry: Registry) -> None:
    _with_versions(registry, 2)
    registry.governance.set_alias("fraud", "production", 1, if_current=None)

    with pytest.raises(AliasMoved):
        registry.governance.set_alias("fraud", "production", 2, if_current=None)


def test_an_alias_resolves_as_of_a_past_instant(registry: Registry, clock: Clock) -> None:
    _with_versions(registry, 2)
    before = clock()
    first = clock.tick()
    registry.governance.set_alias("fraud", "production", 1)
    second = clock.tick()
    registry.governance.set_alias("fraud", "production", 2)
    third = clock.tick()
    registry.governance.clear_alias("fraud", "production")

    assert _target(registry, f"models:/fraud@production?at={_iso(first)}") == 1
    assert _target(registry, f"models:/fraud@production?at={_iso(second - 1)}") == 1
    assert _target(registry, f"models:/fraud@production?at={_iso(second)}") == 2
    for nowhere in (before, third):
        with pytest.raises(NotFound, match="nothing at that instant"):
            registry.catalog.resolve(f"models:/fraud@production?at={_iso(nowhere)}")


def test_as_of_survives_a_rename(registry: Registry, clock: Clock) -> None:
    _with_versions(registry, 1)
    then = clock.tick()
    registry.governance.set_alias("fraud", "production", 1)
    clock.tick()
    registry.catalog.rename_model("fraud", "card_fraud")
    clock.tick()
    registry.catalog.create_model("fraud")

    assert registry.catalog.resolve(f"models:/fraud@production?at={_iso(then)}").version.name == "card_fraud"
    assert _target(registry, f"models:/card_fraud@production?at={_iso(then)}") == 1


def test_history_survives_the_deletion_of_the_model(registry: Registry) -> None:
    _with_versions(registry, 1)
    registry.governance.set_alias("fraud", "production", 1)

    registry.catalog.delete_model("fraud", force=True)

    assert [move.cause for move in registry.governance.history("fraud")] == [Cause.MODEL_DELETED, Cause.SET]
    assert registry.events.latest(model="fraud")[0].name == "model.deleted"


def test_stages_and_latest_resolve_as_of_a_past_instant(registry: Registry, clock: Clock) -> None:
    _with_versions(registry, 1)
    first = clock.tick()
    registry.governance.set_stage("fraud", 1, "Production")
    second = clock.tick()
    add_version(registry, "fraud")
    registry.governance.set_stage("fraud", 2, "Production", archive_existing=True)

    assert _target(registry, f"models:/fraud/Production?at={_iso(first)}") == 1
    assert _target(registry, f"models:/fraud/latest?at={_iso(first)}") == 1
    assert _target(registry, f"models:/fraud/Production?at={_iso(second)}") == 2
    assert _target(registry, "models:/fraud/Production") == 2


def test_an_instant_without_a_zone_is_refused(registry: Registry) -> None:
    with pytest.raises(Invalid, match="no time zone"):
        registry.catalog.resolve("models:/fraud@production?at=2026-03-01T09:30")


def test_a_clock_set_back_never_reorders_the_ledger(registry: Registry, clock: Clock) -> None:
    _with_versions(registry, 2)
    registry.governance.set_alias("fraud", "production", 1)
    clock.tick(-60_000)

    move = registry.governance.set_alias("fraud", "production", 2)

    assert move.time_ms == registry.governance.history("fraud")[1].time_ms
    assert _target(registry, f"models:/fraud@production?at={_iso(move.time_ms)}") == 2


def test_archiving_the_others_is_recorded_for_each(registry: Registry) -> None:
    _with_versions(registry, 3)
    registry.governance.set_stage("fraud", 1, "Staging")
    registry.governance.set_stage("fraud", 2, "Staging")

    registry.governance.set_stage("fraud", 3, "Staging", archive_existing=True)

    moved = [(move.version, move.before, move.after) for move in registry.governance.history("fraud")[:3]]
    assert sorted(moved) == [(1, "Staging", "Archived"), (2, "Staging", "Archived"), (3, "None", "Staging")]


def test_promoting_to_a_stage_archives_what_was_there(registry: Registry) -> None:
    _with_versions(registry, 2)
    registry.governance.promote("fraud", 1, stage="Production")

    registry.governance.promote("fraud", 2, stage="Production", if_current=1)

    assert [(v.number, v.stage.value) for v in registry.catalog.latest_versions("fraud")] == [
        (2, "Production"),
        (1, "Archived"),
    ]


@pytest.mark.parametrize("alias", ["", "latest", "LATEST", "v1", "V12", "a b", "a/b", "x" * 256, "é!", None])
def test_a_bad_or_reserved_alias_is_refused(registry: Registry, alias: str) -> None:
    _with_versions(registry, 1)

    with pytest.raises(Invalid):
        registry.governance.set_alias("fraud", alias, 1)


def test_unknown_things_are_named_with_what_there_is(registry: Registry) -> None:
    _with_versions(registry, 1)
    registry.governance.set_alias("fraud", "production", 1)

    with pytest.raises(NotFound, match="no version 7 of 'fraud'; the newest is 1"):
        registry.governance.set_alias("fraud", "production", 7)
    with pytest.raises(NotFound, match="did you mean 'production'"):
        registry.catalog.resolve("models:/fraud@produktion")
    with pytest.raises(NotFound, match="did you mean 'fraud'"):
        registry.governance.set_alias("frau", "production", 1)
    with pytest.raises(Invalid, match="the stages are None, Staging, Production, Archived"):
        registry.governance.set_stage("fraud", 1, "Prod")


def test_64_movers_of_one_alias_leave_one_state_and_one_history(registry: Registry) -> None:
    _with_versions(registry, 8)

    with ThreadPoolExecutor(64) as pool:
        list(pool.map(lambda n: registry.governance.set_alias("fraud", "production", n % 8 + 1), range(64)))

    moves = registry.governance.history("fraud")
    assert len(moves) == 64
    assert moves[0].after == _target(registry, "models:/fraud@production")
    assert all(newer.before == older.after for newer, older in pairwise(moves))


def test_the_present_is_the_fold_of_the_moves(registry: Registry, clock: Clock) -> None:
    _with_versions(registry, 5)
    dice = random.Random(7)
    for _ in range(80):
        clock.tick(dice.randint(-5, 50))
        alias = dice.choice(["production", "canary", "champion"])
        match dice.randint(0, 3):
            case 0:
                registry.governance.clear_alias("fraud", alias)
            case 1:
                registry.governance.set_stage(
                    "fraud", dice.randint(1, 5), dice.choice(["Staging", "Production", "None"])
                )
            case _:
                registry.governance.set_alias("fraud", alias, dice.randint(1, 5))

    aliases: dict[str, int] = {}
    stages: dict[int, str] = {}
    for move in reversed(registry.governance.history("fraud")):
        if move.slot is Slot.STAGE:
            stages[move.version or 0] = str(move.after)
        elif move.after is None:
            aliases.pop(str(move.alias), None)
        else:
            aliases[str(move.alias)] = int(move.after)

    assert registry.catalog.model("fraud").aliases == aliases
    assert {n: registry.catalog.version("fraud", n).stage.value for n in stages} == stages
