"""Heads, receipts and answers about versions, in every kind of shelf."""

import base64
import hashlib
import random
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from modelshelf.database import proofs as rows
from modelshelf.domain.access import Role
from modelshelf.domain.errors import Invalid, NotFound
from modelshelf.domain.merkle import Growing, is_consistent, range_hash
from modelshelf.domain.names import Stage
from modelshelf.domain.proofs import checkpoints, hash_of, key_mark
from modelshelf.server.sealing import Sealing
from modelshelf.services.keys import Keys, is_signed
from modelshelf.services.registry import Registry
from shelves import START_MS, AsActor, Clock, add_version


def some_events(registry: Registry, count: int = 5) -> None:
    registry.catalog.create_model("churn")
    for number in range(1, count):
        registry.catalog.tag_model("churn", f"key {number}", 'ünï\u2028\x1f"\\')


def test_an_empty_ledger_has_no_head_and_no_fault(registry: Registry) -> None:
    with pytest.raises(NotFound, match="nothing has happened yet"):
        registry.events.head()

    assert registry.events.verify().faults == ()
    assert registry.events.sealed() == []


def test_a_head_is_a_signed_checkpoint(registry: Registry, clock: Clock) -> None:
    some_events(registry)

    head = registry.events.head()

    (read,) = checkpoints(head.checkpoint)
    name, mark, encoded = head.key.split("+", 2)
    public = base64.b64decode(encoded)[1:]
    ((signer, signed_mark, signature),) = read.signatures
    assert (head.size, head.time_ms) == (5, clock.now)
    assert (read.origin, read.size, base64.b64encode(read.root).decode()) == (name, head.size, head.root)
    assert (signer, signed_mark.hex()) == (name, mark)
    assert key_mark(name, public).hex() == mark
    assert is_signed(read.text.encode(), signature, public)


def test_a_head_stays_until_something_happens_and_can_be_had_later(registry: Registry) -> None:
    some_events(registry)
    first = registry.events.head()
    assert registry.events.head() == first

    registry.catalog.tag_model("churn", "more", "x")

    assert registry.events.head().size == 6
    assert registry.events.head(5) == first
    with pytest.raises(NotFound, match="no head of size 3"):
        registry.events.head(3)


def test_every_event_has_a_receipt_that_holds_and_holds_for_nothing_else(registry: Registry) -> None:
    some_events(registry, 9)

    for position in range(1, 10):
        receipt = registry.events.receipt(position)

        assert receipt.holds
        assert receipt.head == registry.events.head()
        assert not replace(receipt, leaf=receipt.leaf.replace("alice", "mallory")).holds
        assert not replace(receipt, position=position % 9 + 1).holds
        assert not replace(receipt, proof=receipt.proof[1:]).holds


@pytest.mark.parametrize("position", [0, -1, 6, 2**62])
def test_there_is_no_receipt_for_what_did_not_happen(registry: Registry, position: int) -> None:
    some_events(registry)

    with pytest.raises(NotFound, match="no event"):
        registry.events.receipt(position)


def test_any_two_sizes_are_proven_to_be_of_one_history(registry: Registry) -> None:
    some_events(registry, 9)
    for first in range(1, 10):
        for second in range(first, 10):
            found = registry.events.consistency(first, second)

            roots = base64.b64decode(found.first_root), base64.b64decode(found.second_root)
            assert is_consistent(first, second, *roots, [base64.b64decode(each) for each in found.proof])


@pytest.mark.parametrize(("first", "second"), [(0, 3), (3, 2), (1, 6), (-1, None), (2**62, None)])
def test_sizes_that_are_none_are_refused(registry: Registry, first: int, second: int | None) -> None:
    some_events(registry)

    with pytest.raises(Invalid, match="sizes are 1 to 5"):
        registry.events.consistency(first, second)


def test_sealed_events_come_page_by_page_with_their_hashes(registry: Registry) -> None:
    some_events(registry)
    registry.events.head()

    pages = [registry.events.sealed(after, limit=2) for after in (0, 2, 4, 5)]

    assert [[event.position for event in page] for page in pages] == [[1, 2], [3, 4], [5], []]
    for event in (event for page in pages for event in page):
        assert base64.b64decode(event.hash) == hash_of(event.leaf)
        assert base64.b64decode(event.hash) == hashlib.sha256(b"\0" + event.leaf.encode()).digest()


def test_a_reader_may_have_proofs_and_verify(registry: Registry, as_actor: AsActor) -> None:
    some_events(registry)
    reader = as_actor("rita", Role.READER)

    assert reader.events.receipt(2).holds
    report = reader.events.verify(against=reader.events.head().checkpoint)

    assert (report.size, report.heads, report.compared, report.faults) == (5, 1, (5,), ())
    assert (report.waiting, report.key_from, report.key) == (0, "key file", reader.events.head().key)


def test_a_tree_grows_over_the_edges_of_its_tiles(registry: Registry, embedded: Registry) -> None:
    registry.catalog.create_model("churn")
    with embedded._database.write() as tx:
        for number in range(600):
            tx.execute(
                "INSERT INTO events (name, actor, time_ms, subject, model_id, data) "
                "VALUES ('model.tagged', 'alice', :number, 'models/churn', 1, '{}')",
                number=number,
            )

    head = registry.events.head()

    assert registry.events.verify().faults == ()
    assert all(registry.events.receipt(position).holds for position in (1, 255, 256, 257, 512, 513, head.size))
    found = registry.events.consistency(257)
    roots = base64.b64decode(found.first_root), base64.b64decode(found.second_root)
    assert is_consistent(257, head.size, *roots, [base64.b64decode(each) for each in found.proof])


def test_a_tree_of_any_size_is_kept_in_tiles(embedded: Registry) -> None:
    tree, size, numbers = Growing(), 0, random.Random(4)
    with embedded._database.write() as tx:
        while size < 66_500:
            leaves = [numbers.randbytes(32) for _ in range(numbers.choice((1, 7, 256, 700, 2_000)))]
            for leaf in leaves:
                tree.add(leaf)
            rows.put_leaves(tx, size, leaves)
            size += len(leaves)

            assert range_hash(0, size, rows.Tiles(tx).subtree) == tree.root()


def test_one_answer_tells_who_registered_a_version_with_what_and_where_it_was_then(
    registry: Registry, clock: Clock
) -> None:
    run = registry.tracking.start_run("0")
    registry.tracking.log_params(run.id, {"depth": "4"})
    registry.catalog.create_model("fraud")
    registry.catalog.create_version_ahead("fraud", source=f"runs:/{run.id}/model", run_id=run.id)
    registered = clock.now
    add_version(registry, "fraud")
    clock.tick()
    registry.governance.set_stage("fraud", 1, "Staging")
    registry.governance.set_alias("fraud", "production", 1, reason="best so far")
    middle = clock.tick()
    clock.tick()
    registry.governance.set_alias("fraud", "production", 2, reason="better")
    registry.governance.set_stage("fraud", 1, "Archived")
    registry.catalog.tag_version("fraud", 1, "checked", "yes")

    found = registry.events.provenance("models:/fraud/1")

    assert (found.model, found.number, found.registered_by, found.registered_ms) == ("fraud", 1, "alice", registered)
    assert found.run is not None
    assert (found.run.params, found.run_id) == ({"depth": "4"}, run.id)
    assert (found.then_ms, found.stage_then, found.aliases_then) == (registered, Stage.NONE, ())
    assert found.version is not None
    assert (found.version.stage, found.version.aliases) == (Stage.ARCHIVED, ())
    assert [(move.slot, move.after) for move in found.moves] == [
        ("stage", "Staging"),
        ("alias", 1),
        ("alias", 2),
        ("stage", "Archived"),
    ]
    assert [event.name for event in found.decisions] == ["version.tagged"]
    assert found.position is not None
    assert '"version.created"' in registry.events.receipt(found.position).leaf

    at = f"?at=2027-01-15T08:00:{(middle - START_MS) // 1000:02}Z"
    then = registry.events.provenance(f"models:/fraud@production{at}")
    assert (then.number, then.stage_then, then.aliases_then) == (1, Stage.STAGING, ("production",))


def test_a_deleted_and_renamed_version_is_still_known(registry: Registry) -> None:
    registry.catalog.create_model("fraud")
    add_version(registry, "fraud")
    registry.catalog.rename_model("fraud", "scam")
    registry.catalog.delete_version("scam", 1)

    found = registry.events.provenance("models:/scam/1")

    assert (found.version, found.registered_by, found.model) == (None, "alice", "fraud")
    assert "version.deleted" in [event.name for event in found.decisions]


@pytest.mark.parametrize("uri", ["models:/fraud/2", "models:/nothing/1", "models:/fraud@production"])
def test_what_was_never_registered_is_not_there(registry: Registry, uri: str) -> None:
    registry.catalog.create_model("fraud")
    add_version(registry, "fraud")

    with pytest.raises(NotFound):
        registry.events.provenance(uri)


def test_a_server_appends_each_new_head_to_a_file_outside(embedded: Registry, tmp_path: Path) -> None:
    sealing, kept = Sealing(str(tmp_path / "heads.txt")), tmp_path / "heads.txt"
    some_events(embedded)
    sealing.work(embedded)
    sealing.work(embedded)
    embedded.catalog.tag_model("churn", "more", "x")

    sealing.work(embedded)

    assert [head.size for head in checkpoints(kept.read_text())] == [5, 6]
    assert embedded.events.verify(against=kept.read_text()).faults == ()


def test_a_server_goes_on_sealing_where_the_file_outside_cannot_be_written(embedded: Registry, tmp_path: Path) -> None:
    some_events(embedded)

    Sealing(str(tmp_path / "no" / "such" / "folder" / "heads.txt")).work(embedded)

    assert embedded.events.head().size == 5


def test_a_server_without_its_key_says_so_once_and_seals_when_it_is_back(
    embedded: Registry, caplog: pytest.LogCaptureFixture
) -> None:
    sealing, keys = Sealing(), embedded.events._keys
    some_events(embedded)
    embedded.events._keys = Keys()

    for _ in range(3):
        sealing.work(embedded)
    embedded.events._keys = keys
    sealing.work(embedded)

    assert len(caplog.records) == 1
    assert embedded.events.verify().size == 5


def test_sealers_that_run_at_once_seal_every_event_once(embedded: Registry) -> None:
    some_events(embedded, 40)

    with ThreadPoolExecutor(8) as pool:
        heads = [head for head in pool.map(lambda _: embedded.events.seal(), range(8)) if head]

    assert [head.size for head in heads] == [40]
    assert embedded.events.verify().faults == ()
