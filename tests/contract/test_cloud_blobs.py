"""What stores in buckets do besides what every blob store does."""

import itertools
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

import modelshelf
from buckets import KINDS, SECRET, BucketServer, age, ask, environment, free_port, objects
from modelshelf.blobs.buckets import open_bucket
from modelshelf.blobs.cloud import CloudBlobStore
from modelshelf.blobs.notes import FOLDERS
from modelshelf.blobs.s3_uploads import S3BlobStore
from modelshelf.blobs.store import DirectDownloads, DirectTransfer, Stored
from modelshelf.domain.artifacts import Digest
from modelshelf.domain.errors import Corrupt, Invalid, NotFound, Unavailable

MIB = 1 << 20
DAY_MS = 24 * 60 * 60 * 1000
LARGE = bytes(range(256)) * (40 << 10)  # 10 MiB: sent and read in parts
_count = itertools.count(1)


@dataclass(frozen=True)
class Place:
    """A store, the server it is on, and the folder that holds its objects as files."""

    server: BucketServer
    name: str
    folder: Path
    store: S3BlobStore

    def stored_keys(self) -> set[str]:
        """Without notes."""
        return {key for key in objects(self.folder / "shelf") if key.partition("/")[0] not in FOLDERS}

    def file_of(self, content: bytes) -> Path:
        return self.folder / "shelf" / key_of(content)


@pytest.fixture(params=KINDS)
def place(request: pytest.FixtureRequest, bucket_servers: dict[str, BucketServer]) -> Place:
    server, name = bucket_servers[request.param], f"cloud-{next(_count)}"
    folder = server.make_bucket(name)
    return Place(server, name, folder, server.store(name))


def key_of(content: bytes) -> str:
    digits = Digest.of(content).hex
    return f"sha256/{digits[:2]}/{digits}"


def in_chunks(content: bytes, size: int = MIB) -> Iterator[bytes]:
    yield from (content[at : at + size] for at in range(0, len(content), size))


def read(store: CloudBlobStore, digest: str) -> bytes:
    with store.open(digest) as reader:
        return reader.read()


def read_in_pieces(store: CloudBlobStore, digest: str, got: list[bytes]) -> None:
    with store.open(digest) as reader:
        got.extend(iter(lambda: reader.read(1000), b""))


def send(urls: Sequence[str], parts: Sequence[bytes]) -> list[str]:
    """Upload parts as a client without credentials does."""
    answers = [ask("PUT", url, part) for url, part in zip(urls, parts, strict=True)]
    assert {status for status, _, _ in answers} == {200}
    return [etag for _, _, etag in answers]


def test_nothing_but_the_blob_is_left_of_a_put(place: Place) -> None:
    place.store.put(in_chunks(LARGE))

    assert place.stored_keys() == {key_of(LARGE)}


def test_a_large_stream_that_fails_leaves_nothing(place: Place) -> None:
    def failing() -> Iterator[bytes]:
        yield LARGE
        raise FileNotFoundError("the file went away")

    for expected in (None, Digest.of(LARGE + b"more").text):
        with pytest.raises(FileNotFoundError, match="went away"):
            place.store.put(failing(), expected=expected)

    assert place.stored_keys() == set()


def test_a_large_stream_of_other_bytes_never_gets_the_name_of_the_expected_ones(place: Place) -> None:
    expected = Digest.of(b"other").text

    with pytest.raises(Invalid, match="changed on the way"):
        place.store.put(in_chunks(LARGE), expected=expected)

    assert place.stored_keys() == set()


def test_a_blob_that_is_too_large_to_be_copied_is_written_again(place: Place) -> None:
    store = place.server.store(place.name, copy_limit=MIB)

    stored = store.put(in_chunks(LARGE))

    assert stored == Stored(Digest.of(LARGE).text, len(LARGE))
    assert place.stored_keys() == {key_of(LARGE)}
    assert read(store, stored.digest) == LARGE


def test_what_is_there_is_not_sent_again(place: Place, tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(LARGE)
    place.store.put_file(tmp_path / "large")
    place.store.put([b"small"])
    before = {path: path.stat().st_mtime_ns for path in (place.file_of(LARGE), place.file_of(b"small"))}

    place.store.put_file(tmp_path / "large")
    place.store.put(in_chunks(LARGE))
    place.store.put(in_chunks(LARGE), expected=Digest.of(LARGE).text)
    place.store.put_many([(Digest.of(b"small").text, [b"small"]), (Digest.of(LARGE).text, in_chunks(LARGE))])

    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert not [key for key in place.stored_keys() if key.startswith("incoming")]


def test_a_blob_of_the_wrong_size_is_replaced_when_it_is_put_again(place: Place, tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(LARGE)
    digest = place.store.put_file(tmp_path / "large").digest

    for put_again in (
        lambda: place.store.put_file(tmp_path / "large"),
        lambda: place.store.put(in_chunks(LARGE)),
        lambda: place.store.put(in_chunks(LARGE), expected=digest),
    ):
        place.store.bucket.put(key_of(LARGE), LARGE[:-1])
        put_again()
        assert read(place.store, digest) == LARGE


@pytest.mark.parametrize("content", [b"small", LARGE], ids=["small", "large"])
def test_a_damaged_blob_is_found_before_its_last_byte_leaves(place: Place, tmp_path: Path, content: bytes) -> None:
    digest = place.store.put([content]).digest

    for damaged in (content[:-1], b"X" + content[1:], content[:-1] + b"X", b""):
        place.store.bucket.put(key_of(content), damaged)
        got: list[bytes] = []
        with pytest.raises(Corrupt):
            read_in_pieces(place.store, digest, got)
        with pytest.raises(Corrupt):
            place.store.copy_to(digest, tmp_path / "copy")
        assert sum(map(len, got)) < len(content)
        assert not (tmp_path / "copy").exists()


def test_all_of_a_batch_is_kept_or_none_of_it(place: Place) -> None:
    right = [(Digest.of(content).text, [content]) for content in (b"one", LARGE, b"two")]
    there = place.store.put([b"one"]).digest

    with pytest.raises(Invalid):
        place.store.put_many([*right, (Digest.of(b"three").text, [b"3"])])
    kept = place.stored_keys()
    stored = place.store.put_many(right)

    assert kept == {key_of(b"one")}
    assert [blob.digest for blob in stored] == [digest for digest, _ in right]
    assert read(place.store, there) == b"one"
    assert read(place.store, right[1][0]) == LARGE


def test_what_a_crash_left_is_removed_after_a_day(place: Place) -> None:
    place.store.bucket.put("incoming/" + "a" * 32, b"half")
    age(place.folder, DAY_MS + 60_000)
    place.store.bucket.put("incoming/" + "b" * 32, b"half")

    place.server.store(place.name).put([b"content"])

    assert place.stored_keys() == {key_of(b"content"), "incoming/" + "b" * 32}


def test_objects_that_are_not_ours_are_not_listed(place: Place) -> None:
    digest = place.store.put([b"content"]).digest
    place.store.bucket.put("sha256/zz/notes.txt", b"notes")
    place.store.bucket.put("sha256/ab/" + "A" * 64, b"notes")

    assert [held.digest for held in place.store.all_digests()] == [digest]


def test_a_blob_that_was_touched_in_vain_leaves_no_trace(place: Place) -> None:
    with pytest.raises(NotFound):
        place.store.touch(Digest.of(b"absent").text)

    assert place.stored_keys() == set()


def test_prefixes_of_one_bucket_are_stores_of_their_own(place: Place) -> None:
    other = place.server.store(place.name, prefix="other/deep")

    digest = other.put([b"content"]).digest

    assert not place.store.has(digest)
    assert list(place.store.all_digests()) == []
    assert [held.digest for held in other.all_digests()] == [digest]


def test_a_listing_goes_on_over_pages(bucket_servers: dict[str, BucketServer]) -> None:
    server = bucket_servers["localbucket"]
    folder = server.make_bucket("pages") / "shelf" / "sha256" / "ab"
    folder.mkdir(parents=True)
    names = [f"ab{number:062x}" for number in range(1_500)]
    for name in names:
        (folder / name).write_bytes(b"")

    listed = [held.digest for held in server.store("pages").all_digests()]

    assert listed == [f"sha256:{name}" for name in names]


def test_many_digests_are_looked_for_at_once(place: Place) -> None:
    here = [place.store.put([str(number).encode()]).digest for number in range(5)]
    absent = {Digest.of(f"absent {number}".encode()).text for number in range(100)}

    assert place.store.missing([*here, *absent, *here]) == absent


def test_a_bucket_that_is_not_there_is_unavailable(place: Place) -> None:
    store = place.server.store("no-such-bucket")

    for attempt in (
        lambda: store.put([b"content"]),
        lambda: store.put(in_chunks(LARGE)),
        lambda: store.open(Digest.of(b"content").text),
        lambda: list(store.all_digests()),
        lambda: store.start_upload(1, expires_s=60),
    ):
        with pytest.raises(Unavailable, match="no-such-bucket"):
            attempt()


def test_wrong_credentials_are_refused_without_telling_them(bucket_servers: dict[str, BucketServer]) -> None:
    server = bucket_servers["nanio"]
    server.make_bucket("closed")
    wrong = {**environment(server.url), "AWS_SECRET_ACCESS_KEY": "very-wrong-secret"}
    store = CloudBlobStore(open_bucket("s3://closed", wrong, retries=0))

    for attempt in (
        lambda: store.has(Digest.of(b"").text),
        lambda: store.put([b"content"]),
        lambda: store.open(Digest.of(b"").text),
        lambda: list(store.all_digests()),
    ):
        with pytest.raises(Unavailable, match="refuses these credentials") as refused:
            attempt()
        assert "very-wrong-secret" not in f"{refused.value} {refused.value.details} {refused.value.__cause__!r}"


def test_a_store_that_does_not_answer_is_unavailable(bucket_servers: dict[str, BucketServer]) -> None:
    store = bucket_servers["localbucket"].store("closed", url=f"http://127.0.0.1:{free_port()}")

    for attempt in (
        lambda: store.has(Digest.of(b"").text),
        lambda: store.put(in_chunks(LARGE)),
        lambda: store.open(Digest.of(b"").text),
        lambda: store.delete(Digest.of(b"").text),
    ):
        with pytest.raises(Unavailable, match="does not answer"):
            attempt()
    with pytest.raises(Unavailable, match="no answer"):
        store.start_upload(1, expires_s=60)


def test_a_url_lets_others_read_a_blob_until_it_expires(place: Place) -> None:
    digest = place.store.put([LARGE]).digest

    url = place.store.presign_get(digest, expires_s=60)

    assert ask("GET", url)[:2] == (200, LARGE)
    assert ask("GET", url, Range="bytes=1-4")[:2] == (206, LARGE[1:5])
    assert SECRET not in url


def test_a_changed_url_lets_nobody_in(bucket_servers: dict[str, BucketServer]) -> None:
    server = bucket_servers["nanio"]
    server.make_bucket("signed")
    store = server.store("signed")
    one, other = (store.put([content]).digest for content in (b"one", b"other"))
    read_url, upload = store.presign_get(one, expires_s=60), store.start_upload(1, expires_s=60)

    statuses = [
        ask("GET", read_url.replace(key_of(b"one"), key_of(b"other")))[0],
        ask("PUT", upload.urls[0].replace("partNumber=1", "partNumber=2"), b"x")[0],
        ask("PUT", upload.urls[0].partition("&X-Amz-Signature")[0], b"x")[0],
    ]

    assert set(statuses) <= {400, 403}
    assert store.has(other)


def test_what_was_uploaded_directly_appears_once_it_was_hashed(place: Place) -> None:
    parts = [LARGE[: 5 * MIB], LARGE[5 * MIB :], b"the end"]
    whole = b"".join(parts)
    upload = place.store.start_upload(len(parts), expires_s=60)

    etags = send(upload.urls, parts)
    before = place.stored_keys()
    stored = place.store.finish_upload(upload.id, etags)

    assert before == set()
    assert stored == Stored(Digest.of(whole).text, len(whole))
    assert read(place.store, stored.digest) == whole
    assert place.store.finish_upload(upload.id, etags) == stored
    assert isinstance(place.store, DirectTransfer)
    assert isinstance(place.store, DirectDownloads)


def test_a_direct_upload_that_was_put_together_and_not_hashed_can_be_finished(place: Place) -> None:
    upload = place.store.start_upload(1, expires_s=60)
    etags = send(upload.urls, [b"content"])
    name, _, s3_id = upload.id.partition(".")
    place.store._put_together(name, s3_id, etags)

    stored = place.store.finish_upload(upload.id, etags)

    assert stored == Stored(Digest.of(b"content").text, 7)


def test_a_direct_upload_of_other_bytes_than_expected_does_not_appear(place: Place) -> None:
    upload = place.store.start_upload(1, expires_s=60)
    etags = send(upload.urls, [b"other"])

    with pytest.raises(Invalid, match="changed on the way"):
        place.store.finish_upload(upload.id, etags, expected=Digest.of(b"content").text)

    assert place.stored_keys() == set()


def test_a_direct_upload_is_aborted_once_or_twice_and_then_unknown(place: Place) -> None:
    upload = place.store.start_upload(1, expires_s=60)
    etags = send(upload.urls, [b"content"])

    place.store.abort_upload(upload.id)
    place.store.abort_upload(upload.id)

    with pytest.raises(NotFound):
        place.store.finish_upload(upload.id, etags)
    assert place.stored_keys() == set()


def test_parts_that_were_not_sent_are_refused(place: Place) -> None:
    upload = place.store.start_upload(2, expires_s=60)
    [etag] = send(upload.urls[:1], [b"content"])

    for etags in ([], ['"0"'], [etag, etag], ["</ETag>"]):
        with pytest.raises(Invalid, match="parts"):
            place.store.finish_upload(upload.id, etags)

    assert place.stored_keys() == set()


@pytest.mark.parametrize("upload", ["", "x", "../../sha256.1", "a" * 32, "a" * 32 + ".\n", f"{'A' * 32}.1"])
def test_a_made_up_upload_is_not_found(bucket_servers: dict[str, BucketServer], upload: str) -> None:
    store = bucket_servers["localbucket"].store("made-up")

    with pytest.raises(NotFound):
        store.finish_upload(upload, ['"1"'])
    with pytest.raises(NotFound):
        store.abort_upload(upload)


@pytest.mark.parametrize("parts", [0, -1, 10_001])
def test_an_upload_has_parts_that_the_object_store_can_count(
    bucket_servers: dict[str, BucketServer], parts: int
) -> None:
    with pytest.raises(Invalid, match="10000"):
        bucket_servers["localbucket"].store("counted").start_upload(parts, expires_s=60)


PROGRAM = """
import hashlib, json, os, resource, sys
from modelshelf.blobs.buckets import open_bucket
from modelshelf.blobs.cloud import CloudBlobStore

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10

store = CloudBlobStore(open_bucket(sys.argv[1], os.environ))
store.put([b"warm"])
before, block = peak(), os.urandom(1 << 20)
digest, size = store.put(block for _ in range(192))
with store.open(digest) as reader:
    while reader.read(1 << 20):
        pass
store.copy_to(digest, __import__("pathlib").Path(sys.argv[2]))
after = peak()
child = os.fork()
if child == 0:
    try:
        store.has(digest)
    except Exception as error:
        os._exit(7 if "fork" in str(error) else 8)
    os._exit(9)
print(json.dumps({"size": size, "grown": after - before, "forked": os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])}))
"""


def test_memory_does_not_grow_with_a_blob_and_a_forked_process_is_told_at_once(
    bucket_servers: dict[str, BucketServer], tmp_path: Path
) -> None:
    server = bucket_servers["localbucket"]
    server.make_bucket("memory")
    sources = str(Path(modelshelf.__file__).parents[1])

    finished = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", PROGRAM, "s3://memory/shelf", str(tmp_path / "copy")],
        env={**os.environ, **server.environment, "PYTHONPATH": sources},
        capture_output=True,
        text=True,
        timeout=120,
    )

    assert finished.returncode == 0, finished.stderr
    told = json.loads(finished.stdout)
    assert told["size"] == 192 * MIB
    assert told["grown"] < 80
    assert told["forked"] == 7
    assert (tmp_path / "copy").stat().st_size == told["size"]
