"""Files on their way to a server: small ones together, large ones hashed while they are sent, none without need."""

import hashlib
import os
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from modelshelf.blobs.files import hash_file, in_parallel
from modelshelf.blobs.hashing import PART
from modelshelf.blobs.notes import LARGE
from modelshelf.blobs.store import CHUNK, TOGETHER, Progress, Stored
from modelshelf.domain.errors import Conflict, Invalid, NotFound, StorageFull, Unavailable
from modelshelf.native import frames, wire
from modelshelf.native.client import Server
from modelshelf.native.direct import DIRECT, DirectBytes

THREADS: Final = 4
PAUSE_SECONDS: Final = 0.1
"""Before an upload that broke off goes on; doubled each time that it gets nowhere."""

_ATTEMPTS = 8
_LONGEST_PAUSE_SECONDS = 15.0
_BATCH_BYTES = 8 << 20
_BATCH_FILES = 250
_BYTES = {"Content-Type": "application/octet-stream"}


class Uploads:
    """Sends files. `operations` answers what is no matter of bytes; `missing` asks which digests are not there."""

    def __init__(
        self, server: Server, operations: Any, direct: DirectBytes, missing: Callable[[Iterable[str]], set[str]]
    ) -> None:
        self._server, self._operations, self._direct, self._missing = server, operations, direct, missing

    def send(self, paths: Sequence[Path], *, progress: Progress | None = None) -> list[Stored]:
        """Send those files whose bytes the server has not; the answers stand in the order of the paths."""
        unknown = self._surely_absent(paths)
        sent = dict(zip(unknown, in_parallel(self._send_unknown, unknown, threads=2, progress=progress), strict=True))
        others = [path for path in paths if path not in sent]
        stored = in_parallel(lambda path, _: hash_file(path), others, threads=THREADS)
        missing = self._missing(each.digest for each in stored) if stored else set[str]()
        waiting: dict[str, tuple[Path, Stored]] = {}
        for path, each in zip(others, stored, strict=True):
            if each.digest in missing and each.digest not in waiting:
                waiting[each.digest] = (path, each)
            elif progress:
                progress(each.size)
        in_parallel(self._send_batch, list(_batches(waiting.values())), threads=THREADS, progress=progress)
        known = dict(zip(others, stored, strict=True))
        return [sent.get(path) or known[path] for path in paths]

    def put_framed(self, body: Callable[[], Iterable[bytes]], size: int) -> list[Stored]:
        """Send blobs together."""
        headers = {"Content-Type": frames.CONTENT_TYPE.decode(), "Content-Length": str(size)}
        answer = self._server.send("PUT", "/blobs", body=body, headers=headers)
        return [told_stored(each) for each in wire.decode(answer.read(), list[dict[str, str | int]])]

    def _surely_absent(self, paths: Sequence[Path]) -> list[Path]:
        """Large files that begin like none that the server has, nor like each other: they are hashed on the way."""
        sizes = {path: path.stat().st_size for path in dict.fromkeys(paths)}
        large = {path: size for path, size in sizes.items() if size >= LARGE}
        if not large or self._direct.offers_uploads:  # past the server they need a digest first
            return []
        beginnings = {path: (size, _beginning(path)) for path, size in large.items()}
        alike = Counter(beginnings.values())
        return [
            path
            for path, (size, digest) in beginnings.items()
            if alike[size, digest] == 1 and not self._operations.may_hold(size, digest)
        ]

    def _send_unknown(self, path: Path, tell: Progress) -> Stored:
        sending = _Sending(path, tell)
        if not self._operations.offers_resumable_uploads():
            headers = {**_BYTES, "Content-Length": str(sending.size)}
            return sending.agreed(self._put("/blobs/new", lambda: sending.from_byte(0), headers))
        failures, reached = 0, 0
        while True:
            try:
                found = self._where_it_stands(sending) if failures else 0
                return found if isinstance(found, Stored) else sending.agreed(self._put_rest(sending, found))
            except StorageFull:
                raise
            except (Unavailable, Conflict):
                failures = 1 if sending.sent > reached else failures + 1
                reached = sending.sent
                if failures == _ATTEMPTS:
                    raise
            time.sleep(min(PAUSE_SECONDS * 2**failures, _LONGEST_PAUSE_SECONDS))

    def _put_rest(self, sending: "_Sending", start: int) -> Stored:
        span = f"bytes {start}-{sending.size - 1}/{sending.size}"
        headers = {**_BYTES, "Content-Length": str(sending.size - start), "Content-Range": span}
        return self._put(f"/uploads/{sending.id}", lambda: sending.from_byte(start), headers)

    def _put(self, path: str, body: Callable[[], Iterable[bytes]], headers: dict[str, str]) -> Stored:
        answer = self._server.send("PUT", path, body=body, headers=headers, repeatable=False)
        return told_stored(wire.decode(answer.read(), dict[str, str | int]))

    def _where_it_stands(self, sending: "_Sending") -> int | Stored:
        """From where to go on; or what is stored, where only the answer was lost."""
        try:
            accepted: int = self._operations.accepted(sending.id)
        except NotFound:
            done = sending.stored()
            return done if done and not self._missing([done.digest]) else 0
        # What is whole there can't grow any more, so its last byte is sent again.
        return min(accepted, sending.hashed, sending.size - 1)

    def _send_batch(self, files: Sequence[tuple[Path, Stored]], tell: Progress) -> None:
        if len(files) == 1:
            self._send_known(*files[0], _Once(tell))
            return

        def framed() -> Iterator[bytes]:
            for path, stored in files:
                yield frames.line(stored.digest, stored.size)
                yield from _chunks_of(path)

        heads = sum(len(frames.line(stored.digest, stored.size)) for _, stored in files)
        size = sum(stored.size for _, stored in files)
        self.put_framed(framed, heads + size)
        tell(size)

    def _send_known(self, path: Path, stored: Stored, tells: "_Once") -> None:
        if stored.size >= DIRECT and self._direct.upload(path, stored, progress=tells.add):
            return
        headers = {**_BYTES, "Content-Length": str(stored.size)}
        body: Callable[[], Iterable[bytes]] = lambda: tells.over(_chunks_of(path))  # noqa: E731
        self._server.send("PUT", f"/blobs/{stored.digest}", body=body, headers=headers).read()


@dataclass(slots=True)
class _Sending:
    """A file that is hashed the first time that its bytes are sent; they may be sent again from any byte hashed."""

    path: Path
    tell: Progress
    size: int = field(init=False)
    id: str = field(init=False)
    sent: int = 0
    hashed: int = 0
    _hash: "hashlib._Hash" = field(default_factory=hashlib.sha256)

    def __post_init__(self) -> None:
        self.size, self.id = self.path.stat().st_size, os.urandom(16).hex()

    def from_byte(self, start: int) -> Iterator[bytes]:
        with self.path.open("rb", buffering=0) as file:
            at = file.seek(start)
            while at < self.size:
                chunk = file.read(min(CHUNK, self.size - at))
                if not chunk:
                    raise Invalid(f"{self.path} became shorter while it was sent; send it when it is whole")
                if at + len(chunk) > self.hashed:
                    self._hash.update(memoryview(chunk)[self.hashed - at :])
                    self.hashed = at + len(chunk)
                yield chunk
                at += len(chunk)
                if at > self.sent:
                    self.tell(at - self.sent)
                    self.sent = at

    def stored(self) -> Stored | None:
        """What this is, once all of it was hashed."""
        return Stored(f"sha256:{self._hash.hexdigest()}", self.size) if self.hashed == self.size else None

    def agreed(self, stored: Stored) -> Stored:
        if stored != self.stored():
            raise Unavailable(f"the bytes of {self.path} changed on the way: {stored.digest} came; send it again")
        return stored


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


def told_stored(told: dict[str, str | int]) -> Stored:
    """What a server says that it stored."""
    return Stored(str(told["digest"]), int(told["size"]))


def _beginning(path: Path) -> str:
    with path.open("rb", buffering=0) as file:
        hasher, left = hashlib.sha256(), PART
        while left and (chunk := file.read(min(CHUNK, left))):
            hasher.update(chunk)
            left -= len(chunk)
    return f"sha256:{hasher.hexdigest()}"


def _batches(files: Iterable[tuple[Path, Stored]]) -> Iterator[list[tuple[Path, Stored]]]:
    """Large files alone, the largest first; small ones together."""
    batch: list[tuple[Path, Stored]] = []
    size = 0
    for path, stored in sorted(files, key=lambda file: -file[1].size):
        if stored.size > TOGETHER:
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
