"""Bytes over HTTP: sent once, several at once, verified part by part, and gone on with where a connection broke."""

import hashlib
import io
import random
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Self

import pytest

from asking import Ask
from modelshelf.blobs import parts, tree
from modelshelf.blobs.files import hash_file
from modelshelf.blobs.notes import LARGE
from modelshelf.domain.artifacts import Digest, FileEntry, Manifest
from modelshelf.domain.errors import Corrupt, Invalid, NotFound, ShelfError, Unavailable
from modelshelf.native import remote_blobs, remote_downloads, remote_uploads
from modelshelf.native.remote import RemoteRegistry
from modelshelf.native.transport import HttpTransport
from modelshelf.services.registry import Registry


def _files(folder: Path, sizes: Iterable[int]) -> list[Path]:
    dice, paths = random.Random(7), []
    folder.mkdir(exist_ok=True)
    for number, size in enumerate(sizes):
        path = folder / f"f{number}"
        path.write_bytes(dice.randbytes(size))
        paths.append(path)
    return paths


class Recording(HttpTransport):
    """Counts requests and the bytes that they carry; breaks some answers off."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.sent: list[tuple[str, str]] = []
        self.bytes_sent = 0
        self.breaks_after: int | None = None
        self.cuts: list[int] = []
        self.damages = 0

    def send(self, verb: str, path: str, *, headers: Any, body: Any = None, repeatable: bool) -> Any:
        self.sent.append((verb, path))
        content = self._counted(body) if callable(body) else body
        answer = super().send(verb, path, headers=headers, body=content, repeatable=repeatable)
        is_blob = verb == "GET" and "/blobs/" in path and not path.endswith("parts")
        if is_blob and self.damages:
            self.damages -= 1
            return _Damaging(answer)
        return answer if self.breaks_after is None or not is_blob else _Breaking(answer, self.breaks_after)

    def _counted(self, body: Any) -> Any:
        cut = self.cuts.pop(0) if self.cuts else None

        def counted() -> Iterable[bytes]:
            sent = 0
            for chunk in body():
                if cut is not None and sent >= cut:
                    raise ConnectionAbortedError("the line went dead")
                self.bytes_sent += len(chunk)
                sent += len(chunk)
                yield chunk

        return counted


class _Damaging:
    """An answer with a flipped bit."""

    def __init__(self, answer: Any) -> None:
        self.status, self.headers, self._answer = answer.status, answer.headers, answer

    def stream(self) -> io.BytesIO:
        with self._answer.stream() as body:
            content = bytearray(body.read())
        content[len(content) // 2] ^= 1
        return io.BytesIO(bytes(content))


class _Breaking:
    """An answer that ends too early."""

    def __init__(self, answer: Any, after: int) -> None:
        self._answer, self._after = answer, after
        self.status, self.headers = answer.status, answer.headers

    def read(self) -> bytes:
        return self._answer.read()

    def stream(self) -> Any:
        stream, left = self._answer.stream(), self._after

        class Broken:
            def read(self, size: int) -> bytes:
                nonlocal left
                chunk = stream.read(min(size, left)) if left else b""
                left -= len(chunk)
                if not left:
                    raise Unavailable("broken off")
                return chunk

            def __enter__(self) -> Self:
                return self

            def __exit__(self, *_: object) -> None:
                stream.close()

        return Broken()


@pytest.fixture
def recording(url: str) -> Recording:
    return Recording(url)


@pytest.fixture
def shelf(url: str, recording: Recording) -> Any:
    with RemoteRegistry(url, transport=recording) as registry:
        yield registry


def test_files_go_there_and_back_and_nothing_is_sent_twice(shelf: Any, recording: Recording, tmp_path: Path) -> None:
    paths = _files(tmp_path / "in", [0, 1, 1000, 1000, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, 9_000_000])
    told: list[int] = []

    stored = shelf.artifacts.upload_files(paths, progress=told.append)
    sent = recording.bytes_sent
    again = shelf.artifacts.upload_files(paths)

    manifest = Manifest(tuple(FileEntry(f"d/{path.name}", *blob) for path, blob in zip(paths, stored, strict=True)))
    shelf.artifacts.fetch(manifest, tmp_path / "out")
    total = sum(path.stat().st_size for path in paths)
    assert again == stored
    assert sum(told) == total
    assert total <= sent < total + 100 * len(paths)
    assert recording.bytes_sent == sent
    tree.verify_tree(manifest, tmp_path / "out")


def test_small_files_travel_together(shelf: Any, recording: Recording, tmp_path: Path) -> None:
    paths = _files(tmp_path / "in", [100] * 400)

    shelf.artifacts.upload_files(paths)

    assert sorted(recording.sent) == [("POST", "/api/v1/blobs/missing"), *[("PUT", "/api/v1/blobs")] * 2]


def test_a_large_blob_is_fetched_in_ranges_each_part_verified(
    shelf: Any, recording: Recording, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote_downloads, "LARGE", 1 << 20)
    path = _files(tmp_path / "in", [4 * parts.PART * 3 + 17])[0]
    stored = shelf.artifacts.upload_files([path])[0]
    told: list[int] = []

    shelf.artifacts.fetch(Manifest((FileEntry("w", *stored),)), tmp_path / "out", progress=told.append)

    assert (tmp_path / "out" / "w").read_bytes() == path.read_bytes()
    assert sum(told) == stored.size
    assert recording.sent.count(("GET", f"/api/v1/blobs/{stored.digest}")) == 4


@pytest.mark.parametrize("large", [1 << 40, 1 << 20])
def test_a_download_goes_on_where_it_broke_off(
    shelf: Any, recording: Recording, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, large: int
) -> None:
    monkeypatch.setattr(remote_downloads, "LARGE", large)
    monkeypatch.setattr(remote_blobs, "PAUSE_SECONDS", 0.0)
    path = _files(tmp_path / "in", [5_000_000])[0]
    stored = shelf.artifacts.upload_files([path])[0]
    recording.breaks_after = 1_500_000

    shelf.artifacts.fetch(Manifest((FileEntry("w", *stored),)), tmp_path / "out")

    assert (tmp_path / "out" / "w").read_bytes() == path.read_bytes()


def test_a_download_that_gets_nowhere_ends_and_leaves_nothing(
    shelf: Any, recording: Recording, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote_blobs, "PAUSE_SECONDS", 0.0)
    stored = shelf.artifacts.upload([b"x" * 1000])
    recording.breaks_after = 0

    with pytest.raises(Unavailable):
        shelf.artifacts.fetch(Manifest((FileEntry("w", *stored),)), tmp_path / "out")

    assert not (tmp_path / "out").exists()


def test_a_part_that_was_damaged_on_the_way_is_fetched_again(
    shelf: Any, recording: Recording, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote_downloads, "LARGE", 1 << 20)
    path = _files(tmp_path / "in", [4 * parts.PART])[0]
    stored = shelf.artifacts.upload_files([path])[0]
    recording.damages = 1

    shelf.artifacts.fetch(Manifest((FileEntry("w", *stored),)), tmp_path / "out")

    assert (tmp_path / "out" / "w").read_bytes() == path.read_bytes()
    assert ("GET", f"/api/v1/blobs/{stored.digest}/parts") in recording.sent


@pytest.mark.parametrize("large", [1 << 40, 1 << 10])
def test_bytes_that_are_always_damaged_are_refused(
    shelf: Any, recording: Recording, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, large: int
) -> None:
    monkeypatch.setattr(remote_downloads, "LARGE", large)
    stored = shelf.artifacts.upload([b"x" * 5000])
    recording.damages = 100

    with pytest.raises(Corrupt, match="is damaged"):
        shelf.artifacts.fetch(Manifest((FileEntry("w", *stored),)), tmp_path / "out")

    assert not (tmp_path / "out").exists()


def test_other_bytes_than_announced_are_refused(ask: Ask, embedded: Registry) -> None:
    digest = Digest.of(b"these").text

    refused = ask("PUT", f"/blobs/{digest}", body=b"those", **{"Content-Type": "application/octet-stream"})

    assert (refused.status, refused.json["details"]["found"]) == (400, Digest.of(b"those").text)
    assert embedded.artifacts.missing([digest]) == {digest}


def test_of_many_blobs_all_are_stored_or_none(ask: Ask, embedded: Registry) -> None:
    good, bad = Digest.of(b"good").text, Digest.of(b"bad").text
    body = f"{good} 4\n".encode() + b"good" + f"{bad} 3\n".encode() + b"bat"

    refused = ask("PUT", "/blobs", body=body)

    assert refused.status == 400
    assert embedded.artifacts.missing([good, bad]) == {good, bad}


@pytest.mark.parametrize(
    "body",
    [
        b"x",
        b"x\n",
        b"sha256:00 3\nabc",
        f"{Digest.of(b'abc')} 4\nabc".encode(),
        f"{Digest.of(b'abc')} -3\nabc".encode(),
        f"{Digest.of(b'abc')} {'9' * 30}\nabc".encode(),
        b"a" * 5000,
        f"{Digest.of(b'abc')} 3\nabcabc".encode(),
    ],
)
def test_many_blobs_in_another_form_are_refused(ask: Ask, body: bytes) -> None:
    assert ask("PUT", "/blobs", body=body).status == 400


def test_a_blob_tells_the_digests_of_its_parts(ask: Ask, remote: Registry) -> None:
    content = random.Random(1).randbytes(parts.PART + 5)
    stored = remote.artifacts.upload([content])

    told = ask("GET", f"/blobs/{stored.digest}/parts").json

    each = [content[: parts.PART], content[parts.PART :]]
    assert told == {
        "digest": stored.digest,
        "size": len(content),
        "part_size": parts.PART,
        "parts": [f"sha256:{hashlib.sha256(part).hexdigest()}" for part in each],
    }


def test_a_range_of_a_blob_is_sent(ask: Ask, remote: Registry) -> None:
    stored = remote.artifacts.upload([b"0123456789"])

    told = ask("GET", f"/blobs/{stored.digest}", Range="bytes=2-4")

    assert (told.status, told.body, told.headers["content-range"]) == (206, b"234", "bytes 2-4/10")


def test_a_reader_verifies_what_it_reads(remote: Registry) -> None:
    stored = remote.artifacts.upload([b"abc", b"", b"def"])

    with remote.artifacts.open(stored.digest) as reader:
        assert reader.read() == b"abcdef"
    assert b"".join(remote.artifacts.read_range(FileEntry("x", *stored), start=1, length=3)) == b"bcd"
    assert remote.artifacts.size(stored.digest) == 6


def test_a_blob_that_is_not_there_is_not_found(remote: Registry) -> None:
    digest = Digest.of(b"nobody").text

    with pytest.raises(NotFound):
        remote.artifacts.open(digest)
    with pytest.raises(NotFound):
        remote.artifacts.parts(digest)
    with pytest.raises(Invalid, match="not a digest"):
        remote.artifacts.open("sha256:00")


def test_a_verification_tells_what_is_wrong(remote: Registry, tmp_path: Path) -> None:
    stored = remote.artifacts.upload([b"precious"])
    remote.artifacts.put("0/r", [FileEntry("w", *stored), FileEntry("v", *remote.artifacts.upload([b"whole"]))])
    path = tmp_path / "blobs" / "sha256" / stored.digest[7:9] / stored.digest[7:]
    path.chmod(0o600)
    path.write_bytes(b"previous")

    read: list[int] = []

    findings = list(remote.artifacts.verify(progress=read.append))

    assert [(finding.subject, finding.uses) for finding in findings] == [(stored.digest, ("0/r/w",))]
    assert sum(read) == len(b"whole")


def _large_file(folder: Path, *, end: bytes = b"") -> Path:
    path = folder / f"large{end.hex()}"
    path.write_bytes(random.Random(3).randbytes(parts.PART) + bytes(LARGE) + end)
    return path


def test_a_large_file_is_hashed_on_the_way_and_not_sent_again(shelf: Any, recording: Recording, tmp_path: Path) -> None:
    path, told = _large_file(tmp_path), list[int]()
    size = path.stat().st_size

    stored = shelf.artifacts.upload_files([path], progress=told.append)
    sent = [verb for verb, where in recording.sent if where.startswith("/api/v1/uploads/")]
    again = shelf.artifacts.upload_files([path])

    assert stored == again == [hash_file(path)]
    assert sum(told) == size
    assert (sent, recording.bytes_sent) == (["PUT"], size)


def test_large_files_that_begin_alike_are_told_apart(shelf: Any, recording: Recording, tmp_path: Path) -> None:
    first, second, third = (_large_file(tmp_path, end=end) for end in (b"a", b"b", b"c"))
    size = first.stat().st_size

    stored = shelf.artifacts.upload_files([first, second, first])
    stored += shelf.artifacts.upload_files([third])

    assert stored == [hash_file(path) for path in (first, second, first, third)]
    assert recording.bytes_sent == 3 * size


def test_an_upload_goes_on_where_it_broke_off(
    shelf: Any, recording: Recording, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote_uploads, "PAUSE_SECONDS", 0.01)
    path, told = _large_file(tmp_path), list[int]()
    recording.cuts = [20 << 20, 8 << 20]

    stored = shelf.artifacts.upload_files([path], progress=told.append)

    assert stored == [hash_file(path)]
    assert sum(told) == path.stat().st_size
    assert recording.bytes_sent < path.stat().st_size + (6 << 20)
    assert shelf.artifacts.parts(stored[0].digest).size == stored[0].size


def test_an_upload_whose_answer_was_lost_is_not_sent_again(
    shelf: Any, recording: Recording, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote_uploads, "PAUSE_SECONDS", 0.01)
    path, send = _large_file(tmp_path), recording.send

    def losing(verb: str, where: str, **given: Any) -> Any:
        answer = send(verb, where, **given)
        if verb == "PUT":
            answer.read()
            raise Unavailable("the answer was lost")
        return answer

    monkeypatch.setattr(recording, "send", losing)
    stored = shelf.artifacts.upload_files([path])

    assert stored == [hash_file(path)]
    assert recording.bytes_sent == path.stat().st_size


def test_an_upload_is_continued_from_where_it_stands_and_nowhere_else(ask: Ask, embedded: Registry) -> None:
    name = "/uploads/" + "a1" * 16
    octets = {"Content-Type": "application/octet-stream"}
    content = b"0123456789"

    cut = ask("PUT", name, body=content[:4], **octets, **{"Content-Range": "bytes 0-9/10"})
    stands = ask("GET", name).json
    ahead = ask("PUT", name, body=content[6:], **octets, **{"Content-Range": "bytes 6-9/10"})
    more = ask("PUT", name, body=content, **octets, **{"Content-Range": "bytes 4-9/10"})
    done = ask("PUT", name, body=content[4:], **octets, **{"Content-Range": "bytes 4-9/10"})

    assert (cut.status, stands) == (400, 4)
    assert (ahead.status, ahead.json["details"]["accepted"]) == (409, 4)
    assert more.status == 400
    assert (done.status, done.json) == (201, {"digest": Digest.of(content).text, "size": 10})
    assert embedded.artifacts.missing([done.json["digest"]]) == set()
    assert ask("GET", name).status == 404


@pytest.mark.parametrize(
    ("name", "span", "status"),
    [
        ("a1" * 16, "bytes 4-9/10", 404),
        ("a1" * 16, "bytes 0-8/10", 400),
        ("a1" * 16, "bytes 9-0/10", 400),
        ("a1" * 16, "", 400),
        ("a1" * 16, f"bytes 0-{'9' * 17}/1{'0' * 17}", 507),
        ("..%2F..%2Fshelf.db", "bytes 0-9/10", 400),
        ("A1" * 16, "bytes 0-9/10", 400),
    ],
)
def test_uploads_that_make_no_sense_are_refused(ask: Ask, name: str, span: str, status: int) -> None:
    octets = {"Content-Type": "application/octet-stream", "Content-Range": span}

    assert ask("PUT", f"/uploads/{name}", body=b"0123456789", **octets).status == status


def test_an_upload_can_be_given_up(ask: Ask, tmp_path: Path) -> None:
    name = "/uploads/" + "b2" * 16
    ask("PUT", name, body=b"0123", **{"Content-Type": "application/octet-stream", "Content-Range": "bytes 0-9/10"})
    left = [path.name for path in (tmp_path / "blobs" / "incoming").iterdir()]

    given_up = [ask("DELETE", name).status for _ in range(2)]

    assert (left, given_up) == (["resumed-" + "b2" * 16], [204, 204])
    assert list((tmp_path / "blobs" / "incoming").iterdir()) == []


def test_small_files_come_together(shelf: Any, recording: Recording, tmp_path: Path) -> None:
    paths = _files(tmp_path / "in", [*range(300), 0, (1 << 20) + 1])
    stored = shelf.artifacts.upload_files(paths)
    manifest = Manifest(tuple(FileEntry(path.name, *blob) for path, blob in zip(paths, stored, strict=True)))
    recording.sent.clear()
    told = list[int]()

    shelf.artifacts.fetch(manifest, tmp_path / "out", progress=told.append)

    tree.verify_tree(manifest, tmp_path / "out")
    assert sum(told) == manifest.size
    assert sorted(recording.sent) == [("GET", f"/api/v1/blobs/{stored[-1].digest}"), ("POST", "/api/v1/blobs/fetch")]


def test_of_small_files_of_which_one_is_damaged_nothing_is_left(shelf: Any, tmp_path: Path) -> None:
    paths = _files(tmp_path / "in", [100] * 5)
    stored = shelf.artifacts.upload_files(paths)
    manifest = Manifest(tuple(FileEntry(path.name, *blob) for path, blob in zip(paths, stored, strict=True)))
    blob = tmp_path / "blobs" / "sha256" / stored[3].digest[7:9] / stored[3].digest[7:]
    blob.chmod(0o600)
    blob.write_bytes(b"x" * 100)

    with pytest.raises(ShelfError):
        shelf.artifacts.fetch(manifest, tmp_path / "out")

    assert not (tmp_path / "out").exists()


def test_small_blobs_are_asked_for_in_bounds(ask: Ask, remote: Registry) -> None:
    small, large = remote.artifacts.upload([b"small"]), remote.artifacts.upload([bytes(2 << 20)])

    answers = [
        ask("POST", "/blobs/fetch", {"digests": [small.digest]}),
        ask("POST", "/blobs/fetch", {"digests": []}),
        ask("POST", "/blobs/fetch", {"digests": [small.digest, large.digest]}),
        ask("POST", "/blobs/fetch", {"digests": [Digest.of(b"nobody").text]}),
        ask("POST", "/blobs/fetch", {"digests": ["../shelf.db"]}),
        ask("POST", "/blobs/fetch", {"digests": [small.digest] * 1001}),
        ask("POST", "/blobs/fetch", {"digests": 5}),
        ask("POST", "/blobs/fetch", body=b"x" * (1 << 20)),
    ]

    assert answers[0].body == f"{small.digest} 5\nsmall".encode()
    assert [answer.status for answer in answers] == [200, 200, 400, 404, 400, 400, 400, 400]
    assert list(remote.artifacts.read_many([small.digest])) == [(small.digest, b"small")]


def test_what_a_verification_found_damaged_is_mended_by_sending_it_again(shelf: Any, tmp_path: Path) -> None:
    path = _files(tmp_path / "in", [5000])[0]
    stored = shelf.artifacts.upload_files([path])[0]
    shelf.artifacts.put("0/r", [FileEntry("w", *stored)])
    blob = tmp_path / "blobs" / "sha256" / stored.digest[7:9] / stored.digest[7:]
    blob.chmod(0o600)
    blob.write_bytes(b"x" * 5000)

    faults = [finding.fault.partition(":")[0] for finding in shelf.artifacts.verify()]
    missing = shelf.artifacts.missing([stored.digest])
    shelf.artifacts.upload_files([path])

    assert (faults, missing) == (["corrupt"], {stored.digest})
    assert list(shelf.artifacts.verify()) == []
    assert shelf.artifacts.missing([stored.digest]) == set()
