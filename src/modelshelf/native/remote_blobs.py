"""The blobs of a server: sent in parallel unless it has them, fetched in ranges, every byte verified."""

import hashlib
import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, Final

from modelshelf.blobs.files import disk_refusals, hash_chunks, hash_file, in_parallel, writer
from modelshelf.blobs.store import CHUNK, Progress, Stored, open_verified, refuse_other_bytes
from modelshelf.domain.artifacts import BlobParts, Digest
from modelshelf.domain.errors import AlreadyExists, Unavailable
from modelshelf.native import frames, wire
from modelshelf.native.client import Server
from modelshelf.native.direct import DIRECT, DirectBytes

THREADS: Final = 4
SMALL: Final = 1 << 20
"""Files up to this size travel together."""

LARGE: Final = 512 << 20
"""From this size on a blob is fetched in ranges, several at once. One connection is faster where the network is: it
spares the server the look at the whole that comes before the first range.
"""

RANGE: Final = 16 << 20

PAUSE_SECONDS: Final = 0.1
"""Before a broken download goes on; doubled each time that it gets nowhere."""

_BATCH_BYTES = 8 << 20
_BATCH_FILES = 250
_ASKED_AT_ONCE = 10_000
_ATTEMPTS = 5
_BYTES = {"Content-Type": "application/octet-stream"}


class RemoteBlobs:
    """What of a BlobStore can be done over HTTP."""

    def __init__(self, server: Server, direct: DirectBytes) -> None:
        self._server, self._direct = server, direct

    def missing(self, digests: Iterable[str]) -> set[str]:
        """Those of some digests that the server does not hold."""
        asked, found = sorted(set(digests)), set[str]()
        for first in range(0, len(asked), _ASKED_AT_ONCE):
            body = wire.encode_request({"digests": asked[first : first + _ASKED_AT_ONCE]})
            answer = self._server.send(
                "POST", "/blobs/missing", body=body, headers={"Content-Type": "application/json"}
            )
            found |= wire.decode(answer.read(), set[str])
        return found

    def put(self, chunks: Iterable[bytes], *, expected: str | None = None) -> Stored:
        """Send a stream; only what can be read twice is sent again where the connection breaks."""
        path = f"/blobs/{Digest.parse(expected)}" if expected else "/blobs/new"
        again = isinstance(chunks, Sequence)
        answer = self._server.send("PUT", path, body=lambda: _nonempty(chunks), headers=_BYTES, repeatable=again)
        return _stored(wire.decode(answer.read(), dict[str, str | int]))

    def put_many(self, blobs: Iterable[tuple[str, Iterable[bytes]]]) -> list[Stored]:
        """Send streams that all fit in memory, in one request."""
        held = [(digest, b"".join(chunks)) for digest, chunks in blobs]
        body = b"".join(frames.line(digest, len(content)) + content for digest, content in held)
        return self._put_framed(lambda: (body,), len(body))

    def put_files(self, paths: Sequence[Path], *, progress: Progress | None = None) -> list[Stored]:
        """Send those files whose bytes the server has not; the answers stand in the order of the paths."""
        stored = in_parallel(lambda path, _: hash_file(path), paths, threads=THREADS)
        missing = self.missing(each.digest for each in stored)
        waiting: dict[str, tuple[Path, Stored]] = {}
        for path, each in zip(paths, stored, strict=True):
            if each.digest in missing and each.digest not in waiting:
                waiting[each.digest] = (path, each)
            elif progress:
                progress(each.size)
        in_parallel(self._send_batch, list(_batches(waiting.values())), threads=THREADS, progress=progress)
        return stored

    def _send_batch(self, files: Sequence[tuple[Path, Stored]], tell: Progress) -> None:
        tells = _Once(tell)
        if len(files) == 1:
            path, stored = files[0]
            if stored.size >= DIRECT and self._direct.upload(path, stored, progress=tells.add):
                return
            headers = {**_BYTES, "Content-Length": str(stored.size)}
            self._server.send(
                "PUT", f"/blobs/{stored.digest}", body=lambda: tells.over(_chunks_of(path)), headers=headers
            ).read()
            return

        def framed() -> Iterator[bytes]:
            for path, stored in files:
                yield frames.line(stored.digest, stored.size)
                yield from _chunks_of(path)

        heads = sum(len(frames.line(stored.digest, stored.size)) for _, stored in files)
        size = sum(stored.size for _, stored in files)
        self._put_framed(framed, heads + size)
        tell(size)

    def _put_framed(self, body: Callable[[], Iterable[bytes]], size: int) -> list[Stored]:
        headers = {"Content-Type": frames.CONTENT_TYPE.decode(), "Content-Length": str(size)}
        answer = self._server.send("PUT", "/blobs", body=body, headers=headers)
        return [_stored(each) for each in wire.decode(answer.read(), list[dict[str, str | int]])]

    def open(self, digest: str) -> BinaryIO:
        """A reader that verifies while it reads."""
        return open_verified(self._server.send("GET", f"/blobs/{Digest.parse(digest)}").stream(), digest)

    def size(self, digest: str) -> int:
        """How many bytes a blob has. Raises NotFound."""
        return self.parts(digest).size

    def parts(self, digest: str) -> BlobParts:
        """The digests of a blob's parts."""
        answer = self._server.send("GET", f"/blobs/{Digest.parse(digest)}/parts")
        found: BlobParts = wire.decode(answer.read(), BlobParts)
        return found

    def read_range(self, digest: str, *, start: int, length: int) -> Iterator[bytes]:
        """Some bytes of a blob; goes on where a connection broke off."""
        end, failures = start + length, 0
        while start < end:
            try:
                with self._ranged(digest, start, end) as body:
                    while chunk := body.read(min(CHUNK, end - start)):
                        start, failures = start + len(chunk), 0
                        yield chunk
                if start < end:
                    return  # the blob ends here
            except Unavailable:
                failures += 1
                if failures == _ATTEMPTS:
                    raise
                time.sleep(PAUSE_SECONDS * 2**failures)

    def _ranged(self, digest: str, start: int, end: int) -> BinaryIO:
        if end - start >= DIRECT and (found := self._direct.open(digest, start, end)):
            return found
        return self._server.send(
            "GET", f"/blobs/{Digest.parse(digest)}", headers={"Range": f"bytes={start}-{end - 1}"}
        ).stream()

    def copy_to(self, digest: str, target: Path, *, size: int, progress: Progress | None = None) -> int:
        """Writes a verified copy to a new file and answers its size; leaves nothing when it fails."""
        try:
            with disk_refusals(target.parent):
                file = target.open("x+b", buffering=0)
        except FileExistsError:
            raise AlreadyExists(f"there is a file {target} already; copy to a new name", path=str(target)) from None
        try:
            with file:
                if size >= LARGE:
                    self._fetch_ranges(digest, size, file.fileno(), target.parent, progress)
                    found = hash_file(target)
                    if found.digest != digest:
                        self._repair(digest, file.fileno(), target.parent)
                        found = hash_file(target)
                else:
                    write = writer(file, folder=target.parent)
                    found = hash_chunks(self._told(digest, size, progress), write=write)
            refuse_other_bytes(digest, found=found.digest)
        except BaseException:
            target.unlink()
            raise
        return found.size

    def _told(self, digest: str, size: int, progress: Progress | None) -> Iterator[bytes]:
        """The whole blob; asked for in one piece first, and from where that broke off."""
        done = 0
        try:
            with self._whole(digest, size) as body:
                while chunk := body.read(CHUNK):
                    done += len(chunk)
                    yield chunk
                    if progress:
                        progress(len(chunk))
        except Unavailable:
            for chunk in self.read_range(digest, start=done, length=size - done):
                yield chunk
                if progress:
                    progress(len(chunk))

    def _whole(self, digest: str, size: int) -> BinaryIO:
        if size >= DIRECT and (found := self._direct.open(digest, 0, size)):
            return found
        return self._server.send("GET", f"/blobs/{Digest.parse(digest)}").stream()

    def _fetch_ranges(self, digest: str, size: int, descriptor: int, folder: Path, progress: Progress | None) -> None:
        """Several ranges at once, each written where it belongs."""

        def fetch(start: int, tell: Progress) -> None:
            at = start
            for chunk in self.read_range(digest, start=start, length=min(RANGE, size - start)):
                with disk_refusals(folder):
                    os.pwrite(descriptor, chunk, at)
                at += len(chunk)
                tell(len(chunk))

        in_parallel(fetch, range(0, size, RANGE), threads=THREADS, progress=progress)

    def _repair(self, digest: str, descriptor: int, folder: Path) -> None:
        """Fetch those parts again whose bytes are not what their digests say."""
        found = self.parts(digest)
        for number, expected in enumerate(found.parts):
            at = number * found.part_size
            if f"sha256:{hashlib.sha256(os.pread(descriptor, found.part_size, at)).hexdigest()}" != expected:
                part = b"".join(self.read_range(digest, start=at, length=min(found.part_size, found.size - at)))
                with disk_refusals(folder):
                    os.pwrite(descriptor, part, at)


class _Once:
    """Tells each byte once, also where a body is sent again."""

    def __init__(self, tell: Progress) -> None:
        self._tell, self._told = tell, 0

    def add(self, count: int) -> None:
        """Tell bytes that went another way."""
        self._told += count
        self._tell(count)

    def over(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        done = 0
        for chunk in chunks:
            yield chunk
            done += len(chunk)
            if done > self._told:
                self._tell(done - self._told)
                self._told = done


def _batches(files: Iterable[tuple[Path, Stored]]) -> Iterator[list[tuple[Path, Stored]]]:
    """Large files alone, the largest first; small ones together."""
    batch: list[tuple[Path, Stored]] = []
    size = 0
    for path, stored in sorted(files, key=lambda file: -file[1].size):
        if stored.size > SMALL:
            yield [(path, stored)]
            continue
        batch.append((path, stored))
        size += stored.size
        if size >= _BATCH_BYTES or len(batch) >= _BATCH_FILES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _chunks_of(path: Path) -> Iterator[bytes]:
    with path.open("rb", buffering=0) as file:
        while chunk := file.read(CHUNK):
            yield chunk


def _nonempty(chunks: Iterable[bytes]) -> Iterator[bytes]:
    return (chunk for chunk in chunks if chunk)


def _stored(told: dict[str, str | int]) -> Stored:
    return Stored(str(told["digest"]), int(told["size"]))
