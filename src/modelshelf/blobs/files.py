"""Files on a disk: read in chunks, cloned, hashed, synced; and the disk's refusals in the words of the errors."""

import contextlib
import errno
import fcntl
import hashlib
import io
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from modelshelf.blobs.store import CHUNK, Progress, Stored
from modelshelf.domain.errors import AlreadyExists, StorageFull, Unavailable

Chunk = bytes | memoryview

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


def hash_chunks(chunks: Iterable[Chunk], *, write: Callable[[Chunk], None] | None = None) -> Stored:
    """The digest and size of the chunks, each written on the way where there is something that writes."""
    hasher, size = hashlib.sha256(), 0
    for chunk in chunks:
        hasher.update(chunk)
        size += len(chunk)
        if write:
            write(chunk)
    return Stored(f"sha256:{hasher.hexdigest()}", size)


def hash_file(path: Path, progress: Progress | None = None) -> Stored:
    with path.open("rb", buffering=0) as file:
        return hash_chunks(chunks_of(file, progress))


def new_file(path: Path) -> io.FileIO:
    """An empty file to be filled. Raises AlreadyExists where there is one."""
    with disk_refusals(path.parent):
        try:
            return path.open("x+b", buffering=0)
        except FileExistsError:
            raise AlreadyExists(f"there is a file {path} already; copy to a new name", path=str(path)) from None


def copy_hashed(source: io.FileIO, target: io.FileIO, *, folder: Path, progress: Progress | None = None) -> Stored:
    """Fills an empty target, in that folder; answers the digest and size of the bytes that the target got."""
    chunks, write = copied(source, target, folder=folder, progress=progress)
    return hash_chunks(chunks, write=write)


def copied(
    source: io.FileIO, target: io.FileIO, *, folder: Path, progress: Progress | None = None
) -> tuple[Iterator[memoryview], Callable[[Chunk], None] | None]:
    """The bytes for an empty target, in that folder, and what writes them; nothing does where it has them already."""
    if _cloned(source, target):
        return chunks_of(target, progress), None
    return chunks_of(source, progress), writer(target, folder=folder)


def writer(target: io.FileIO, *, folder: Path) -> Callable[[Chunk], None]:
    """Writes whole chunks, and raises what the disk refuses in the folder's name; other errors are not its own."""

    def write(chunk: Chunk) -> None:
        rest = memoryview(chunk)
        with disk_refusals(folder):
            while rest:
                rest = rest[target.write(rest) :]

    return write


def _cloned(source: io.FileIO, target: io.FileIO) -> bool:
    """Whether the file system made the target a copy that shares the source's extents until one of them is written."""
    try:
        fcntl.ioctl(target, _FICLONE, source.fileno())
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


def in_parallel(
    work: Callable[[_Item, Progress], _Result],
    items: Sequence[_Item],
    *,
    threads: int,
    progress: Progress | None = None,
) -> list[_Result]:
    """The results in order. After the first failure, or an interrupt, the others end where they next tell progress."""
    lock, over = threading.Lock(), threading.Event()

    def tell(count: int) -> None:
        if over.is_set():
            raise InterruptedError
        with lock:
            if progress:
                progress(count)

    if min(len(items), threads) < 2:
        return [work(item, tell) for item in items]
    from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait  # slow, and small trees need no threads

    pool = ThreadPoolExecutor(min(len(items), threads))
    try:
        futures = [pool.submit(work, item, tell) for item in items]
        ended = wait(futures, return_when=FIRST_EXCEPTION).done
        for future in ended:
            future.result()
        return [future.result() for future in futures]
    except BaseException:
        over.set()
        raise
    finally:
        pool.shutdown(cancel_futures=True)
