"""What a store notes beside its blobs: the digests of their parts, which large ones there are, and which have rotted.

    parts/ab/abcdef…            of a blob with several parts: its size, the digests of its parts, and a checksum of both
    large/SIZE-0123…/abcdef…    empty: a large blob of that size, whose first part has the digest 0123…
    rotten/abcdef…              empty: a verification found other bytes than these; they are to be sent again

Notes are hints, written without a sync: what is lost, or does not fit its checksum, is made again from the bytes.
"""

import hashlib
from collections.abc import Iterable
from contextlib import suppress
from typing import Final, Protocol

from modelshelf.blobs.hashing import DIGEST_BYTES, PART
from modelshelf.blobs.store import Stored
from modelshelf.domain.artifacts import Digest
from modelshelf.domain.errors import Unavailable

LARGE: Final = 32 << 20
"""From this size on a blob can be looked for by its beginning."""

PARTS, BEGINNINGS, ROTTEN = "parts", "large", "rotten"
FOLDERS: Final = (PARTS, BEGINNINGS, ROTTEN)
_SIZE_BYTES = 8


class Pages(Protocol):
    """Where notes are kept: small contents by keys of plain parts."""

    def read(self, key: str) -> bytes | None: ...

    def write(self, key: str, content: bytes) -> None: ...

    def remove(self, key: str) -> None:
        """What is not there is as good as removed."""
        ...

    def names(self, folder: str) -> set[str]:
        """The last parts of the keys right below a folder."""
        ...


class BlobNotes:
    """The notes of one store."""

    def __init__(self, pages: Pages) -> None:
        self._pages = pages

    def keep(self, stored: Stored, parts: bytes) -> None:
        """Note the digests of the parts of a blob that is being stored whole."""
        if stored.size <= PART:
            return
        noted = stored.size.to_bytes(_SIZE_BYTES, "big") + parts
        with suppress(Unavailable):
            self._pages.write(_parts_key(stored.digest), noted + _checksum(stored.digest, noted))
            if stored.size >= LARGE:
                self._pages.write(_large_key(stored, parts), b"")

    def parts(self, digest: str) -> bytes | None:
        """The digests of a blob's parts, one after the other; None where they were not noted."""
        with suppress(Unavailable):
            content = self._pages.read(_parts_key(digest)) or b""
            noted, checksum = content[:-DIGEST_BYTES], content[-DIGEST_BYTES:]
            if noted and checksum == _checksum(digest, noted):
                return noted[_SIZE_BYTES:]
        return None

    def forget(self, digest: str) -> None:
        """Drop what was noted about a blob that is deleted."""
        content = self._pages.read(_parts_key(digest)) or b""
        if len(content) > _SIZE_BYTES + DIGEST_BYTES:
            size = int.from_bytes(content[:_SIZE_BYTES], "big")
            self._pages.remove(_large_key(Stored(digest, size), content[_SIZE_BYTES:]))
            self._pages.remove(_parts_key(digest))
        self._pages.remove(f"{ROTTEN}/{Digest.parse(digest).hex}")

    def may_hold(self, size: int, beginning: str) -> bool:
        """Whether there may be a large blob of a size, whose first part has the digest."""
        return bool(self._pages.names(f"{BEGINNINGS}/{size}-{Digest.parse(beginning).hex}"))

    def mark_rotten(self, digest: str) -> None:
        """Note that the bytes of a blob are other ones."""
        self._pages.write(f"{ROTTEN}/{Digest.parse(digest).hex}", b"")

    def rotten(self) -> set[str]:
        """The blobs that have to be sent again."""
        return {f"sha256:{digits}" for digits in self._pages.names(ROTTEN)}

    def clear_rot(self, digests: Iterable[str]) -> None:
        """Note that blobs have the right bytes again, or are gone."""
        for digest in self.rotten().intersection(digests):
            self._pages.remove(f"{ROTTEN}/{Digest.parse(digest).hex}")


def _parts_key(digest: str) -> str:
    digits = Digest.parse(digest).hex
    return f"{PARTS}/{digits[:2]}/{digits}"


def _large_key(stored: Stored, parts: bytes) -> str:
    return f"{BEGINNINGS}/{stored.size}-{parts[:DIGEST_BYTES].hex()}/{Digest.parse(stored.digest).hex}"


def _checksum(digest: str, noted: bytes) -> bytes:
    return hashlib.sha256(digest.encode() + noted).digest()
