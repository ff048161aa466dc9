"""What every blob store does, whatever it is made of."""

import hashlib
import io
import itertools
import random
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Protocol

import pytest

from buckets import KINDS, BucketServer, age
from modelshelf.blobs.hashing import PART
from modelshelf.blobs.local import LocalBlobStore
from modelshelf.blobs.notes import LARGE
from modelshelf.blobs.parts import PartDigests, of_blob
from modelshelf.blobs.store import CHUNK, BlobStore, Stored
from modelshelf.domain.errors import AlreadyExists, Invalid, NotFound

ABSENT = "sha256:" + "0" * 64
IMPLEMENTATIONS = ("local", *KINDS)
_count = itertools.count(1)


class Time(Protocol):
    """The time that a store goes by."""

    def now_ms(self) -> int: ...

    def passes(self, milliseconds: int) -> None: ...


class StandingTime:
    """The clock of a local store, moved by hand."""

    def __init__(self) -> None:
        self._now_ms = 1_700_000_000_000

    def now_ms(self) -> int:
        return self._now_ms

    def passes(self, milliseconds: int) -> None:
        self._now_ms += milliseconds


class BucketTime:
    """The clock of an object store can't be moved; what it holds can be made older."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000

    def passes(self, milliseconds: int) -> None:
        age(self._folder, milliseconds)


@pytest.fixture(params=IMPLEMENTATIONS)
def timed_store(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[BlobStore, Time]:
    if request.param == "local":
        standing = StandingTime()
        return LocalBlobStore(tmp_path / "blobs", clock=standing.now_ms), standing
    server: BucketServer = request.getfixturevalue("bucket_servers")[request.param]
    name = f"contract-{next(_count)}"
    folder = server.make_bucket(name)
    return server.store(name), BucketTime(folder)


@pytest.fixture
def store(timed_store: tuple[BlobStore, Time]) -> BlobStore:
    return timed_store[0]


def digest_of(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def sha256(content: bytes) -> bytes:
    return hashlib.sha256(content).digest()


def read(store: BlobStore, digest: str) -> bytes:
    with store.open(digest) as reader:
        return reader.read()


CONTENTS = [b"", b"x", b"weights" * 1000, bytes(range(256)) * 4096, b"a" * (CHUNK - 1), b"b" * (3 * CHUNK + 17)]


@pytest.mark.parametrize("content", CONTENTS, ids=len)
def test_what_was_put_comes_back(store: BlobStore, content: bytes) -> None:
    chunks = [content[at : at + 100_000] for at in range(0, len(content), 100_000)]

    stored = store.put(chunks)

    assert stored == (digest_of(content), len(content))
    assert store.has(stored.digest)
    assert store.size(stored.digest) == len(content)
    assert read(store, stored.digest) == content


@pytest.mark.parametrize("content", CONTENTS, ids=len)
def test_a_file_is_stored_like_a_stream(store: BlobStore, tmp_path: Path, content: bytes) -> None:
    path, told = tmp_path / "file", []
    path.write_bytes(content)

    stored = store.put_file(path, expected=digest_of(content), progress=told.append)

    assert stored == store.put([content])
    assert sum(told) == len(content)
    assert read(store, stored.digest) == content


def test_many_files_are_stored_in_their_order_and_equal_ones_once(store: BlobStore, tmp_path: Path) -> None:
    contents = [b"one", b"two", b"one", b"", b"4" * (CHUNK + 1), b"4" * (CHUNK + 1)]
    paths = [tmp_path / str(number) for number in range(len(contents))]
    for path, content in zip(paths, contents, strict=True):
        path.write_bytes(content)

    stored = store.put_files(paths)

    assert stored == [Stored(digest_of(content), len(content)) for content in contents]
    assert [held.digest for held in store.all_digests()] == sorted({digest_of(content) for content in contents})
    assert {read(store, digest) for digest, _ in stored} == set(contents)


def test_a_blob_can_be_read_in_small_pieces_and_by_line(store: BlobStore) -> None:
    content = b"".join(b"line %d\n" % number for number in range(300_000))
    digest, _ = store.put([content])

    with store.open(digest) as reader:
        pieces = list(iter(lambda: reader.read(65_537), b""))
    with store.open(digest) as reader:
        lines = list(reader)
    with store.open(digest) as reader:
        start, rest = reader.read(5), reader.read()

    assert b"".join(pieces) == b"".join(lines) == start + rest == content


def test_a_part_of_a_blob_can_be_read(store: BlobStore) -> None:
    digest, _ = store.put([b"0123456789"])

    parts = [
        store.read_range(digest, start=start, length=length) for start, length in [(0, 4), (8, 2**62), (10, 1), (99, 1)]
    ]

    assert parts == [b"0123", b"89", b"", b""]


def test_a_range_does_not_begin_before_the_blob(store: BlobStore) -> None:
    digest, _ = store.put([b"0123456789"])

    with pytest.raises(Invalid, match="not a range"):
        store.read_range(digest, start=-4, length=4)


def test_bytes_that_are_not_the_expected_ones_are_refused_and_not_kept(store: BlobStore, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"other")

    with pytest.raises(Invalid) as from_stream:
        store.put([b"other"], expected=ABSENT)
    with pytest.raises(Invalid) as from_file:
        store.put_file(tmp_path / "file", expected=ABSENT)

    assert from_stream.value.details == from_file.value.details == {"expected": ABSENT, "found": digest_of(b"other")}
    assert list(store.all_digests()) == []


def test_what_is_not_a_digest_names_no_file(store: BlobStore, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")

    for text in ("sha256:../../secret", "../secret", "", "sha256:" + "A" * 64):
        with pytest.raises(Invalid):
            store.open(text)
        with pytest.raises(Invalid):
            store.delete(text)
        with pytest.raises(Invalid):
            store.put([b""], expected=text)

    assert (tmp_path / "secret").exists()


def test_an_absent_blob_is_not_found(store: BlobStore, tmp_path: Path) -> None:
    attempts: list[Callable[[], object]] = [
        lambda: store.open(ABSENT),
        lambda: store.size(ABSENT),
        lambda: store.touch(ABSENT),
        lambda: store.read_range(ABSENT, start=0, length=1),
        lambda: store.copy_to(ABSENT, tmp_path / "copy"),
    ]

    for attempt in attempts:
        with pytest.raises(NotFound) as refusal:
            attempt()
        assert refusal.value.details == {"digest": ABSENT}

    assert not store.has(ABSENT)
    assert not (tmp_path / "copy").exists()


def test_the_missing_ones_are_those_that_were_not_put(store: BlobStore) -> None:
    here, _ = store.put([b"here"])

    missing = store.missing([here, ABSENT, ABSENT])

    assert missing == {ABSENT}


def test_an_empty_store_lists_nothing(store: BlobStore) -> None:
    assert list(store.all_digests()) == []
    assert store.missing([ABSENT]) == {ABSENT}


def test_a_deleted_blob_is_gone_and_may_be_deleted_and_put_again(store: BlobStore) -> None:
    digest, _ = store.put([b"content"])

    store.delete(digest)
    store.delete(digest)

    assert not store.has(digest)
    store.put([b"content"])
    assert read(store, digest) == b"content"


def test_every_blob_is_listed_with_its_size_and_when_it_was_last_put_or_touched(
    timed_store: tuple[BlobStore, Time],
) -> None:
    store, clock = timed_store
    old, put_again, touched = (store.put([content]).digest for content in (b"1", b"22", b"333"))
    clock.passes(3_600_000)
    store.put([b"22"])
    store.touch(touched)

    now_ms = clock.now_ms()
    hours = {held.digest: (held.size, round((now_ms - held.touched_ms) / 3_600_000)) for held in store.all_digests()}
    assert hours == {old: (1, 1), put_again: (2, 0), touched: (3, 0)}


def test_a_blob_that_was_touched_put_again_and_deleted_starts_anew(timed_store: tuple[BlobStore, Time]) -> None:
    store, clock = timed_store
    digest, _ = store.put([b"content"])
    store.touch(digest)

    store.delete(digest)
    store.put([b"content"])
    clock.passes(3_600_000)

    [held] = store.all_digests()
    assert round((clock.now_ms() - held.touched_ms) / 3_600_000) == 1


def test_a_copy_is_whole_and_independent(store: BlobStore, tmp_path: Path) -> None:
    content, told = b"weights" * 400_000, []
    digest, _ = store.put([content])

    size = store.copy_to(digest, tmp_path / "copy", progress=told.append)

    assert size == sum(told) == len(content)
    assert (tmp_path / "copy").read_bytes() == content
    (tmp_path / "copy").write_bytes(b"changed")
    assert read(store, digest) == content


def test_a_copy_never_overwrites_a_file(store: BlobStore, tmp_path: Path) -> None:
    digest, _ = store.put([b"content"])
    (tmp_path / "mine").write_text("mine")

    with pytest.raises(AlreadyExists, match="mine"):
        store.copy_to(digest, tmp_path / "mine")

    assert (tmp_path / "mine").read_text() == "mine"


def test_a_failing_stream_leaves_nothing_and_its_own_error(store: BlobStore) -> None:
    def stream() -> Iterator[bytes]:
        yield b"a" * CHUNK
        raise ConnectionResetError("the client went away")

    with pytest.raises(ConnectionResetError, match="went away"):
        store.put(stream())

    assert list(store.all_digests()) == []


def test_threads_that_put_the_same_content_store_it_once(store: BlobStore) -> None:
    content = b"same" * 500_000

    with ThreadPoolExecutor(8) as pool:
        stored = list(pool.map(lambda _: store.put([content[:1_000_000], content[1_000_000:]]), range(16)))

    assert set(stored) == {Stored(digest_of(content), len(content))}
    assert [held.size for held in store.all_digests()] == [len(content)]
    assert read(store, digest_of(content)) == content


def test_a_reader_outlives_the_deletion_of_its_blob_or_fails_aloud(store: BlobStore) -> None:
    content = b"long" * CHUNK
    digest, _ = store.put([content])

    with store.open(digest) as reader:
        start = reader.read(10)
        store.delete(digest)
        rest = reader.read()

    assert start + rest == content


def test_a_closed_reader_reads_no_more(store: BlobStore) -> None:
    digest, _ = store.put([b"content"])
    reader = store.open(digest)

    reader.close()

    with pytest.raises(ValueError, match="closed"):
        reader.read()
    assert isinstance(reader, io.IOBase)


@pytest.mark.parametrize("size", [0, 1, PART, PART + 1, 3 * PART, 3 * PART + 17])
def test_the_digests_of_the_parts_are_noted_while_a_blob_is_stored(store: BlobStore, tmp_path: Path, size: int) -> None:
    content = random.Random(size).randbytes(size)
    each = [content[at : at + PART] for at in range(0, size, PART)]
    (tmp_path / "file").write_bytes(content)
    ways = (
        lambda: store.put([content]),
        lambda: store.put(content[at : at + 300_000] for at in range(0, size, 300_000)),
        lambda: store.put_file(tmp_path / "file"),
        lambda: store.put_many([(digest_of(content), [content])])[0],
        lambda: store.put([content], expected=digest_of(content)),
    )

    for way in ways:
        stored = way()

        assert store.notes.parts(stored.digest) == (b"".join(map(sha256, each)) if len(each) > 1 else None)
        assert of_blob(store, stored.digest, known=PartDigests()).parts == tuple(map(digest_of, each))
        store.delete(stored.digest)
        assert store.notes.parts(stored.digest) is None


def test_a_large_blob_can_be_looked_for_by_its_beginning(store: BlobStore) -> None:
    beginning = random.Random(1).randbytes(PART)
    contents = [beginning + bytes(LARGE - PART - 1) + end for end in (b"a", b"b")]
    sought = LARGE, digest_of(beginning)

    absent = store.notes.may_hold(*sought)
    digests = [store.put([content]).digest for content in contents]
    present = [store.notes.may_hold(*sought), store.notes.may_hold(LARGE + 1, sought[1])]
    store.delete(digests[0])
    one_left = store.notes.may_hold(*sought)
    store.delete(digests[1])

    assert (absent, present, one_left, store.notes.may_hold(*sought)) == (False, [True, False], True, False)


@pytest.mark.parametrize("size", [9, CHUNK + 9, 9 * CHUNK])
def test_a_blob_that_was_found_rotten_is_to_be_sent_again_and_then_it_is_not(store: BlobStore, size: int) -> None:
    content = b"weights" * (size // 7)
    digest = store.put([content]).digest

    store.notes.mark_rotten(digest)
    missing = store.missing([digest, ABSENT])
    store.put([content])

    assert missing == {digest, ABSENT}
    assert store.missing([digest]) == set()
    assert read(store, digest) == content
