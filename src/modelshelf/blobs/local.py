"""Blobs in a folder of this machine: write a temporary file, hash while writing, sync, rename, sync the folder."""

import contextlib
import io
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import BinaryIO

from modelshelf.blobs.files import copy_hashed, disk_refusals, new_file, sync_file
from modelshelf.blobs.local_arrivals import Arrivals
from modelshelf.blobs.local_notes import FolderPages
from modelshelf.blobs.local_upload import Fresh, Upload
from modelshelf.blobs.notes import BlobNotes
from modelshelf.blobs.store import (
    Held,
    Progress,
    Stored,
    not_here,
    open_verified,
    refuse_other_bytes,
)
from modelshelf.domain.artifacts import Digest
from modelshelf.domain.errors import Invalid

STALE_AFTER_MS = 24 * 60 * 60 * 1000
TIDIED_EVERY_MS = 60 * 60 * 1000


def _wall_clock_ms() -> int:
    return time.time_ns() // 1_000_000


class LocalBlobStore:
    """A BlobStore in a folder, which is made with the first blob; the layout is drawn in `store.py`."""

    def __init__(self, root: Path, *, clock: Callable[[], int] = _wall_clock_ms) -> None:
        self.root = root
        self._clock = clock
        self._blobs, self._incoming = root / "sha256", root / "incoming"
        self._tidied_ms = -STALE_AFTER_MS
        self.notes = BlobNotes(FolderPages(root, self._incoming))

    def has(self, digest: str) -> bool:
        return self._size(digest) is not None

    def missing(self, digests: Iterable[str]) -> set[str]:
        rotten = self.notes.rotten()
        return {digest for digest in digests if digest in rotten or not self.has(digest)}

    def put(self, chunks: Iterable[bytes], *, expected: str | None = None) -> Stored:
        with self._upload() as upload:
            stored = upload.add(chunks, expected=expected)
            upload.publish()
        return stored

    def put_many(self, blobs: Iterable[tuple[str, Iterable[bytes]]]) -> list[Stored]:
        with self._upload() as upload:
            stored = [upload.add(chunks, expected=digest) for digest, chunks in blobs]
            upload.publish()
        return stored

    def put_file(self, path: Path, *, expected: str | None = None, progress: Progress | None = None) -> Stored:
        with self._upload() as upload:
            stored = upload.add_file(path, expected=expected, progress=progress)
            upload.publish()
        return stored

    def put_files(self, paths: Sequence[Path], *, progress: Progress | None = None) -> list[Stored]:
        with self._upload() as upload:
            stored = [upload.add_file(path, expected=None, progress=progress) for path in paths]
            upload.publish()
        return stored

    def open(self, digest: str) -> BinaryIO:
        return open_verified(self._open(digest), digest)

    def read_range(self, digest: str, *, start: int, length: int) -> bytes:
        if start < 0 or length < 0:
            raise Invalid(f"{length} bytes from {start} is not a range; both are 0 or more", start=start, length=length)
        with io.BufferedReader(self._open(digest)) as file, disk_refusals(self._blobs):
            there = os.fstat(file.fileno()).st_size
            if start >= there:
                return b""
            file.seek(start)
            return file.read(min(length, there - start))

    def copy_to(self, digest: str, target: Path, *, progress: Progress | None = None) -> int:
        with self._open(digest) as source, disk_refusals(self._blobs), new_file(target) as copy:
            try:
                copied = copy_hashed(source, copy, folder=target.parent, progress=progress)
                refuse_other_bytes(digest, found=copied.digest)
            except BaseException:
                target.unlink()
                raise
        return copied.size

    def size(self, digest: str) -> int:
        size = self._size(digest)
        if size is None:
            raise not_here(digest)
        return size

    def touch(self, digest: str) -> None:
        path = self._path(digest)
        with disk_refusals(path.parent):
            try:
                self._make_young(path)
            except FileNotFoundError:
                raise not_here(digest) from None
            except PermissionError:  # the file of another user who shares the store
                self.put_file(path, expected=digest)

    def delete(self, digest: str) -> None:
        with disk_refusals(self._blobs):
            self._path(digest).unlink(missing_ok=True)
        self.notes.forget(digest)

    def accepted(self, upload_id: str) -> int:
        """How many bytes of a resumable upload are there. Raises NotFound."""
        return self._arrivals.accepted(upload_id)

    def continue_upload(self, upload_id: str, chunks: Iterable[bytes], *, start: int, size: int) -> Stored:
        """Take in the rest of a resumable upload; what came stays where the chunks break off."""
        self._prepare()
        with self._arrivals.taken_in(upload_id, chunks, start=start, size=size) as fresh:
            digest = fresh.stored.digest
            if self._keep(fresh.stored):
                self._arrivals.abandon(upload_id)
                self._publish({}, [digest])
            else:
                self._publish({digest: fresh}, [])
        return fresh.stored

    def abandon_upload(self, upload_id: str) -> None:
        """Remove what came of a resumable upload."""
        self._arrivals.abandon(upload_id)

    def all_digests(self) -> Iterator[Held]:
        for folder in _names_in(self._blobs):
            for name in _names_in(self._blobs / folder):
                with contextlib.suppress(Invalid, FileNotFoundError):  # not ours, or deleted meanwhile
                    path = self._path(f"sha256:{name}")
                    about = path.stat()
                    yield Held(f"sha256:{name}", about.st_size, about.st_mtime_ns // 1_000_000)

    def _path(self, digest: str) -> Path:
        digits = Digest.parse(digest).hex
        return Path(f"{self._blobs}/{digits[:2]}/{digits}")

    def _size(self, digest: str) -> int | None:
        path = self._path(digest)
        with disk_refusals(self._blobs):
            try:
                return path.stat().st_size
            except FileNotFoundError:
                return None

    def _open(self, digest: str) -> io.FileIO:
        path = self._path(digest)
        with disk_refusals(self._blobs):
            try:
                return path.open("rb", buffering=0)
            except FileNotFoundError:
                raise not_here(digest) from None

    def _make_young(self, path: Path) -> None:
        now = self._clock() * 1_000_000
        os.utime(path, ns=(now, now))

    @contextlib.contextmanager
    def _upload(self) -> Iterator[Upload]:
        self._prepare()
        upload = Upload(self._incoming, keep=self._keep, publish=self._publish)
        try:
            yield upload
        finally:
            upload.discard()

    @cached_property
    def _arrivals(self) -> Arrivals:
        return Arrivals(self._incoming)

    def _prepare(self) -> None:
        with disk_refusals(self.root):
            self._make_folders()
            now = self._clock()
            if now - self._tidied_ms >= TIDIED_EVERY_MS:
                self._tidied_ms = now
                self._remove_stale()

    def _make_folders(self) -> None:
        if self._incoming.is_dir():
            return
        new = [folder for folder in (self.root, *self.root.parents) if not folder.exists()]
        self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._blobs.mkdir(exist_ok=True)
        self._incoming.mkdir(exist_ok=True)
        for folder in (self.root, *(made.parent for made in new)):
            sync_file(folder)

    def _remove_stale(self) -> None:
        oldest_ns = (self._clock() - STALE_AFTER_MS) * 1_000_000
        with os.scandir(self._incoming) as entries:
            for entry in entries:
                with contextlib.suppress(OSError):  # another process tidies too, or it belongs to another user
                    if entry.stat(follow_symlinks=False).st_mtime_ns < oldest_ns:
                        Path(entry.path).unlink()

    def _publish(self, fresh: Mapping[str, Fresh], kept: Iterable[str]) -> None:
        """Bytes are synced before their name appears, and names before anyone is told of them."""
        with disk_refusals(self._blobs):
            for each in fresh.values():
                self._make_young(each.path)
                sync_file(each.path)  # one after the other: several threads were slower, on ext4 and on Btrfs
                self.notes.keep(each.stored, each.parts)
            folders = {self._path(digest).parent for digest in (*fresh, *kept)}
            for digest, each in fresh.items():
                path = self._path(digest)
                try:
                    each.path.replace(path)
                except FileNotFoundError:
                    path.parent.mkdir(exist_ok=True)
                    each.path.replace(path)
                    folders.add(self._blobs)
            for folder in folders:
                sync_file(folder)
        if fresh:
            self.notes.clear_rot(fresh)

    def _keep(self, stored: Stored) -> bool:
        """Whether the blob is there already, whole as far as one knows; it counts as put again."""
        path = self._path(stored.digest)
        try:
            if path.stat().st_size != stored.size or stored.digest in self.notes.rotten():
                return False  # the new bytes take the place of the rotten ones
            self._make_young(path)
        except (FileNotFoundError, PermissionError):
            return False
        return True


def _names_in(folder: Path) -> list[str]:
    with disk_refusals(folder):
        try:
            return sorted(path.name for path in folder.iterdir())
        except (FileNotFoundError, NotADirectoryError):
            return []
