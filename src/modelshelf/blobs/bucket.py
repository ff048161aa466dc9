"""A bucket, or a part of one, as objects by key: here every request is made, and refusals become our errors."""

import contextlib
import os
from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import ClassVar, TypeAlias

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError, PreconditionError
from obstore.store import AzureStore, GCSStore, S3Store

from modelshelf.blobs.bucket_refusals import refusal, tells_of_no_bucket
from modelshelf.domain.errors import Unavailable

Objects: TypeAlias = S3Store | GCSStore | AzureStore
PART = 8 << 20
"""What one request carries: large objects are written and read in parts of this size, several at once."""
_LARGEST_PART = 64 << 20
_MOST_PARTS = 10_000
_IN_MEMORY = 32 << 20
"""What an upload holds of the parts that are on their way; one more is being filled."""


class ObjectFacts:
    """What a listing or a HEAD tells of an object."""

    __slots__ = ("key", "modified_ms", "size")

    def __init__(self, meta: "obstore.ObjectMeta") -> None:
        self.key, self.size = meta["path"], meta["size"]
        self.modified_ms = int(meta["last_modified"].timestamp() * 1000)


class Bucket:
    """Objects under a prefix. Every method raises Unavailable for what the object store refuses.

    Requests run on threads of the process that made the first of them, which a forked one doesn't inherit: there,
    every method refuses at once where it would wait for ever.
    """

    _first_process: ClassVar[int | None] = None

    def __init__(self, objects: Objects, place: str) -> None:
        self.place = place
        self._objects = objects

    def head(self, key: str) -> ObjectFacts | None:
        with self._refusals():
            try:
                return ObjectFacts(obstore.head(self._objects, key))
            except FileNotFoundError:
                return None

    def get(self, key: str, *, most: int) -> tuple[ObjectFacts, bytes | None] | None:
        """An object, with its content where that is of at most so many bytes; None where there is no object."""
        with self._refusals():
            try:
                found = obstore.get(self._objects, key)
            except FileNotFoundError as error:
                if tells_of_no_bucket(error):
                    raise refusal(error, self.place) from error
                return None
            facts = ObjectFacts(found.meta)
            return facts, bytes(found.bytes()) if facts.size <= most else None

    def get_range(self, key: str, *, start: int, length: int) -> memoryview | None:
        """Bytes that lie within the object; None where there is no object."""
        with self._refusals():
            try:
                content = memoryview(obstore.get_range(self._objects, key, start=start, length=length))
            except FileNotFoundError:
                return None
        if len(content) != length:
            raise Unavailable(f"the object store of {self.place} sent {len(content)} bytes of {length}; try again")
        return content

    def put(self, key: str, content: bytes) -> None:
        with self._refusals():
            obstore.put(self._objects, key, content, use_multipart=False)

    def create(self, key: str, content: bytes) -> None:
        """Leaves an object alone that is there already, where the object store knows how to."""
        with self._refusals(), contextlib.suppress(AlreadyExistsError, PreconditionError):
            obstore.put(self._objects, key, content, mode="create")

    def put_stream(self, key: str, chunks: Iterable[bytes], *, size: int | None = None) -> None:
        """The object appears when the last chunk is there; where the chunks raise it doesn't, and that is raised."""
        stream, part = _Stream(chunks), _part_for(size)
        try:
            with self._refusals():
                obstore.put(
                    self._objects,
                    key,
                    stream,
                    use_multipart=True,
                    chunk_size=part,
                    max_concurrency=max(1, _IN_MEMORY // part),
                )
        except BaseException:
            if stream.failure is not None:
                raise stream.failure from None
            raise

    def copy(self, source: str, target: str) -> None:
        with self._refusals():
            obstore.copy(self._objects, source, target)

    def delete(self, key: str) -> None:
        """An object that is not there is as good as deleted."""
        with self._refusals(), contextlib.suppress(FileNotFoundError):
            obstore.delete(self._objects, key)

    def folders(self, folder: str) -> list[str]:
        with self._refusals():
            return sorted(obstore.list_with_delimiter(self._objects, folder)["common_prefixes"])

    def listed(self, folder: str) -> Iterator[ObjectFacts]:
        """All objects below a folder, in any order."""
        with self._refusals():
            for page in obstore.list(self._objects, folder, chunk_size=1000):
                yield from map(ObjectFacts, page)

    def presign_get(self, key: str, *, expires_s: int) -> str:
        """A URL by which anybody may read the object for so many seconds."""
        with self._refusals():
            return obstore.sign(self._objects, "GET", key, timedelta(seconds=expires_s))

    @contextlib.contextmanager
    def _refusals(self) -> Iterator[None]:
        if Bucket._first_process is None:
            Bucket._first_process = os.getpid()
        if Bucket._first_process != os.getpid():
            raise Unavailable(
                f"{self.place} was used before this process was forked, and connections don't survive that; start "
                'processes with multiprocessing.get_context("spawn"), or use the store in them only',
                place=self.place,
            )
        try:
            yield
        except (BaseError, FileNotFoundError) as error:
            raise refusal(error, self.place) from error


class _Stream:
    """Chunks as they are asked for, and what they raised on the way, if anything."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)
        self.failure: BaseException | None = None

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        try:
            return bytes(next(self._chunks))  # of its own: the parts are sent while more chunks come
        except StopIteration:
            raise
        except BaseException as error:
            self.failure = error
            raise


def _part_for(size: int | None) -> int:
    """Objects have at most 10,000 parts; where the size is not known, parts of 16 MiB make 156 GiB."""
    if size is None:
        return 2 * PART
    return min(max(PART, -(-size // _MOST_PARTS)), _LARGEST_PART)
