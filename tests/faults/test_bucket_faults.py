"""An object store that fails at any of its requests, or breaks its answers off: what is told then is never wrong."""

import itertools
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from buckets import BucketServer, ask, objects
from modelshelf.blobs.s3_uploads import S3BlobStore
from modelshelf.domain.artifacts import Digest
from modelshelf.domain.errors import Corrupt, Unavailable

MIB = 1 << 20
SMALL, LARGE = b"weights", bytes(range(256)) * (72 << 10)  # 18 MiB: two parts of a stream
MOST_REQUESTS = 40
_count = itertools.count(1)


@dataclass
class Faults:
    """What the proxy does to requests, counted from 0: those before `first` pass."""

    first: int = 1 << 30
    kind: str = "refuse"
    seen: list[str] = field(default_factory=list)

    def begin(self, first: int, kind: str) -> None:
        self.seen.clear()
        self.first, self.kind = first, kind

    def end(self) -> None:
        self.first = 1 << 30


class _Handler(BaseHTTPRequestHandler):
    """Hands requests on; from the first that is to fail, it answers 500, or half an answer, or nothing at all."""

    protocol_version = "HTTP/1.1"
    target: int
    faults: Faults

    def log_message(self, format: str, *args: object) -> None: ...

    def _hand_on(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        faulty = len(self.faults.seen) >= self.faults.first
        self.faults.seen.append(self.command)
        if faulty and self.faults.kind == "refuse":
            self._answer(500, b"<Error><Code>InternalError</Code></Error>")
        elif faulty and self.faults.kind == "drop":
            self.close_connection = True
        else:
            self._pass(body, faulty=faulty)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _hand_on  # noqa: N815

    def _pass(self, body: bytes, *, faulty: bool) -> None:
        with closing(HTTPConnection("127.0.0.1", self.target, timeout=60)) as connection:
            connection.request(self.command, self.path, body, dict(self.headers.items()))
            answer = connection.getresponse()
            content = answer.read()
        kept = {name: value for name, value in answer.headers.items() if name.lower() not in _NOT_HANDED_ON}
        if faulty and self.command == "GET" and self.faults.kind == "shorten":
            content = content[: len(content) // 2]
            kept.pop("Content-Range", None)
        length = answer.headers["Content-Length"] if self.command == "HEAD" else str(len(content))
        self.send_response(answer.status)
        for name, value in {**kept, "Content-Length": length}.items():
            self.send_header(name, value)
        self.end_headers()
        cut = faulty and self.command == "GET" and self.faults.kind == "cut"
        self.wfile.write(content[: len(content) // 2] if cut else content)
        self.close_connection = self.close_connection or cut

    def _answer(self, status: int, content: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)


_NOT_HANDED_ON = {"content-length", "connection", "server", "date", "transfer-encoding"}


@contextmanager
def proxied(server: BucketServer) -> Iterator[tuple[str, Faults]]:
    """A proxy before an object store, and what it is to do."""
    faults = Faults()
    handler = type("Handler", (_Handler,), {"target": server.port, "faults": faults})
    proxy = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    proxy.daemon_threads = True
    proxy.handle_error = lambda *_: None  # type: ignore[method-assign]
    thread = threading.Thread(target=proxy.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{proxy.server_address[1]}", faults
    finally:
        proxy.shutdown()
        proxy.server_close()
        thread.join()


@dataclass
class Bench:
    """A store behind the proxy, the same store without it, and the folder of its objects."""

    store: S3BlobStore
    sound: S3BlobStore
    folder: Path
    faults: Faults

    def assert_only_right_blobs(self) -> None:
        for key in objects(self.folder / "shelf"):
            if key.startswith("sha256/"):
                assert Digest.of((self.folder / "shelf" / key).read_bytes()).hex == key.rpartition("/")[2]


@pytest.fixture
def bench(bucket_servers: dict[str, BucketServer]) -> Iterator[Bench]:
    server = bucket_servers["localbucket"]
    name = f"faults-{next(_count)}"
    folder = server.make_bucket(name)
    with proxied(server) as (url, faults):
        yield Bench(server.store(name, url=url, retries=0), server.store(name), folder, faults)


def chunks(content: bytes) -> Iterator[bytes]:
    yield from (content[at : at + MIB] for at in range(0, len(content), MIB))


def direct(store: S3BlobStore, content: bytes) -> str:
    """A direct upload, whose parts go through the proxy too."""
    upload = store.start_upload(1, expires_s=60)
    status, _, etag = ask("PUT", upload.urls[0], content)
    if status != 200:
        raise Unavailable("the part was refused")
    return store.finish_upload(upload.id, [etag]).digest


PUTS: dict[str, Callable[[S3BlobStore, Path], object]] = {
    "small": lambda store, _: store.put([SMALL]),
    "stream": lambda store, _: store.put(chunks(LARGE)),
    "expected": lambda store, _: store.put(chunks(LARGE), expected=Digest.of(LARGE).text),
    "file": lambda store, path: store.put_file(path),
    "batch": lambda store, _: store.put_many([(Digest.of(each).text, chunks(each)) for each in (SMALL, b"2", LARGE)]),
    "direct": lambda store, _: direct(store, LARGE),
}


def copied(store: S3BlobStore, digest: str, target: Path) -> bytes:
    store.copy_to(digest, target)
    return target.read_bytes()


DOWNLOADS: dict[str, Callable[[S3BlobStore, str, Path], bytes]] = {
    "open": lambda store, digest, _: _read(store, digest),
    "copy": copied,
    "range": lambda store, digest, _: store.read_range(digest, start=0, length=1 << 62),
}


@pytest.mark.parametrize("kind", ["refuse", "drop"])
@pytest.mark.parametrize("put", PUTS)
def test_an_upload_that_fails_at_any_request_leaves_nothing_wrong_and_succeeds_later(
    bench: Bench, tmp_path: Path, put: str, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("modelshelf.blobs.s3_requests._TRIES", 1)
    (tmp_path / "file").write_bytes(LARGE)
    failed = 0

    for first in range(MOST_REQUESTS):
        bench.faults.begin(first, kind)
        try:
            PUTS[put](bench.store, tmp_path / "file")
        except (Unavailable, OSError):
            failed += 1
        else:
            if len(bench.faults.seen) <= first:
                break
        finally:
            bench.faults.end()
            bench.assert_only_right_blobs()
            for held in list(bench.sound.all_digests()):
                bench.sound.delete(held.digest)
    else:
        pytest.fail("the upload never succeeded")

    assert failed >= 2
    PUTS[put](bench.store, tmp_path / "file")
    assert bench.sound.has(Digest.of(SMALL if put == "small" else LARGE).text)


@pytest.mark.parametrize("way", ["open", "copy", "range"])
@pytest.mark.parametrize("kind", ["refuse", "drop", "cut", "shorten"])
@pytest.mark.parametrize("content", [SMALL, LARGE[: 9 * MIB]], ids=["small", "large"])
def test_a_download_that_fails_at_any_request_never_ends_well(
    bench: Bench, tmp_path: Path, content: bytes, kind: str, way: str
) -> None:
    digest, copy = bench.sound.put([content]).digest, tmp_path / "copy"
    failed = 0

    for first in range(MOST_REQUESTS):
        bench.faults.begin(first, kind)
        try:
            got = DOWNLOADS[way](bench.store, digest, copy)
        except (Unavailable, Corrupt):
            failed += 1
            assert not copy.exists()
        else:
            assert got == content
            copy.unlink(missing_ok=True)
        finally:
            bench.faults.end()
        if len(bench.faults.seen) <= first:
            break

    assert failed


def test_a_look_that_fails_is_no_answer(bench: Bench) -> None:
    digest = bench.sound.put([SMALL]).digest
    bench.faults.begin(0, "refuse")

    for look in (
        lambda: bench.store.has(digest),
        lambda: bench.store.missing([digest]),
        lambda: bench.store.size(digest),
        lambda: bench.store.touch(digest),
        lambda: bench.store.delete(digest),
        lambda: list(bench.store.all_digests()),
    ):
        with pytest.raises(Unavailable):
            look()
    bench.faults.end()

    assert bench.store.has(digest)


def test_a_batch_that_cannot_be_finished_is_told_as_such(bench: Bench) -> None:
    bench.faults.begin(2, "drop")

    with pytest.raises(Unavailable):
        bench.store.put_many([(Digest.of(each).text, [each]) for each in (b"1", b"2", b"3")])

    bench.faults.end()
    bench.assert_only_right_blobs()


def _read(store: S3BlobStore, digest: str) -> bytes:
    with store.open(digest) as reader:
        return reader.read()
