"""Ranges of blobs, verified by the digests of their parts, which are noted when a blob is stored or first asked for."""

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Iterator

from modelshelf.blobs.hashing import DIGEST_BYTES, PART
from modelshelf.blobs.store import BlobStore, Stored
from modelshelf.domain.artifacts import BlobParts, Digest
from modelshelf.domain.errors import Corrupt

_MOST_BYTES_KEPT = 16 << 20


class PartDigests:
    """The digests of the parts of blobs that were read lately; they follow from the blob's own, and never change."""

    def __init__(self, most_bytes: int = _MOST_BYTES_KEPT) -> None:
        self._most_bytes, self._bytes = most_bytes, 0
        self._known: OrderedDict[str, bytes] = OrderedDict()
        self._lock = threading.Lock()
        self._reading = [threading.Lock() for _ in range(16)]

    def of(self, store: BlobStore, digest: str) -> bytes:
        """All parts' digests, one after the other. Raises Corrupt where the whole is not what its digest says."""
        with self._reading[hash(digest) % len(self._reading)]:
            known = self._recall(digest)
            if known is None:
                known = _noted(store, digest)
                self._keep(digest, known)
        return known

    def _recall(self, digest: str) -> bytes | None:
        with self._lock:
            known = self._known.get(digest)
            if known is not None:
                self._known.move_to_end(digest)
            return known

    def _keep(self, digest: str, parts: bytes) -> None:
        with self._lock:
            self._known[digest] = parts
            self._bytes += len(parts)
            while self._bytes > self._most_bytes:
                _, forgotten = self._known.popitem(last=False)
                self._bytes -= len(forgotten)


_known = PartDigests()


def verified_range(
    store: BlobStore, digest: str, *, start: int, length: int, known: PartDigests = _known
) -> Iterator[bytes]:
    """The bytes of a range, in pieces of at most a part. No piece leaves before the part it lies in was verified."""
    end = start + length
    digests = known.of(store, digest) if length else b""
    for number in range(start // PART, -(-end // PART) if length else 0):
        first = number * PART
        content = store.read_range(digest, start=first, length=PART)
        if hashlib.sha256(content).digest() != digests[number * DIGEST_BYTES : (number + 1) * DIGEST_BYTES]:
            raise Corrupt(
                f"the blob {digest} is damaged from byte {first} on; restore it from a backup, or delete it and "
                "upload the file again",
                expected=digest,
                at=first,
            )
        yield content[max(start - first, 0) : end - first]


def of_blob(store: BlobStore, digest: str, *, known: PartDigests = _known) -> BlobParts:
    """The digests of all parts of a blob. Raises NotFound, and Corrupt where its bytes are not what its digest says."""
    size, joined = store.size(digest), known.of(store, digest)
    each = [joined[at : at + DIGEST_BYTES].hex() for at in range(0, len(joined), DIGEST_BYTES)]
    return BlobParts(digest, size, PART, tuple(f"sha256:{digits}" for digits in each))


def _noted(store: BlobStore, digest: str) -> bytes:
    """What was noted; else it is found out, at the cost of a read of the whole, and noted."""
    size = store.size(digest)
    if 0 < size <= PART:
        return bytes.fromhex(Digest.parse(digest).hex)
    noted = store.notes.parts(digest) if size else b""
    if noted is None or len(noted) != -(-size // PART) * DIGEST_BYTES:
        noted = _read_whole(store, digest)
        store.notes.keep(Stored(digest, size), noted)
    return noted


def _read_whole(store: BlobStore, digest: str) -> bytes:
    digests = bytearray()
    with store.open(digest) as reader:
        while content := reader.read(PART):
            digests += hashlib.sha256(content).digest()
    return bytes(digests)
