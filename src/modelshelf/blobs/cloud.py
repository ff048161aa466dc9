"""Blobs in a bucket of S3, Google Cloud or Azure: hashed while they are sent, verified while they are read."""

import io
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import BinaryIO, cast

from modelshelf.blobs.bucket import Bucket, ObjectFacts
from modelshelf.blobs.bucket_keys import BLOBS, INCOMING, TOUCHED, blob_key, digest_in, touched_key
from modelshelf.blobs.bucket_notes import BucketPages
from modelshelf.blobs.bucket_reading import READ_AT_ONCE, PartsReader, parts_of
from modelshelf.blobs.bucket_upload import COPY_LIMIT, SMALL, Arrivals, beginning
from modelshelf.blobs.files import hash_chunks, in_parallel, new_file, writer
from modelshelf.blobs.notes import BlobNotes
from modelshelf.blobs.store import (
    Held,
    Progress,
    Stored,
    not_here,
    open_verified,
    refuse_no_digest,
    refuse_other_bytes,
)
from modelshelf.domain.errors import Invalid, Unavailable

STALE_AFTER_MS = 24 * 60 * 60 * 1000
_LOOKS_AT_ONCE = 32
_UPLOADS_AT_ONCE = 8
_READS_AT_ONCE = 8
_AHEAD_OF_A_READER = 1
_AHEAD_OF_A_COPY = 3


class CloudBlobStore:
    """A BlobStore in a bucket, with the keys drawn in `bucket_keys.py`. Times are those of the object store."""

    def __init__(self, bucket: Bucket, *, clock: Callable[[], int] | None = None, copy_limit: int = COPY_LIMIT) -> None:
        self.bucket = bucket
        self._clock, self._copy_limit = clock or _wall_clock_ms, copy_limit
        self.notes = BlobNotes(BucketPages(bucket))

    def has(self, digest: str) -> bool:
        return self.bucket.head(blob_key(digest)) is not None

    def missing(self, digests: Iterable[str]) -> set[str]:
        """One request for each, many at once: that costs what is asked for, a listing what the store holds."""

        def absent(digest: str, _: Progress) -> str | None:
            return None if self.has(digest) else digest

        asked, rotten = set(digests), self.notes.rotten()
        looked_for = sorted(asked - rotten)
        absent_ones = {digest for digest in in_parallel(absent, looked_for, threads=_LOOKS_AT_ONCE) if digest}
        return absent_ones | (asked & rotten)

    def put(self, chunks: Iterable[bytes], *, expected: str | None = None) -> Stored:
        refuse_no_digest(expected)
        content, rest = beginning(chunks)
        if rest is None:
            return self._arrivals.put_small(content, expected)
        whole = chain([content], rest)
        if expected is not None:
            return self._arrivals.put_expected(whole, expected)
        with self._arrivals.staged() as stage:
            return stage(whole, None)

    def put_many(self, blobs: Iterable[tuple[str, Iterable[bytes]]]) -> list[Stored]:
        stored = []
        with self._arrivals.staged() as stage:
            for digest, chunks in blobs:
                refuse_no_digest(digest)
                stored.append(stage(chunks, digest))
        return stored

    def put_file(self, path: Path, *, expected: str | None = None, progress: Progress | None = None) -> Stored:
        refuse_no_digest(expected)
        if path.stat().st_size > SMALL:
            return self._arrivals.put_file(path, expected, progress)
        stored = self.put([path.read_bytes()], expected=expected)
        if progress:
            progress(stored.size)
        return stored

    def put_files(self, paths: Sequence[Path], *, progress: Progress | None = None) -> list[Stored]:
        """Small files go several at once, large ones one after the other: each of those is sent in parts at once."""

        def put(path: Path, tell: Progress) -> Stored:
            return self.put_file(path, progress=tell)

        large = [path.stat().st_size > SMALL for path in paths]
        small = [path for path, is_large in zip(paths, large, strict=True) if not is_large]
        done = iter(in_parallel(put, small, threads=_UPLOADS_AT_ONCE, progress=progress))
        return [
            self.put_file(path, progress=progress) if is_large else next(done)
            for path, is_large in zip(paths, large, strict=True)
        ]

    def open(self, digest: str) -> BinaryIO:
        facts, content = self._found(digest)
        if content is not None:
            return open_verified(io.BytesIO(content), digest)
        parts = parts_of(self.bucket, facts.key, facts.size, pool=self._pool, ahead=_AHEAD_OF_A_READER)
        return open_verified(cast("BinaryIO", PartsReader(parts)), digest)

    def read_range(self, digest: str, *, start: int, length: int) -> bytes:
        if start < 0 or length < 0:
            raise Invalid(f"{length} bytes from {start} is not a range; both are 0 or more", start=start, length=length)
        within = min(length, self.size(digest) - start)
        if within <= 0:
            return b""
        content = self.bucket.get_range(blob_key(digest), start=start, length=within)
        if content is None:
            raise not_here(digest)
        return bytes(content)

    def copy_to(self, digest: str, target: Path, *, progress: Progress | None = None) -> int:
        facts, content = self._found(digest)
        with new_file(target) as copy:
            try:
                copied = hash_chunks(self._told(facts, content, progress), write=writer(copy, folder=target.parent))
                refuse_other_bytes(digest, found=copied.digest)
            except BaseException:
                target.unlink()
                raise
        return copied.size

    def size(self, digest: str) -> int:
        facts = self.bucket.head(blob_key(digest))
        if facts is None:
            raise not_here(digest)
        return facts.size

    def touch(self, digest: str) -> None:
        if not self._arrivals.touch(digest):
            raise not_here(digest)

    def delete(self, digest: str) -> None:
        self.bucket.delete(blob_key(digest))
        self.bucket.delete(touched_key(digest))
        self.notes.forget(digest)

    def all_digests(self) -> Iterator[Held]:
        """One of 256 folders after the other is held in memory, since buckets needn't list in any order."""
        touched = {folder.rpartition("/")[2] for folder in self.bucket.folders(TOUCHED)}
        for folder in self.bucket.folders(BLOBS):
            name = folder.rpartition("/")[2]
            blobs = self._dated(folder)
            again = self._dated(f"{TOUCHED}/{name}") if name in touched else {}
            for digest, facts in sorted(blobs.items()):
                latest = max(facts.modified_ms, again[digest].modified_ms) if digest in again else facts.modified_ms
                yield Held(digest, facts.size, latest)

    def presign_get(self, digest: str, *, expires_s: int) -> str:
        """A URL by which anybody may read the blob, unverified, for so many seconds."""
        return self.bucket.presign_get(blob_key(digest), expires_s=expires_s)

    def _found(self, digest: str) -> tuple[ObjectFacts, bytes | None]:
        found = self.bucket.get(blob_key(digest), most=READ_AT_ONCE)
        if found is None:
            raise not_here(digest)
        return found

    def _told(
        self, facts: ObjectFacts, content: bytes | None, progress: Progress | None
    ) -> Iterator[bytes | memoryview]:
        parts = parts_of(self.bucket, facts.key, facts.size, pool=self._pool, ahead=_AHEAD_OF_A_COPY)
        for part in parts if content is None else (content,):
            yield part
            if progress:
                progress(len(part))

    def _dated(self, folder: str) -> dict[str, ObjectFacts]:
        found = {}
        for facts in self.bucket.listed(folder):
            with suppress(Invalid):  # not ours
                found[digest_in(facts.key)] = facts
        return found

    @cached_property
    def _arrivals(self) -> Arrivals:
        with suppress(Unavailable):  # then the upload itself will tell
            self._remove_stale()
        return Arrivals(self.bucket, self._pool, self.notes, copy_limit=self._copy_limit)

    @cached_property
    def _pool(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(_READS_AT_ONCE, thread_name_prefix="modelshelf-bucket")

    def _remove_stale(self) -> None:
        oldest_ms = self._clock() - STALE_AFTER_MS
        for facts in self.bucket.listed(INCOMING):
            if facts.modified_ms < oldest_ms:
                self.bucket.delete(facts.key)


def _wall_clock_ms() -> int:
    return time.time_ns() // 1_000_000
