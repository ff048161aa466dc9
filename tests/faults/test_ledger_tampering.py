"""Whoever writes to the database past the shelf: each change of the ledger is found and named."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from modelshelf.domain.audit import AuditReport, FaultKind
from modelshelf.domain.errors import Corrupt, Invalid, Unavailable
from modelshelf.domain.merkle import leaf_hash
from modelshelf.services.keys import Keys
from modelshelf.services.registry import Registry
from shelves import Clock, add_version, open_shelf

EVENTS = 12


@pytest.fixture
def shelf(registry: Registry) -> Registry:
    """A sealed ledger of 12 events, of which 5, 7, 9 and 10 tell of moves."""
    registry.catalog.create_model("churn")
    add_version(registry, "churn")
    add_version(registry, "churn")
    registry.catalog.tag_version("churn", 1, "team", "risk")
    registry.governance.set_alias("churn", "production", 1, reason="first")
    registry.events.head()
    registry.catalog.tag_version("churn", 2, "team", "risk")
    registry.governance.set_alias("churn", "production", 2, reason="better")
    registry.catalog.describe_version("churn", 2, "the good one")
    registry.governance.set_stage("churn", 2, "Production")
    registry.governance.clear_alias("churn", "production")
    registry.catalog.tag_model("churn", "owner", "alice")
    registry.catalog.untag_model("churn", "owner")
    assert registry.events.head().size == EVENTS
    assert registry.events.verify().faults == ()
    return registry


def tamper(shelf: Registry, *statements: str, **parameters: Any) -> None:
    with shelf._database.write() as tx:
        for statement in statements:
            used = {name: value for name, value in parameters.items() if f":{name}" in statement}
            tx.execute(statement, **used)


def named(report: AuditReport) -> list[tuple[FaultKind, int | None]]:
    return [(fault.kind, fault.position) for fault in report.faults]


def insertion(position: int | str) -> str:
    return (
        "INSERT INTO events (position, name, actor, time_ms, subject, model_id, data) "
        f"VALUES ({position}, 'model.tagged', 'mallory', 1800000000000, 'models/churn', 1, '{{}}')"
    )


@pytest.mark.parametrize(
    "change",
    [
        "actor = 'mallory'",
        "time_ms = time_ms - 1",
        "subject = 'models/other/1'",
        "name = 'version.untagged'",
        "model_id = 7",
        "model_id = NULL",
        'data = \'{"key": "team", "value": "none"}\'',
        "data = data || ' '",
        "data = 'no json'",
    ],
)
def test_an_edited_event_is_named(shelf: Registry, change: str) -> None:
    tamper(shelf, f"UPDATE events SET {change} WHERE position = 6")

    assert named(shelf.events.verify()) == [(FaultKind.EDITED, 6)]
    with pytest.raises(Corrupt, match="position 6"):
        shelf.events.receipt(6)


def test_every_edited_event_is_named(shelf: Registry) -> None:
    tamper(shelf, "UPDATE events SET actor = 'mallory' WHERE position IN (1, 4, 11)")

    assert named(shelf.events.verify()) == [(FaultKind.EDITED, 1), (FaultKind.EDITED, 4), (FaultKind.EDITED, 11)]


@pytest.mark.parametrize("position", [1, 6, EVENTS])
def test_a_deleted_event_is_named(shelf: Registry, position: int) -> None:
    tamper(shelf, "DELETE FROM events WHERE position = :position", position=position)

    assert named(shelf.events.verify()) == [(FaultKind.DELETED, position)]


def test_a_deleted_event_is_named_though_the_gap_was_closed(shelf: Registry) -> None:
    tamper(
        shelf,
        "DELETE FROM events WHERE position = 6",
        "UPDATE events SET position = -(position - 1) WHERE position > 6",
        "UPDATE events SET position = -position WHERE position < 0",
    )

    found = shelf.events.verify().faults

    assert (FaultKind.DELETED, 6) in [(fault.kind, fault.position) for fault in found]
    assert [fault.message for fault in found if fault.kind is FaultKind.REORDERED] == [
        "the events at positions 6 to 11 were sealed at 7 to 12"
    ]


@pytest.mark.parametrize(("one", "other"), [(3, 4), (4, 8), (1, EVENTS)])
def test_exchanged_events_are_named(shelf: Registry, one: int, other: int) -> None:
    tamper(
        shelf,
        "UPDATE events SET position = 0 WHERE position = :one",
        "UPDATE events SET position = :one WHERE position = :other",
        "UPDATE events SET position = :other WHERE position = 0",
        one=one,
        other=other,
    )

    assert named(shelf.events.verify()) == [(FaultKind.REORDERED, one), (FaultKind.REORDERED, other)]


def test_an_event_put_between_others_is_named(shelf: Registry) -> None:
    tamper(
        shelf,
        "UPDATE events SET position = -(position + 1) WHERE position >= 6",
        "UPDATE events SET position = -position WHERE position < 0",
        insertion(6),
    )

    found = shelf.events.verify().faults

    assert (FaultKind.INSERTED, 6) in [(fault.kind, fault.position) for fault in found]
    assert "by mallory" in next(fault.message for fault in found if fault.kind is FaultKind.INSERTED)


def test_an_event_put_before_the_first_is_named(shelf: Registry) -> None:
    tamper(shelf, insertion(0))

    assert named(shelf.events.verify()) == [(FaultKind.INSERTED, 0)]


def test_an_event_put_far_behind_is_named_and_stops_the_sealing(shelf: Registry) -> None:
    tamper(shelf, insertion(10**15))

    assert named(shelf.events.verify()) == [(FaultKind.DELETED, EVENTS + 1)]
    with pytest.raises(Corrupt, match=str(10**15)):
        shelf.events.seal()


def test_an_event_that_tells_of_no_move_is_named_though_it_came_in_at_the_end(shelf: Registry) -> None:
    tamper(
        shelf,
        insertion("NULL").replace("model.tagged", "alias.moved").replace("{}", '{"move": 1}'),
        insertion("NULL").replace("model.tagged", "alias.moved").replace("{}", '{"move": 99}'),
    )

    assert named(shelf.events.verify()) == [(FaultKind.MOVE, 13), (FaultKind.MOVE, 14)]


def test_a_last_event_that_was_deleted_is_missed_by_the_head_in_the_database(shelf: Registry) -> None:
    tamper(shelf, "DELETE FROM events WHERE position > 10")

    assert named(shelf.events.verify()) == [(FaultKind.DELETED, 11), (FaultKind.DELETED, 12)]


def cut(shelf: Registry, size: int) -> None:
    """Take the end of the ledger away, hashes and heads too."""
    with shelf._database.write() as tx:
        row = tx.one("SELECT hashes FROM ledger_tiles WHERE level = 0 AND place = 0")
        assert row is not None
        tx.execute("UPDATE ledger_tiles SET hashes = :hashes", hashes=bytes(row["hashes"])[: size * 32])
        tx.execute("DELETE FROM ledger_heads WHERE size > :size", size=size)
        tx.execute("DELETE FROM events WHERE position > :size", size=size)
        tx.execute("DELETE FROM moves WHERE id > 1")
        tx.execute("UPDATE model_versions SET stage = 'None'")
        tx.execute(
            "INSERT INTO aliases (model_id, alias, number, moved_ms, moved_by) "
            "SELECT model_id, alias, 1, time_ms, actor FROM moves"
        )


def test_a_ledger_cut_off_with_all_its_traces_is_found_against_a_kept_head_only(shelf: Registry) -> None:
    kept = shelf.events.head().checkpoint
    cut(shelf, 5)

    assert shelf.events.verify().faults == ()
    assert named(shelf.events.verify(against=kept)) == [(FaultKind.TRUNCATED, 6)]


def test_history_written_anew_with_the_servers_own_key_is_found_against_a_kept_head_only(shelf: Registry) -> None:
    kept = shelf.events.head(5).checkpoint + shelf.events.head().checkpoint
    tamper(
        shelf,
        "UPDATE events SET actor = 'mallory' WHERE position = 8",
        "DELETE FROM ledger_heads",
        "DELETE FROM ledger_tiles",
    )
    shelf.events.head()

    assert shelf.events.verify().faults == ()
    assert named(shelf.events.verify(against=kept)) == [(FaultKind.REWRITTEN, None)]
    assert "the first 12 events" in shelf.events.verify(against=kept).faults[0].message


def test_a_ledger_that_only_grew_agrees_with_every_kept_head(shelf: Registry) -> None:
    kept = shelf.events.head(5).checkpoint + shelf.events.head().checkpoint
    shelf.catalog.tag_model("churn", "more", "events")

    report = shelf.events.verify(against=kept)

    assert (report.faults, report.compared, report.size) == ((), (5, 12), 13)


def test_an_event_edited_together_with_its_hash_shows_in_the_signed_head(shelf: Registry) -> None:
    with shelf._database.write() as tx:
        tx.execute("UPDATE events SET actor = 'mallory' WHERE position = 8")
        row = tx.one("SELECT hashes FROM ledger_tiles")
        assert row is not None
        hashes = bytes(row["hashes"])
        changed = leaf_hash(shelf.events.sealed(7, limit=1)[0].leaf.replace('"alice"', '"mallory"').encode())
        tx.execute("UPDATE ledger_tiles SET hashes = :hashes", hashes=hashes[: 7 * 32] + changed + hashes[8 * 32 :])

    assert named(shelf.events.verify()) == [(FaultKind.REWRITTEN, 6)]


@pytest.mark.parametrize(
    "change",
    [
        "checkpoint = 'nothing'",
        "root = 'AAAA'",
        "checkpoint = REPLACE(checkpoint, '/', '-')",
        "checkpoint = SUBSTR(checkpoint, 1, LENGTH(checkpoint) - 20) || SUBSTR(checkpoint, LENGTH(checkpoint) - 15)",
    ],
)
def test_a_forged_head_is_named(shelf: Registry, change: str) -> None:
    tamper(shelf, f"UPDATE ledger_heads SET {change} WHERE size = 5")

    assert named(shelf.events.verify()) == [(FaultKind.HEAD, 5)]


def test_a_head_that_is_gone_is_missed(shelf: Registry) -> None:
    tamper(shelf, "DELETE FROM ledger_heads WHERE size = 12")

    assert (FaultKind.HEAD, None) in named(shelf.events.verify())
    with pytest.raises(Corrupt, match="does not end where its newest head does"):
        shelf.events.seal()


def test_a_changed_hash_inside_the_tree_is_named(shelf: Registry) -> None:
    for number in range(300):
        shelf.catalog.tag_model("churn", f"key {number}", "x")
    shelf.events.head()
    tamper(shelf, "UPDATE ledger_tiles SET hashes = :hashes WHERE level = 1", hashes=b"\0" * 32)

    assert (FaultKind.REWRITTEN, 1) in named(shelf.events.verify())


def test_an_event_deleted_before_it_was_sealed_leaves_a_hole_that_is_sealed(shelf: Registry) -> None:
    shelf.catalog.tag_model("churn", "one", "x")
    shelf.catalog.tag_model("churn", "two", "x")
    shelf.events.settle()
    tamper(shelf, "DELETE FROM events WHERE position = 13")

    assert shelf.events.head().size == 14
    assert named(shelf.events.verify()) == [(FaultKind.DELETED, 13)]
    assert shelf.events.receipt(14).holds


def test_an_edit_before_the_sealing_is_not_found(shelf: Registry) -> None:
    """What the documentation says of the newest events, so that nobody believes more."""
    shelf.catalog.tag_model("churn", "one", "x")
    tamper(shelf, "UPDATE events SET actor = 'mallory' WHERE position IS NULL")

    assert shelf.events.verify().faults == ()


@pytest.mark.parametrize(
    "change",
    [
        "DELETE FROM moves WHERE id = 2",
        "UPDATE moves SET actor = 'mallory' WHERE id = 2",
        "UPDATE moves SET reason = 'another' WHERE id = 2",
        "UPDATE moves SET before_value = '2' WHERE id = 2",
    ],
)
def test_a_move_that_does_not_agree_with_its_event_is_named(shelf: Registry, change: str) -> None:
    tamper(shelf, change)

    assert named(shelf.events.verify()) == [(FaultKind.MOVE, 7)]


def test_a_move_without_an_event_is_named(shelf: Registry) -> None:
    tamper(
        shelf,
        "INSERT INTO moves (id, model_id, model, slot, alias, after_value, time_ms, actor, reason, cause) "
        "SELECT 70, model_id, model, slot, 'champion', NULL, time_ms, actor, reason, cause FROM moves WHERE id = 1",
    )

    report = shelf.events.verify()

    assert named(report) == [(FaultKind.MOVE, None)]
    assert "move 70" in report.faults[0].message


@pytest.mark.parametrize(
    "change",
    [
        "INSERT INTO aliases VALUES (1, 'production', 1, 1800000000000, 'alice')",
        "INSERT INTO aliases VALUES (1, 'champion', 1, 1800000000000, 'alice')",
        "UPDATE aliases SET number = 2 WHERE alias = 'staging'",
        "UPDATE aliases SET moved_by = 'mallory' WHERE alias = 'staging'",
        "DELETE FROM aliases WHERE alias = 'staging'",
        "UPDATE model_versions SET stage = 'None' WHERE number = 2",
        "UPDATE model_versions SET stage = 'Production' WHERE number = 1",
    ],
)
def test_an_alias_or_a_stage_that_no_move_led_to_is_named(shelf: Registry, change: str) -> None:
    shelf.governance.set_alias("churn", "staging", 1)
    tamper(shelf, change)

    assert named(shelf.events.verify()) == [(FaultKind.STATE, None)]


@pytest.fixture
def other(shelf: Registry, tmp_path: Path) -> Iterator[Registry]:
    """The same shelf, opened by a server with another key file."""
    with open_shelf(shelf.uri, tmp_path, Clock()) as opened:
        opened.events._keys = Keys(tmp_path / "elsewhere" / "key.json")
        yield opened


def test_a_server_with_another_key_is_refused_and_makes_none(other: Registry, tmp_path: Path) -> None:
    other.catalog.tag_model("churn", "one", "x")

    with pytest.raises(Unavailable, match="copy its file"):
        other.events.seal()
    assert not (tmp_path / "elsewhere").exists()

    Keys(tmp_path / "elsewhere" / "key.json").sign(b"x")
    with pytest.raises(Unavailable, match="this shelf has the key"):
        other.events.seal()


def test_a_kept_head_of_another_shelf_is_refused(shelf: Registry) -> None:
    head = shelf.events.head().checkpoint.replace("modelshelf/0", "modelshelf/1")

    with pytest.raises(Invalid, match="this shelf is"):
        shelf.events.verify(against=head)


@pytest.mark.parametrize(
    "text", ["nonsense", "a\nb\n", "\n\n\u2014 a b\n", "x\n-1\nAAAA\n\n\u2014 x AAAA\n", "y" * 2_000_000]
)
def test_what_is_no_head_is_refused(shelf: Registry, text: str) -> None:
    with pytest.raises(Invalid):
        shelf.events.verify(against=text)


@pytest.mark.parametrize("column", ["actor", "subject", "data", "name"])
def test_an_event_whose_text_is_none_any_more_is_named(shelf: Registry, column: str) -> None:
    if shelf._database.dialect != "sqlite":
        pytest.skip("PostgreSQL keeps no text that is not UTF-8")
    tamper(shelf, f"UPDATE events SET {column} = CAST(X'22ff22' AS TEXT) WHERE position = 6")

    report = shelf.events.verify()

    assert named(report) == [(FaultKind.EDITED, 6)]
    with pytest.raises(Corrupt, match="position 6"):
        shelf.events.receipt(6)


def test_a_move_whose_text_is_none_any_more_is_named(shelf: Registry) -> None:
    if shelf._database.dialect != "sqlite":
        pytest.skip("PostgreSQL keeps no text that is not UTF-8")
    tamper(shelf, "UPDATE moves SET reason = CAST(X'ff' AS TEXT) WHERE id = 1")

    (fault,) = shelf.events.verify().faults

    assert fault.message == "move 1 and the event at position 5 don't agree about: reason"


def test_other_events_are_told_beside_one_whose_data_are_damaged(shelf: Registry) -> None:
    if shelf._database.dialect != "sqlite":
        pytest.skip("PostgreSQL keeps no text that is not UTF-8")
    tamper(shelf, "UPDATE events SET actor = CAST(X'ff' AS TEXT) WHERE position = 6")

    told = shelf.events.after(4, limit=3)

    assert [(event.position, event.actor) for event in told] == [(5, "alice"), (6, "\\xff"), (7, "alice")]


@pytest.mark.parametrize("limit", [0, -1, -(2**62)])
def test_a_page_of_the_ledger_holds_one_event_at_least_and_never_all(shelf: Registry, limit: int) -> None:
    assert [event.position for event in shelf.events.after(0, limit=limit)] == [1]
    assert [event.position for event in shelf.events.latest(limit=limit)] == [EVENTS]
    assert [event.position for event in shelf.events.latest(model="churn", limit=limit)] == [EVENTS]
    assert len(shelf.governance.history("churn", limit=limit)) == 1
