"""The local blob store and trees under rot, interrupts and what earlier crashes left."""

import errno
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import pytest

from modelshelf.blobs.local import STALE_AFTER_MS, LocalBlobStore
from modelshelf.blobs.store import CHUNK
from modelshelf.blobs.tree import materialise, upload, verify_tree
from modelshelf.domain.errors import Corrupt, StorageFull, Unavailable

WEIGHTS = b"weights" * 500_000
NOW_MS = 1_700_000_000_000


def digest_of(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def blob_file(store: LocalBlobStore, digest: str) -> Path:
    digits = digest.removeprefix("sha256:")
    return store.root / "sha256" / digits[:2] / digits


def rot(store: LocalBlobStore, digest: str, content: bytes) -> None:
    path = blob_file(store, digest)
    path.chmod(0o644)
    path.write_bytes(content)


def unfinished(store: LocalBlobStore) -> list[Path]:
    return list((store.root / "incoming").iterdir())


def visible(store: LocalBlobStore) -> list[str]:
    return [held.digest for held in store.all_digests()]


def drain(reader: BinaryIO, received: bytearray) -> None:
    while piece := reader.read(64 * 1024):
        received += piece


@pytest.fixture
def store(tmp_path: Path) -> LocalBlobStore:
    return LocalBlobStore(tmp_path / "blobs")


def flipped(content: bytes, *, at: int) -> bytes:
    return content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]


DAMAGES = {
    "first bit": flipped(WEIGHTS, at=0),
    "last bit": flipped(WEIGHTS, at=len(WEIGHTS) - 1),
    "truncated": WEIGHTS[:-1],
    "cut at a chunk": WEIGHTS[:CHUNK],
    "emptied": b"",
    "appended": WEIGHTS + b"\0",
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_blob_is_refused_before_its_last_byte_leaves(store: LocalBlobStore, damage: str) -> None:
    digest, _ = store.put([WEIGHTS])
    rot(store, digest, DAMAGES[damage])
    received = bytearray()

    with store.open(digest) as reader, pytest.raises(Corrupt) as refusal:
        drain(reader, received)

    found = digest_of(DAMAGES[damage])
    assert len(received) < max(1, len(DAMAGES[damage]))
    assert refusal.value.details == {"expected": digest, "found": found}
    assert digest in refusal.value.message
    assert found in refusal.value.message


def test_a_reader_that_refused_once_keeps_refusing(store: LocalBlobStore) -> None:
    digest, _ = store.put([WEIGHTS])
    rot(store, digest, flipped(WEIGHTS, at=5))

    with store.open(digest) as reader:
        for _ in range(3):
            with pytest.raises(Corrupt):
                reader.read()


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_is_named_with_both_digests_and_nothing_is_materialised(
    store: LocalBlobStore, tmp_path: Path, damage: str
) -> None:
    (tmp_path / "model" / "data").mkdir(parents=True)
    (tmp_path / "model" / "MLmodel").write_text("flavors: {}")
    (tmp_path / "model" / "data" / "model.bin").write_bytes(WEIGHTS)
    manifest = upload(tmp_path / "model", store)
    rot(store, digest_of(WEIGHTS), DAMAGES[damage])

    with pytest.raises(Corrupt) as refusal:
        materialise(manifest, store, tmp_path / "target" / "copy")

    expected, found = digest_of(WEIGHTS), digest_of(DAMAGES[damage])
    assert refusal.value.details == {"path": "data/model.bin", "expected": expected, "found": found}
    assert all(words in refusal.value.message for words in ("data/model.bin", expected, found))
    assert list((tmp_path / "target").iterdir()) == []


def test_a_flipped_bit_in_a_materialised_file_is_found_again(store: LocalBlobStore, tmp_path: Path) -> None:
    (tmp_path / "model.bin").write_bytes(WEIGHTS)
    manifest = upload(tmp_path / "model.bin", store)
    materialise(manifest, store, tmp_path / "copy")
    (tmp_path / "copy" / "model.bin").write_bytes(flipped(WEIGHTS, at=1234))

    with pytest.raises(Corrupt) as refusal:
        verify_tree(manifest, tmp_path / "copy")

    assert refusal.value.details["found"] == digest_of(flipped(WEIGHTS, at=1234))


def test_a_blob_of_the_wrong_size_is_replaced_when_it_is_put_again(store: LocalBlobStore) -> None:
    digest, _ = store.put([WEIGHTS])
    rot(store, digest, WEIGHTS[:-1])

    store.put([WEIGHTS])

    with store.open(digest) as reader:
        assert reader.read() == WEIGHTS


def test_a_whole_blob_is_not_written_again(store: LocalBlobStore, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(WEIGHTS)
    digest, _ = store.put([WEIGHTS])
    inode = blob_file(store, digest).stat().st_ino

    store.put([WEIGHTS])
    store.put_file(tmp_path / "file")

    assert blob_file(store, digest).stat().st_ino == inode
    assert unfinished(store) == []


def test_blobs_are_read_only_and_a_new_store_is_closed_to_others(store: LocalBlobStore) -> None:
    digest, _ = store.put([b"content"])

    mode, folder_mode = blob_file(store, digest).stat().st_mode, store.root.stat().st_mode

    assert mode & 0o777 & ~0o444 == 0
    assert folder_mode & 0o777 == 0o700


def test_what_a_crash_left_is_removed_by_a_later_start_once_it_is_a_day_old(tmp_path: Path) -> None:
    LocalBlobStore(tmp_path).put([b"first"])
    for name, age_ms in (("old", STALE_AFTER_MS + 1000), ("young", STALE_AFTER_MS - 1000)):
        (tmp_path / "incoming" / name).write_bytes(b"half")
        os.utime(tmp_path / "incoming" / name, ns=((NOW_MS - age_ms) * 1_000_000,) * 2)

    later = LocalBlobStore(tmp_path, clock=lambda: NOW_MS)
    later.put([b"second"])

    assert [path.name for path in unfinished(later)] == ["young"]


def test_an_interrupt_in_the_stream_leaves_no_temporary_file(store: LocalBlobStore) -> None:
    def chunks() -> Iterator[bytes]:
        yield WEIGHTS
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        store.put(chunks())

    assert unfinished(store) == []
    assert visible(store) == []


def interrupt(_done: int) -> None:
    raise KeyboardInterrupt


def test_an_interrupted_upload_of_files_leaves_nothing(store: LocalBlobStore, tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    for name in ("small", "large"):
        (tmp_path / "model" / name).write_bytes(WEIGHTS if name == "large" else b"small")

    with pytest.raises(KeyboardInterrupt):
        upload(tmp_path / "model", store, progress=interrupt)

    assert unfinished(store) == []
    assert visible(store) == []


@pytest.mark.parametrize("size", [10, 20 << 20], ids=["one thread", "several threads"])
def test_an_interrupted_materialisation_leaves_nothing(store: LocalBlobStore, tmp_path: Path, size: int) -> None:
    (tmp_path / "model").mkdir()
    for name in ("a", "b", "c"):
        (tmp_path / "model" / name).write_bytes(name.encode() * size)
    manifest = upload(tmp_path / "model", store)

    with pytest.raises(KeyboardInterrupt):
        materialise(manifest, store, tmp_path / "target" / "copy", progress=interrupt)

    assert list((tmp_path / "target").iterdir()) == []


def test_a_source_that_cannot_be_read_is_not_blamed_on_the_store(store: LocalBlobStore, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="absent"):
        store.put_file(tmp_path / "absent")

    assert unfinished(store) == []


def test_what_the_disk_refuses_without_a_known_cure_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")

    with pytest.raises(Unavailable) as refusal:
        LocalBlobStore(tmp_path / "file").put([b"content"])

    assert not isinstance(refusal.value, StorageFull)
    assert str(tmp_path / "file") in refusal.value.message
    assert refusal.value.details["reason"] == os.strerror(errno.EEXIST)
