"""What those see who watch over a shelf: the ledger by actor, kind and time, and how the shelf is."""

import pytest

from modelshelf.domain.access import Actor, Role
from modelshelf.domain.errors import NotFound
from modelshelf.domain.governance import Slot
from modelshelf.services import oversight
from modelshelf.services.registry import Registry
from shelves import Clock, add_version

DAY_MS = 24 * 60 * 60 * 1000


def _acting(registry: Registry, name: str) -> Registry:
    return registry.acting_as(Actor(name, Role.ADMIN))


def _filled(registry: Registry, clock: Clock) -> None:
    """Events of three days: alice makes models, a robot of hers tags them, bob describes them."""
    for day in range(3):
        name = f"model-{day}"
        _acting(registry, "alice").catalog.create_model(name)
        _acting(registry, "alice/ci").catalog.tag_model(name, "day", str(day))
        _acting(registry, "bob").catalog.describe_model(name, f"of day {day}")
        clock.tick(DAY_MS)
    registry.events.settle()


def test_the_ledger_is_read_page_by_page_without_a_gap(embedded: Registry, clock: Clock) -> None:
    _filled(embedded, clock)

    first = embedded.overviews.ledger(limit=4)
    second = embedded.overviews.ledger(limit=100, before=first.before)

    positions = [event.position for event in (*first.events, *second.events)]
    assert positions == list(range(9, 0, -1))
    assert (second.before, second.is_whole) == (None, True)


def test_a_users_tokens_count_as_the_user_and_a_token_as_itself(embedded: Registry, clock: Clock) -> None:
    _filled(embedded, clock)

    assert {event.actor for event in embedded.overviews.ledger(actor="alice").events} == {"alice", "alice/ci"}
    assert {event.actor for event in embedded.overviews.ledger(actor="alice/ci").events} == {"alice/ci"}
    assert embedded.overviews.ledger(actor="ali").events == ()


def test_events_are_found_by_kind_model_and_time(embedded: Registry, clock: Clock) -> None:
    _filled(embedded, clock)
    everything = embedded.overviews.ledger(limit=100).events
    second_day = next(event.time_ms for event in everything if event.subject == "models/model-1")

    tagged = embedded.overviews.ledger(names=["model.tagged"]).events
    of_model = embedded.overviews.ledger(model="model-2").events
    of_day = embedded.overviews.ledger(since_ms=second_day, until_ms=second_day + DAY_MS - 1).events

    assert [event.name for event in tagged] == ["model.tagged"] * 3
    assert {event.subject for event in of_model} == {"models/model-2"}
    assert {event.subject for event in of_day} == {"models/model-1"}
    with pytest.raises(NotFound):
        embedded.overviews.ledger(model="never-there")


def test_a_look_back_is_broken_off_and_goes_on_where_it_ended(
    embedded: Registry, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    _filled(embedded, clock)
    monkeypatch.setattr(oversight, "LOOKED_THROUGH", 4)
    found, before, looks = [], None, 0

    while looks == 0 or before is not None:
        page = embedded.overviews.ledger(actor="bob", before=before)
        found += [event.position for event in page.events]
        before, looks = page.before, looks + 1

    assert found == [9, 6, 3]
    assert looks == 3


def test_one_event_is_found_by_its_place(embedded: Registry, clock: Clock) -> None:
    _filled(embedded, clock)

    assert embedded.overviews.event(1).name == "model.created"
    for position in (0, 10, 2**70):
        with pytest.raises(NotFound):
            embedded.overviews.event(position)


def test_the_health_of_a_shelf_is_told(embedded: Registry, clock: Clock) -> None:
    _filled(embedded, clock)

    health = embedded.overviews.shelf_health()

    assert health.events == 9
    assert health.unsealed_events == 9
    assert health.schema >= 13
    assert health.database_bytes > 0
    assert (health.sealed.count, health.sealed.is_counted) == (0, True)


def test_no_rollout_is_live_on_a_new_shelf(embedded: Registry) -> None:
    assert embedded.overviews.live_rollouts() == []


def test_the_weights_of_a_rollout_are_no_moves_of_its_alias(embedded: Registry) -> None:
    alice = _acting(embedded, "alice")
    model = alice.catalog.create_model("fraud")
    for number in (1, 2):
        add_version(alice, "fraud")
        alice.governance.promote("fraud", 1, alias="production", reason=f"{number}")
    embedded.rollouts.step_rollouts("a server")

    made = alice.rollouts.start("fraud", 2, alias="production", reason="slowly")
    embedded.events.settle()

    (held,) = [move for move in alice.overviews.alias_moves([model.id]) if move.alias == "production"]
    assert (held.slot, held.after) == (Slot.ALIAS, 1)
    assert {move.slot for move in alice.overviews.alias_history(model.id, "production")} == {Slot.ALIAS}
    assert [event.name for event in alice.overviews.rollout_events(made)] == [
        "rollout.started",
        "rollout.weight_moved",
    ]
    assert alice.overviews.live_rollouts() == [made]
