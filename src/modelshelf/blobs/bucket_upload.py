"""Bringing bytes into a bucket: nothing has the name of a digest before all of it was hashed and found right."""

import contextlib
import hashlib
import itertools
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from modelshelf.blobs.bucket import PART, Bucket
from modelshelf.blobs.bucket_keys import blob_key, incoming_key, new_name, touched_key
from modelshelf.blobs.bucket_reading import parts_of
from modelshelf.blobs.files import hash_chunks, in_parallel
from modelshelf.blobs.store import CHUNK, Progress, Stored, refuse_other_digest
from modelshelf.domain.errors import Unavailable

SMALL = PART
"""What is held in memory and sent by one request."""
COPY_LIMIT = 5 << 30
"""What object stores copy by one request; larger ones are read and written again."""
_MOST_HELD = 32 << 20
_THREADS = 8
_AHEAD = 3


def beginning(chunks: Iterable[bytes]) -> tuple[bytes, Iterator[bytes] | None]:
    """The first bytes of a stream, and the rest where there may be more than a small blob has."""
    rest, taken, size = iter(chunks), [], 0
    for chunk in rest:
        taken.append(chunk)
        size += len(chunk)
        if size > SMALL:
            return b"".join(taken), rest
    return b"".join(taken), None


class Arrivals:
    """The ways into a bucket. All of them answer the digest and size of what is there, whole, when they return."""

    def __init__(self, bucket: Bucket, pool: ThreadPoolExecutor, *, copy_limit: int = COPY_LIMIT) -> None:
        self._bucket, self._pool, self._copy_limit = bucket, pool, copy_limit

    def touch(self, digest: str) -> bool:
        """Whether the blob is there; if so it is young from before the look: a sweep that comes between is noticed."""
        self._bucket.put(touched_key(digest), b"")
        if self._bucket.head(blob_key(digest)):
            return True
        self._bucket.delete(touched_key(digest))
        return False

    def put_small(self, content: bytes, expected: str | None) -> Stored:
        stored = hash_chunks([content])
        refuse_other_digest(stored, expected)
        if not self._kept(stored):
            self._bucket.put(blob_key(stored.digest), content)
        return stored

    def put_expected(self, chunks: Iterable[bytes], digest: str) -> Stored:
        """A large blob whose digest is told before: under its digest at once, or not at all."""
        if self._bucket.head(blob_key(digest)):  # perhaps damaged; that shows when its size is known
            with self.staged() as stage:
                return stage(chunks, digest)
        stream = _Hashed(chunks, expected=digest)
        self._bucket.put_stream(blob_key(digest), stream)
        return stream.stored()

    def put_file(self, path: Path, expected: str | None, progress: Progress | None) -> Stored:
        """A large file. It is read twice, so that nothing is sent that is there already, and nothing is copied."""
        stored = hash_chunks(_chunks_in(path))
        refuse_other_digest(stored, expected)
        if self._kept(stored):
            if progress:
                progress(stored.size)
            return stored
        stream = _Hashed(_chunks_in(path), expected=stored.digest, progress=progress)
        self._bucket.put_stream(blob_key(stored.digest), stream, size=stored.size)
        return stored

    @contextlib.contextmanager
    def staged(self) -> Iterator["Staging"]:
        """Streams that are taken in one after the other, and appear together where the block ends well."""
        staging = Staging(self._bucket)
        try:
            yield staging
            self._publish(staging)
        finally:
            staging.discard()

    def publish(self, incoming: str, stored: Stored) -> None:
        """Gives an object of the incoming ones, whose bytes were hashed, the name of their digest."""
        if self._kept(stored):
            return
        if stored.size <= self._copy_limit:
            self._bucket.copy(incoming, blob_key(stored.digest))
            return
        stream = _Hashed(self.parts(incoming, stored.size), expected=stored.digest)
        self._bucket.put_stream(blob_key(stored.digest), stream, size=stored.size)

    def parts(self, key: str, size: int) -> Iterator[memoryview]:
        return parts_of(self._bucket, key, size, pool=self._pool, ahead=_AHEAD)

    def _publish(self, staging: "Staging") -> None:
        def put(content: bytes, _: Progress) -> None:
            self.put_small(content, None)

        in_parallel(put, list(staging.held.values()), threads=_THREADS)
        for incoming, stored in staging.incoming:
            if stored is not None:
                self.publish(incoming, stored)

    def _kept(self, stored: Stored) -> bool:
        """Whether the blob is there already, whole as far as its size tells; it counts as put again."""
        found = self._bucket.head(blob_key(stored.digest))
        return found is not None and found.size == stored.size and self.touch(stored.digest)


class Staging:
    """What was taken in and doesn't have its name yet: small blobs in memory, others among the incoming ones."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket
        self._room = _MOST_HELD
        self.held: dict[str, bytes] = {}
        self.incoming: list[tuple[str, Stored | None]] = []

    def __call__(self, chunks: Iterable[bytes], expected: str | None) -> Stored:
        content, rest = beginning(chunks)
        if rest is None and len(content) <= self._room:
            stored = hash_chunks([content])
            refuse_other_digest(stored, expected)
            self.held[stored.digest] = content
            self._room -= len(content)
            return stored
        key = incoming_key(new_name())
        self.incoming.append((key, None))
        stream = _Hashed(itertools.chain([content], rest or ()), expected=expected)
        self._bucket.put_stream(key, stream)
        self.incoming[-1] = key, stream.stored()
        return stream.stored()

    def discard(self) -> None:
        for key, _ in self.incoming:
            with contextlib.suppress(Unavailable):  # it is removed after a day
                self._bucket.delete(key)


class _Hashed:
    """Chunks, hashed as they pass; after the last of them a digest that is not the expected one is refused."""

    def __init__(
        self, chunks: Iterable[bytes | memoryview], *, expected: str | None, progress: Progress | None = None
    ) -> None:
        self._chunks, self._expected, self._progress = chunks, expected, progress
        self._hash, self._size = hashlib.sha256(), 0

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self._chunks:
            self._hash.update(chunk)
            self._size += len(chunk)
            yield bytes(chunk)
            if self._progress:
                self._progress(len(chunk))
        refuse_other_digest(self.stored(), self._expected)

    def stored(self) -> Stored:
        return Stored(f"sha256:{self._hash.hexdigest()}", self._size)


def _chunks_in(path: Path) -> Iterator[bytes]:
    with path.open("rb", buffering=0) as file:
        while chunk := file.read(CHUNK):
            yield chunk
