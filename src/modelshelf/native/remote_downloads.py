"""Files on their way from a server: small ones together, huge ones in ranges, each byte verified before it counts."""

import hashlib
import os
import threading
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Final

from modelshelf.blobs.files import disk_refusals, hash_chunks, in_parallel, new_file, writer
from modelshelf.blobs.store import CHUNK, Progress, refuse_other_bytes
from modelshelf.domain.artifacts import BlobParts, Digest
from modelshelf.domain.errors import Corrupt, ShelfError, StorageFull, Unavailable
from modelshelf.native import frames
from modelshelf.native.remote_blobs import RemoteBlobs

THREADS: Final = 4
LARGE: Final = 512 << 20
"""From this size on a blob is fetched in ranges, several at once. One connection is faster where the network is."""

_PARTS_AT_ONCE = 4
_BATCH_BYTES = 8 << 20
_BATCH_FILES = 500
_TRIES = 3

Wanted = tuple[str, int, Path]
"""The digest of a blob, its size, and the new file that its bytes are for."""


class Downloads:
    """Copies of blobs, as files."""

    def __init__(self, blobs: RemoteBlobs) -> None:
        self._blobs = blobs

    def read_many(self, digests: Sequence[str]) -> Iterator[tuple[str, bytes]]:
        """Small blobs in the order in which they are asked for, whole and verified."""
        with self._blobs.together(digests) as body:
            came = frames.blobs(iter(partial(body.read, CHUNK), b""))
            for digest in digests:
                found, chunks = next(came, ("", iter(())))
                content = b"".join(chunks)
                if found != digest:
                    raise Unavailable(f"the server did not send the blob {digest}; try again", digest=digest)
                refuse_other_bytes(digest, found=Digest.of(content).text)
                yield digest, content

    def copy_together(self, files: Sequence[Wanted], *, progress: Progress | None = None) -> set[Path]:
        """Write small blobs to new files. Those files are left out that it comes to where something goes wrong."""
        copied = in_parallel(self._copy_batch, list(_batches(files)), threads=THREADS, progress=progress)
        return {path for paths in copied for path in paths}

    def _copy_batch(self, batch: dict[str, list[Path]], tell: Progress) -> list[Path]:
        done: list[Path] = []
        try:
            for digest, content in self.read_many(list(batch)):
                for target in batch[digest]:
                    _write_new(target, content)
                    done.append(target)
                    tell(len(content))
        except StorageFull:
            raise
        except ShelfError:  # whoever copies these alone finds out what it is about, or goes on where this broke off
            return done
        return done

    def copy_to(self, digest: str, target: Path, *, size: int, progress: Progress | None = None) -> int:
        """Writes a verified copy to a new file and answers its size; leaves nothing when it fails."""
        with new_file(target) as file:
            try:
                if size >= LARGE:
                    _Ranges(self._blobs, digest, file.fileno(), target.parent).fetch(size, progress)
                else:
                    chunks = self._told(digest, size, progress)
                    found = hash_chunks(chunks, write=writer(file, folder=target.parent))
                    refuse_other_bytes(digest, found=found.digest)
                    size = found.size
            except BaseException:
                target.unlink()
                raise
        return size

    def _told(self, digest: str, size: int, progress: Progress | None) -> Iterator[bytes]:
        """The whole blob; asked for in one piece first, and from where that broke off."""
        done = 0
        try:
            with self._blobs.whole(digest, size) as body:
                while chunk := body.read(CHUNK):
                    done += len(chunk)
                    yield chunk
                    if progress:
                        progress(len(chunk))
        except Unavailable:
            for chunk in self._blobs.read_range(digest, start=done, length=size - done):
                yield chunk
                if progress:
                    progress(len(chunk))


class _Ranges:
    """One blob, fetched in several ranges at once; each part is verified alone, and the whole in their order."""

    def __init__(self, blobs: RemoteBlobs, digest: str, descriptor: int, folder: Path) -> None:
        self._blobs, self._digest, self._descriptor, self._folder = blobs, digest, descriptor, folder
        self._hash, self._hashed = hashlib.sha256(), 0
        self._written: dict[int, int] = {}
        self._hashing = threading.Lock()

    def fetch(self, size: int, progress: Progress | None) -> None:
        """Raises Corrupt where the whole has another digest, or a part stays damaged."""
        found = self._blobs.parts(self._digest)
        if found.size != size or found.part_size < 1 or len(found.parts) != -(-size // found.part_size):
            raise Corrupt(f"the server has {found.size} bytes for the blob {self._digest}, not {size}", found="")
        numbers = range(0, len(found.parts), _PARTS_AT_ONCE)
        in_parallel(partial(self._fetch_range, found), numbers, threads=THREADS, progress=progress)
        refuse_other_bytes(self._digest, found=f"sha256:{self._hash.hexdigest()}")

    def _fetch_range(self, found: BlobParts, first: int, tell: Progress) -> None:
        start, last = first * found.part_size, min(first + _PARTS_AT_ONCE, len(found.parts))
        length = min(last * found.part_size, found.size) - start
        came = _in_parts(self._blobs.read_range(self._digest, start=start, length=length), found.part_size)
        for number in range(first, last):
            self._write(number * found.part_size, self._verified(found, number, next(came, b"")))
            tell(min(found.part_size, found.size - number * found.part_size))
        self._hash_on()

    def _verified(self, found: BlobParts, number: int, content: bytes) -> bytes:
        """A part; fetched again where it was damaged on the way."""
        at = number * found.part_size
        for _ in range(_TRIES):
            if Digest.of(content).text == found.parts[number]:
                return content
            length = min(found.part_size, found.size - at)
            content = b"".join(self._blobs.read_range(self._digest, start=at, length=length))
        raise Corrupt(
            f"the blob {self._digest} is damaged on the way, from byte {at} on, again and again; try again later",
            expected=found.parts[number],
            found=Digest.of(content).text,
        )

    def _write(self, at: int, content: bytes) -> None:
        rest, place = memoryview(content), at
        with disk_refusals(self._folder):
            while rest:
                count = os.pwrite(self._descriptor, rest, place)
                rest, place = rest[count:], place + count
        self._written[at] = len(content)

    def _hash_on(self) -> None:
        """Hash what has been written without a gap, in whichever thread comes by while no other is at it."""
        while self._hashed in self._written and self._hashing.acquire(blocking=False):
            try:
                while length := self._written.pop(self._hashed, 0):
                    self._hash.update(os.pread(self._descriptor, length, self._hashed))
                    self._hashed += length
            finally:
                self._hashing.release()


def _in_parts(chunks: Iterator[bytes], size: int) -> Iterator[bytes]:
    held = bytearray()
    for chunk in chunks:
        held += chunk
        while len(held) >= size:
            yield bytes(held[:size])
            del held[:size]
    if held:
        yield bytes(held)


def _write_new(target: Path, content: bytes) -> None:
    with new_file(target) as file:
        try:
            writer(file, folder=target.parent)(content)
        except BaseException:
            target.unlink()
            raise


def _batches(files: Sequence[Wanted]) -> Iterator[dict[str, list[Path]]]:
    """Equal blobs once, with all files that their bytes are for."""
    places: dict[str, tuple[int, list[Path]]] = {}
    for digest, size, target in files:
        places.setdefault(digest, (size, []))[1].append(target)
    batch: dict[str, list[Path]] = {}
    held = 0
    for digest, (size, targets) in places.items():
        batch[digest] = targets
        held += size
        if held >= _BATCH_BYTES or len(batch) >= _BATCH_FILES:
            yield batch
            batch, held = {}, 0
    if batch:
        yield batch
