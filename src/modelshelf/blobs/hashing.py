"""The digest of a stream, and with it those of its parts of 4 MiB, by which each can be verified alone."""

import hashlib
import os
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import lru_cache
from typing import Final

from modelshelf.blobs.store import Stored

Chunk = bytes | memoryview
PART: Final = 4 << 20
DIGEST_BYTES: Final = 32
_WORTH_A_THREAD = 256 << 10


class PartHasher:
    """Hashes a stream as a whole and by parts, the parts in a thread beside; what has one part is hashed once."""

    def __init__(self) -> None:
        self._size = 0
        self._whole, self._part = hashlib.sha256(), hashlib.sha256()
        self._ended = bytearray()

    def update(self, chunk: Chunk) -> None:
        """Take some more bytes in. They may be overwritten afterwards."""
        left = PART - self._size
        if left >= len(chunk):
            self._whole.update(chunk)
        else:
            chunk = memoryview(chunk)
            if left >= 0:
                self._whole.update(chunk[:left])
                self._ended += self._whole.digest()  # until here the first part was the whole
                self._size, chunk = PART, chunk[left:]
            self._update_both(chunk)
        self._size += len(chunk)

    def stored(self) -> Stored:
        """The digest and size of all bytes so far."""
        return Stored(f"sha256:{self._whole.hexdigest()}", self._size)

    def parts(self) -> bytes:
        """The digests of all parts so far, one after the other."""
        if self._size <= PART:
            return self._whole.digest() if self._size else b""
        return bytes(self._ended) + (self._part.digest() if self._size % PART else b"")

    def _update_both(self, chunk: memoryview) -> None:
        if len(chunk) < _WORTH_A_THREAD:
            self._add_to_part(chunk, self._size % PART)
            self._whole.update(chunk)
            return
        beside: Future[None] = _threads(os.getpid()).submit(self._add_to_part, chunk, self._size % PART)
        self._whole.update(chunk)
        beside.result()

    def _add_to_part(self, chunk: memoryview, filled: int) -> None:
        while chunk:
            piece = chunk[: PART - filled]
            self._part.update(piece)
            chunk, filled = chunk[len(piece) :], filled + len(piece)
            if filled == PART:
                self._ended += self._part.digest()
                self._part, filled = hashlib.sha256(), 0


@lru_cache(maxsize=1)
def _threads(_pid: int) -> ThreadPoolExecutor:
    """A forked child needs threads of its own."""
    return ThreadPoolExecutor(os.cpu_count() or 1, thread_name_prefix="modelshelf-parts")


def hash_parts(chunks: Iterable[Chunk], *, write: Callable[[Chunk], None] | None = None) -> tuple[Stored, bytes]:
    """The digest and size of the chunks, and the digests of their parts; each is written on the way, where asked."""
    hasher = PartHasher()
    for chunk in chunks:
        hasher.update(chunk)
        if write:
            write(chunk)
    return hasher.stored(), hasher.parts()
