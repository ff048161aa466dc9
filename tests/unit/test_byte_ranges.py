"""Ranges of bytes: what a header asks for, and the same bytes from the store, verified."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelshelf.blobs import parts
from modelshelf.blobs.local import LocalBlobStore
from modelshelf.blobs.notes import FOLDERS, LARGE
from modelshelf.blobs.parts import PART, PartDigests, verified_range
from modelshelf.domain.errors import Corrupt
from modelshelf.native.byte_ranges import Span, Unsatisfiable, names_entity, span, still_wanted

CONTENT = bytes(range(251)) * (2 * PART // 251 + 1000)


@pytest.fixture
def store(tmp_path: Path) -> LocalBlobStore:
    return LocalBlobStore(tmp_path / "blobs")


@given(st.binary(max_size=30) | st.from_regex(rb"bytes=[0-9]{0,4}-[0-9]{0,4}", fullmatch=True), st.integers(0, 2000))
def test_a_span_never_leaves_the_file(header: bytes, size: int) -> None:
    found = span(header, size)

    assert found is None or isinstance(found, Unsatisfiable) or 0 <= found.start < found.start + found.length <= size


def test_a_number_with_more_digits_than_any_file_has_bytes_is_not_read() -> None:
    assert span(b"bytes=0-" + b"9" * 5000, 10) is None
    assert span(b"bytes=0-" + b"9" * 19, 10) == Span(0, 10)


def test_entity_tags_are_found_in_lists() -> None:
    assert names_entity(b'"a", W/"b"', b'"b"')
    assert names_entity(b"*", b'"b"')
    assert not names_entity(b'"a"', b'"b"')
    assert not names_entity(None, b'"b"')
    assert still_wanted(None, b'"b"')
    assert not still_wanted(b'W/"b"', b'"b"')


@pytest.mark.parametrize(
    ("start", "length"), [(0, 1), (0, len(CONTENT)), (PART - 1, 2), (PART, PART), (len(CONTENT) - 1, 1), (5, 0)]
)
def test_a_range_is_the_same_as_that_part_of_the_whole(store: LocalBlobStore, start: int, length: int) -> None:
    digest = store.put([CONTENT]).digest

    pieces = list(verified_range(store, digest, start=start, length=length, known=PartDigests()))

    assert b"".join(pieces) == CONTENT[start : start + length]
    assert all(len(piece) <= PART for piece in pieces)


def test_what_was_noted_of_the_parts_finds_out_which_of_them_changed(store: LocalBlobStore) -> None:
    digest, known = store.put([CONTENT]).digest, PartDigests()
    before = b"".join(verified_range(store, digest, start=PART, length=9, known=known))
    path = next((store.root / "sha256").rglob("?" * 64))
    path.chmod(0o644)
    path.write_bytes(CONTENT[: PART + 1] + b"!" + CONTENT[PART + 2 :])

    elsewhere = b"".join(verified_range(store, digest, start=0, length=9, known=known))

    assert (before, elsewhere) == (CONTENT[PART : PART + 9], CONTENT[:9])
    with pytest.raises(Corrupt, match="damaged from byte 4194304"):
        list(verified_range(store, digest, start=PART, length=9, known=known))
    with pytest.raises(Corrupt, match="damaged from byte 4194304"):
        list(verified_range(store, digest, start=PART, length=9, known=PartDigests()))


@pytest.mark.parametrize("spoil", [Path.unlink, lambda note: note.write_bytes(b"x" * note.stat().st_size)])
def test_a_note_that_is_lost_or_damaged_is_made_again_from_the_whole(
    store: LocalBlobStore, spoil: Callable[[Path], None]
) -> None:
    digest = store.put([CONTENT]).digest
    (note,) = (store.root / "parts").rglob("?" * 64)
    noted = note.read_bytes()
    spoil(note)

    content = b"".join(verified_range(store, digest, start=PART, length=9, known=PartDigests()))

    assert content == CONTENT[PART : PART + 9]
    assert note.read_bytes() == noted


def test_a_blob_that_is_deleted_leaves_no_notes(store: LocalBlobStore) -> None:
    digest = store.put([bytes(LARGE)]).digest
    store.notes.mark_rotten(digest)

    store.delete(digest)

    assert [path for folder in FOLDERS for path in (store.root / folder).rglob("?" * 64)] == []


def test_the_blobs_that_were_read_longest_ago_are_forgotten_first(store: LocalBlobStore) -> None:
    digests = [store.put([bytes([number])]).digest for number in range(3)]
    known = PartDigests(most_bytes=2 * parts.DIGEST_BYTES)

    for digest in (digests[0], digests[1], digests[0], digests[2]):
        known.of(store, digest)

    assert list(known._known) == [digests[0], digests[2]]
