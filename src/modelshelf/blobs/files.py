"""Files on a disk: read in chunks, cloned, hashed, synced; and the disk's refusals in the words of the errors."""

import contextlib
import errno
import fcntl
import hashlib
import io
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from modelshelf.blobs.store import CHUNK, Progress, Stored
from modelshelf.domain.errors import StorageFull, Unavailable

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")

_FICLONE = 0x40049409  # Linux: share the extents of another file, copy on write (Btrfs, XFS, bcachefs)

_REFUSALS = {
    errno.ENOSPC: "is on a disk that is full; free some space there",
    errno.EDQUOT: "is over its quota; free some space there or raise the quota",
    errno.EFBIG: "may not hold a file of this size; raise the limit on file sizes",
    errno.EROFS: "is on a read-only file system; mount it writable, or choose another folder",
    errno.EACCES: "is closed to this user; grant access to it, or choose another folder",
    errno.EPERM: "is closed to this user; grant access to it, or choose another folder",
}


@contextlib.contextmanager
def disk_refusals(folder: Path) -> Iterator[None]:
    """Raises StorageFull or Unavailable, naming the folder, for what the operating system refuses."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        if advice := _REFUSALS.get(error.errno or 0):
            raise StorageFull(f"the folder {folder} {advice} ({reason})", folder=str(folder), reason=reason) from error
        raise Unavailable(f"the folder {folder} does not work: {reason}", folder=str(folder), reason=reason) from error


def chunks_of(file: io.FileIO, progress: Progress | None = None) -> Iterator[memoryview]:
    """Views into one buffer that is filled again: done with each before the next is asked for."""
    buffer = memoryview(bytearray(min(CHUNK, os.fstat(file.fileno()).st_size + 1)))
    while count := file.readinto(buffer):
        yield buffer[:count]
        if progress:
            progress(count)


def hash_chunks(chunks: Iterable[bytes | memoryview], *, write_to: int | None = None) -> Stored:
    """The digest and size of the chunks, each written to a file descriptor on the way where one is given."""
    hasher, size = hashlib.sha256(), 0
    for chunk in chunks:
        hasher.update(chunk)
        size += len(chunk)
        if write_to is not None:
            write_all(write_to, chunk)
    return Stored(f"sha256:{hasher.hexdigest()}", size)


def hash_file(path: Path, progress: Progress | None = None) -> Stored:
    with path.open("rb", buffering=0) as file:
        return hash_chunks(chunks_of(file, progress))


def write_all(descriptor: int, chunk: bytes | memoryview) -> None:
    rest = memoryview(chunk)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def clone(source: int, target: int) -> bool:
    """Whether the file system made the empty target an independent copy that shares the source's extents."""
    try:
        fcntl.ioctl(target, _FICLONE, source)
    except OSError:
        return False
    return True


def sync_file(path: Path) -> None:
    """Makes a file, or the names in a folder, survive a loss of power."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def in_parallel(work: Callable[[_Item], _Result], items: Sequence[_Item], *, threads: int) -> list[_Result]:
    """The results in order; the first failure cancels what has not begun, waits for the rest, and is raised."""
    if min(len(items), threads) < 2:
        return [work(item) for item in items]
    from concurrent.futures import ThreadPoolExecutor  # slow to import, and most processes only read metadata

    pool = ThreadPoolExecutor(min(len(items), threads))
    try:
        return list(pool.map(work, items))
    finally:
        pool.shutdown(cancel_futures=True)
