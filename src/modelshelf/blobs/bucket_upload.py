"""Bringing bytes into a bucket: nothing has the name of a digest before all of it was hashed and found right."""

import contextlib
import itertools
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from modelshelf.blobs.bucket import PART, Bucket
from modelshelf.blobs.bucket_keys import blob_key, incoming_key, new_name, touched_key
from modelshelf.blobs.bucket_reading import parts_of
from modelshelf.blobs.files import hash_chunks, in_parallel
from modelshelf.blobs.hashing import PartHasher, hash_parts
from modelshelf.blobs.notes import BlobNotes
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

    def __init__(
        self, bucket: Bucket, pool: ThreadPoolExecutor, notes: BlobNotes, *, copy_limit: int = COPY_LIMIT
    ) -> None:
        self._bucket, self._pool, self._notes, self._copy_limit = bucket, pool, notes, copy_limit
        self._mending: set[str] = set()

    def touch(self, digest: str) -> bool:
        """Whether the blob is there; if so it is young from before the look: a sweep that comes between is noticed."""
        self._bucket.put(touched_key(digest), b"")
        if self._bucket.head(blob_key(digest)):
            return True
        self._bucket.delete(touched_key(digest))
        return False

    def put_small(self, content: bytes, expected: str | None) -> Stored:
        stored, parts = hash_parts([content])
        refuse_other_digest(stored, expected)
        if not self._kept(stored):
            self._bucket.put(blob_key(stored.digest), content)
            self.note(stored, parts)
        return stored

    def note(self, stored: Stored, parts: bytes) -> None:
        """What is known of a blob that is there now, whole."""
        self._notes.keep(stored, parts)
        if stored.digest in self._mending:
            self._notes.clear_rot([stored.digest])
            self._mending.discard(stored.digest)

    def put_expected(self, chunks: Iterable[bytes], digest: str) -> Stored:
        """A large blob whose digest is told before: under its digest at once, or not at all."""
        if self._bucket.head(blob_key(digest)):  # perhaps damaged; that shows when its size is known
            with self.staged() as stage:
                return stage(chunks, digest)
        stream = _Hashed(chunks, expected=digest)
        self._bucket.put_stream(blob_key(digest), stream)
        self.note(stream.stored(), stream.parts())
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
        self.note(stored, stream.parts())
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

    def publish(self, incoming: str, stored: Stored, parts: bytes) -> None:
        """Gives an object of the incoming ones, whose bytes were hashed, the name of their digest."""
        if self._kept(stored):
            return
        if stored.size <= self._copy_limit:
            self._bucket.copy(incoming, blob_key(stored.digest))
        else:
            stream = _Hashed(self.parts(incoming, stored.size), expected=stored.digest)
            self._bucket.put_stream(blob_key(stored.digest), stream, size=stored.size)
        self.note(stored, parts)

    def parts(self, key: str, size: int) -> Iterator[memoryview]:
        return parts_of(self._bucket, key, size, pool=self._pool, ahead=_AHEAD)

    def _publish(self, staging: "Staging") -> None:
        def put(content: bytes, _: Progress) -> None:
            self.put_small(content, None)

        in_parallel(put, list(staging.held.values()), threads=_THREADS)
        for incoming, stream in staging.incoming:
            if stream is not None:
                self.publish(incoming, stream.stored(), stream.parts())

    def _kept(self, stored: Stored) -> bool:
        """Whether the blob is there already, whole as far as one knows; it counts as put again."""
        found = self._bucket.head(blob_key(stored.digest))
        if found is None or found.size != stored.size:
            return False
        if stored.digest in self._notes.rotten():
            self._mending.add(stored.digest)
            return False
        return self.touch(stored.digest)


class Staging:
    """What was taken in and doesn't have its name yet: small blobs in memory, others among the incoming ones."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket
        self._room = _MOST_HELD
        self.held: dict[str, bytes] = {}
        self.incoming: list[tuple[str, _Hashed | None]] = []

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
        self.incoming[-1] = key, stream
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
        self._hash = PartHasher()

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self._chunks:
            self._hash.update(chunk)
            yield bytes(chunk)
            if self._progress:
                self._progress(len(chunk))
        refuse_other_digest(self.stored(), self._expected)

    def stored(self) -> Stored:
        return self._hash.stored()

    def parts(self) -> bytes:
        return self._hash.parts()


def _chunks_in(path: Path) -> Iterator[bytes]:
    with path.open("rb", buffering=0) as file:
        while chunk := file.read(CHUNK):
            yield chunk
