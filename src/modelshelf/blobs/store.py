"""The port to stored bytes: blobs named by the SHA-256 of their content, and the layout they have on a disk.

    <root>/                        made with mode 0700; what an administrator opens wider stays open
    ├── sha256/
    │   └── ab/                    the first two digits of the digest; made when first needed
    │       └── abcdef…            a whole, synced blob under all 64 digits; never written again (mode 0444)
    ├── parts/, large/, rotten/     what is noted beside blobs; drawn in `notes.py`
    └── incoming/
        ├── 6f1c…                  an upload under way; what is older than a day was left by a crash, and is removed
        └── resumed-9a0e…          an upload that goes on where it broke off, until it is a day old

A blob appears under its digest by one rename, after its bytes were hashed and synced. Object stores use the same keys,
`sha256/ab/abcdef…`; what else they hold is drawn in `bucket_keys.py`.
"""

import hashlib
import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NamedTuple, Protocol, runtime_checkable

from modelshelf.domain.artifacts import Digest
from modelshelf.domain.errors import Corrupt, Invalid, NotFound, Unavailable

if TYPE_CHECKING:
    from modelshelf.blobs.notes import BlobNotes

CHUNK = 1 << 20
TOGETHER = 1 << 20
"""Blobs of up to this size may travel together."""
_READ_AHEAD = CHUNK // 2
"""What a verified reader reads at once; it holds two of them, for as long as its own reader stalls."""

Progress = Callable[[int], None]
"""Told the bytes done since it was last told; from any thread, but never from two at once."""


class Stored(NamedTuple):
    """A blob that is in the store; the size is in bytes."""

    digest: str
    size: int


class Held(NamedTuple):
    """A blob as the sweep and the scrub meet it; `touched_ms` is when it was last put or touched."""

    digest: str
    size: int
    touched_ms: int


class BlobStore(Protocol):
    """Bytes by digest. Safe to use from several threads and processes at once.

    Every method refuses what is not a digest with Invalid, and reports a disk that is full, read-only or closed to this
    user with StorageFull. Nothing half written is ever visible.
    """

    @property
    def notes(self) -> "BlobNotes":
        """What is noted beside the blobs."""
        ...

    def has(self, digest: str) -> bool: ...

    def missing(self, digests: Iterable[str]) -> set[str]:
        """Those to be sent: they are not there, or were found rotten."""
        ...

    def put(self, chunks: Iterable[bytes], *, expected: str | None = None) -> Stored:
        """Stores a stream; refuses it with Invalid, and keeps nothing, when its digest is not the expected one."""
        ...

    def put_many(self, blobs: Iterable[tuple[str, Iterable[bytes]]]) -> list[Stored]:
        """Stores streams, each with the digest that it has to have, with few waits for the disk.

        Where one is refused or breaks off, none is kept that was not there before, as far as the store can tell.
        """
        ...

    def put_file(self, path: Path, *, expected: str | None = None, progress: Progress | None = None) -> Stored: ...

    def put_files(self, paths: Sequence[Path], *, progress: Progress | None = None) -> list[Stored]:
        """Stores many files with few waits for the disk; where it fails, each is in the store whole or not at all."""
        ...

    def open(self, digest: str) -> BinaryIO:
        """A reader that verifies: it raises Corrupt, naming both digests, rather than hand out the last byte."""
        ...

    def read_range(self, digest: str, *, start: int, length: int) -> bytes:
        """At most `length` bytes from `start`; a part cannot be verified."""
        ...

    def copy_to(self, digest: str, target: Path, *, progress: Progress | None = None) -> int:
        """Writes an independent, verified copy to a new file and answers its size; leaves nothing when it fails."""
        ...

    def size(self, digest: str) -> int: ...

    def touch(self, digest: str) -> None:
        """Makes the blob young again, so that a sweep spares it; NotFound when it is gone."""
        ...

    def delete(self, digest: str) -> None:
        """A blob that is not there is as good as deleted."""
        ...

    def all_digests(self) -> Iterator[Held]:
        """Every blob, in the order of digests; those put or deleted meanwhile may or may not be among them."""
        ...


@runtime_checkable
class ResumableUploads(Protocol):
    """What a store can do besides that keeps what came of an upload when it breaks off."""

    def accepted(self, upload_id: str) -> int:
        """How many bytes are there. Raises NotFound for an upload that is not under way."""
        ...

    def continue_upload(self, upload_id: str, chunks: Iterable[bytes], *, start: int, size: int) -> Stored:
        """Takes in the bytes from `start` to the end, and stores the blob; what came stays where the chunks raise.

        The first call, from byte 0, starts the upload; its id is 32 hexadecimal digits that the sender made up. What
        nobody went on with for a day is removed. Raises Conflict where fewer bytes than `start` are there, and Busy
        where another call is at it.
        """
        ...

    def abandon_upload(self, upload_id: str) -> None:
        """An upload that is not under way is as good as abandoned."""
        ...


@runtime_checkable
class CopiesTogether(Protocol):
    """What a store can do besides that takes a while to answer."""

    def copy_together(self, files: Sequence[tuple[str, Path]], *, progress: Progress | None = None) -> set[Path]:
        """Writes verified copies of small blobs to new files; those that it answers: the others `copy_to` has to."""
        ...


class DirectUpload(NamedTuple):
    """An upload past the server: the n-th part is sent with PUT to the n-th URL; `id` names it from then on."""

    id: str
    urls: tuple[str, ...]


@runtime_checkable
class DirectDownloads(Protocol):
    """What a store can do besides whose blobs others can read without it."""

    def presign_get(self, digest: str, *, expires_s: int) -> str:
        """A URL by which anybody may read the blob, unverified, for so many seconds."""
        ...


@runtime_checkable
class DirectTransfer(DirectDownloads, Protocol):
    """What a store can do besides that takes bytes which don't pass through this process on their way in."""

    def start_upload(self, parts: int, *, expires_s: int) -> DirectUpload:
        """Each part but the last has at least 5 MiB; there are at most 10,000."""
        ...

    def finish_upload(self, upload_id: str, etags: Sequence[str], *, expected: str | None = None) -> Stored:
        """Puts the parts together, then reads and hashes all bytes: only then they appear, under their digest.

        `etags` are what the PUTs answered, in the order of the parts. Asked again within a day, it answers the same.
        Raises NotFound for an upload that is not under way, Invalid for parts that are not those that were sent, and
        for bytes whose digest is not the expected one.
        """
        ...

    def abort_upload(self, upload_id: str) -> None:
        """An upload that is not under way is as good as aborted."""
        ...


class VerifiedReader(io.RawIOBase):
    """Hashes what it reads and stays one chunk behind, so that the last byte leaves only after the digest was right."""

    def __init__(self, source: BinaryIO | io.FileIO, digest: str) -> None:
        super().__init__()
        self._source, self._digest, self._hash = source, digest, hashlib.sha256()
        self._ready, self._held = memoryview(b""), memoryview(b"")
        self._whole = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "bytearray | memoryview") -> int:  # type: ignore[override]
        while not self._ready and not self._whole:
            self._advance()
        count = min(len(buffer), len(self._ready))
        buffer[:count] = self._ready[:count]
        self._ready = self._ready[count:]
        return count

    def readall(self) -> bytes:
        whole = bytearray()
        while self._ready or not self._whole:
            whole += self._ready
            self._ready = memoryview(b"")
            if not self._whole:
                self._advance()
        return bytes(whole)

    def close(self) -> None:
        self._source.close()
        super().close()

    def _advance(self) -> None:
        try:
            chunk = self._source.read(_READ_AHEAD) or b""
        except OSError as error:
            raise Unavailable(f"the blob {self._digest} cannot be read: {error}", digest=self._digest) from error
        self._hash.update(chunk)
        if not chunk:
            refuse_other_bytes(self._digest, found=f"sha256:{self._hash.hexdigest()}")
            self._whole = True
        self._ready, self._held = self._held, memoryview(chunk)


def open_verified(source: BinaryIO | io.FileIO, digest: str) -> BinaryIO:
    """A buffered stream over a VerifiedReader; closing it closes the source."""
    return io.BufferedReader(VerifiedReader(source, digest), buffer_size=io.DEFAULT_BUFFER_SIZE)


def not_here(digest: str) -> NotFound:
    return NotFound(f"the blob {digest} is not in the store", digest=digest)


def refuse_no_digest(expected: str | None) -> None:
    if expected is not None:
        Digest.parse(expected)


def refuse_other_digest(stored: Stored, expected: str | None) -> None:
    if expected is not None and stored.digest != expected:
        raise Invalid(
            f"the bytes have the digest {stored.digest}, not {expected}: they changed on the way; send them again",
            expected=expected,
            found=stored.digest,
        )


def refuse_other_bytes(digest: str, *, found: str) -> None:
    if found != digest:
        raise Corrupt(
            f"the blob {digest} is damaged: its bytes have the digest {found}; restore it from a backup, "
            "or delete it and upload the file again",
            expected=digest,
            found=found,
        )
