"""Uploads that go on where they broke off: each is one file, which grows until it has the size that was announced."""

import contextlib
import fcntl
import io
import os
import re
import shutil
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from modelshelf.blobs.files import chunks_of, disk_refusals, writer
from modelshelf.blobs.hashing import PartHasher
from modelshelf.blobs.local_upload import Fresh
from modelshelf.domain.errors import Busy, Conflict, Invalid, NotFound, StorageFull

MOST_AT_ONCE: Final = 1_000
PATIENCE_SECONDS: Final = 5.0
"""How long a request waits for another one that sends the same upload."""

_LOOK_AGAIN_SECONDS = 0.02
_PREFIX = "resumed-"
_ID = re.compile(r"[0-9a-f]{32}")


class Arrivals:
    """The uploads under way in a folder, by ids that their senders made up."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def accepted(self, upload_id: str) -> int:
        """How many bytes are there, once no request adds to them. Raises NotFound, and Busy where one keeps on."""
        with self._locked(self._path(upload_id), os.O_RDONLY) as file:
            return os.fstat(file.fileno()).st_size

    def abandon(self, upload_id: str) -> None:
        """What is not under way is as good as abandoned."""
        with disk_refusals(self._folder):
            self._path(upload_id).unlink(missing_ok=True)

    @contextlib.contextmanager
    def taken_in(self, upload_id: str, chunks: Iterable[bytes], *, start: int, size: int) -> Iterator[Fresh]:
        """Take in the bytes from `start` to the end; for the block the file is nobody else's.

        Where the chunks break off, what came stays, and that is raised. The bytes before are read and hashed again:
        that costs less than it would to remember, and trusts nobody.
        """
        if not 0 <= start <= size:
            raise Invalid(f"an upload of {size} bytes does not go on at byte {start}", start=start, size=size)
        path = self._path(upload_id)
        with self._locked(path, os.O_RDWR | (0 if start else os.O_CREAT)) as file:
            there = os.fstat(file.fileno()).st_size
            if there < start:
                raise Conflict(f"{there} bytes of the upload are there; go on from where they end", accepted=there)
            self._refuse_no_room(size - start)
            hasher = PartHasher()
            file.truncate(start)
            for chunk in chunks_of(file):
                hasher.update(chunk)
            self._write(file, hasher, chunks, left=size - start)
            os.fchmod(file.fileno(), 0o444)
            yield Fresh(hasher.stored(), path, hasher.parts())

    def _write(self, file: io.FileIO, hasher: PartHasher, chunks: Iterable[bytes], *, left: int) -> None:
        write = writer(file, folder=self._folder)
        for chunk in chunks:
            left -= len(chunk)
            if left < 0:
                raise Invalid(f"the upload has {-left} bytes more than were announced; send it again")
            write(chunk)
            hasher.update(chunk)
        if left:
            raise Invalid(f"the upload ended {left} bytes before its end; go on with it", missing=left)

    @contextlib.contextmanager
    def _locked(self, path: Path, flags: int) -> Iterator[io.FileIO]:
        """The file, for one request at a time."""
        with disk_refusals(self._folder):
            if flags & os.O_CREAT and not path.exists():
                self._refuse_too_many()
            try:
                descriptor = os.open(path, flags | os.O_CLOEXEC, 0o600)
            except FileNotFoundError:
                raise _not_under_way() from None
        with io.FileIO(descriptor, "r+" if flags & os.O_RDWR else "r") as file:
            _wait_for_lock(descriptor)
            if not _is_at(descriptor, path):  # the one that held the lock has made a blob of it
                raise _not_under_way()
            yield file

    def _refuse_too_many(self) -> None:
        with os.scandir(self._folder) as entries:
            count = sum(entry.name.startswith(_PREFIX) for entry in entries)
        if count >= MOST_AT_ONCE:
            raise Busy(f"{count} uploads are under way, and {MOST_AT_ONCE} is the most; try again later")

    def _refuse_no_room(self, needed: int) -> None:
        """So that a disk is not filled by what can't become whole."""
        with disk_refusals(self._folder):
            free = shutil.disk_usage(self._folder).free
        if needed > free:
            raise StorageFull(f"the upload needs {needed} bytes more, and the store's disk has {free}; free some space")

    def _path(self, upload_id: str) -> Path:
        if not _ID.fullmatch(upload_id):
            raise Invalid("an upload is named by 32 hexadecimal digits that its sender makes up", upload=upload_id[:64])
        return self._folder / f"{_PREFIX}{upload_id}"


def _wait_for_lock(descriptor: int) -> None:
    """A request whose client went away ends soon, and then it is known how far it came."""
    until = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= until:
                raise Busy("another request is sending the same upload; go on when it has ended") from None
            time.sleep(_LOOK_AGAIN_SECONDS)
        else:
            return


def _is_at(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def _not_under_way() -> NotFound:
    return NotFound("no such upload is under way; start it again from its first byte")
