"""Blobs in a folder of this machine: write a temporary file, hash while writing, sync, rename, sync the folder."""

import contextlib
import io
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

from modelshelf.blobs.files import copy_hashed, disk_refusals, hash_chunks, new_file, sync_file, writer
from modelshelf.blobs.store import (
    CHUNK,
    Held,
    Progress,
    Stored,
    not_here,
    open_verified,
    refuse_no_digest,
    refuse_other_bytes,
    refuse_other_digest,
)
from modelshelf.domain.artifacts import Digest
from modelshelf.domain.errors import Invalid

STALE_AFTER_MS = 24 * 60 * 60 * 1000


def _wall_clock_ms() -> int:
    return time.time_ns() // 1_000_000


class LocalBlobStore:
    """A BlobStore in a folder, which is made with the first blob; the layout is drawn in `store.py`."""

    def __init__(self, root: Path, *, clock: Callable[[], int] = _wall_clock_ms) -> None:
        self.root = root
        self._clock = clock
        self._blobs, self._incoming = root / "sha256", root / "incoming"
        self._tidied = False

    def has(self, digest: str) -> bool:
        return self._size(digest) is not None

    def missing(self, digests: Iterable[str]) -> set[str]:
        return {digest for digest in digests if not self.has(digest)}

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
    def _upload(self) -> Iterator["_Upload"]:
        with disk_refusals(self.root):
            self._make_folders()
            if not self._tidied:
                self._remove_stale()
                self._tidied = True
        upload = _Upload(self._incoming, keep=self._keep, publish=self._publish)
        try:
            yield upload
        finally:
            upload.discard()

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

    def _publish(self, fresh: Mapping[str, Path], kept: Iterable[str]) -> None:
        """Bytes are synced before their name appears, and names before anyone is told of them."""
        with disk_refusals(self._blobs):
            for temporary in fresh.values():
                self._make_young(temporary)
                sync_file(temporary)  # one after the other: several threads were slower, on ext4 and on Btrfs
            for digest, temporary in fresh.items():
                path = self._path(digest)
                path.parent.mkdir(parents=True, exist_ok=True)
                temporary.replace(path)
            for folder in {self._blobs, *(self._path(digest).parent for digest in (*fresh, *kept))}:
                sync_file(folder)

    def _keep(self, stored: Stored) -> bool:
        """Whether the blob is there already, whole as far as its size tells; it counts as put again."""
        path = self._path(stored.digest)
        try:
            if path.stat().st_size != stored.size:  # rot; the new bytes take its place
                return False
            self._make_young(path)
        except (FileNotFoundError, PermissionError):
            return False
        return True


class _Upload:
    """The temporary files of one put; what was not published is removed."""

    def __init__(
        self,
        folder: Path,
        *,
        keep: Callable[[Stored], bool],
        publish: Callable[[Mapping[str, Path], Iterable[str]], None],
    ) -> None:
        self._folder, self._keep, self._publish = folder, keep, publish
        self._temporary: list[Path] = []
        self._fresh: dict[str, Path] = {}
        self._kept: set[str] = set()

    def add(self, chunks: Iterable[bytes], *, expected: str | None) -> Stored:
        refuse_no_digest(expected)
        with self._new_file() as file:
            stored = hash_chunks(chunks, write=writer(file, folder=self._folder))
        return self._accept(stored, expected)

    def add_file(self, path: Path, *, expected: str | None, progress: Progress | None) -> Stored:
        refuse_no_digest(expected)
        with path.open("rb", buffering=0) as source:
            if os.fstat(source.fileno()).st_size <= CHUNK:
                return self._add_small(source.readall(), expected=expected, progress=progress)
            with self._new_file() as file:
                stored = copy_hashed(source, file, folder=self._folder, progress=progress)
        return self._accept(stored, expected)

    def publish(self) -> None:
        self._publish(self._fresh, self._kept)

    def discard(self) -> None:
        for path in self._temporary:
            with contextlib.suppress(OSError):
                path.unlink()

    def _add_small(self, content: bytes, *, expected: str | None, progress: Progress | None) -> Stored:
        """Hashed in memory first: what the store has already costs no file."""
        stored = hash_chunks([content])
        refuse_other_digest(stored, expected)
        if not self._holds(stored):
            with self._new_file() as file:
                writer(file, folder=self._folder)(content)
            self._fresh[stored.digest] = self._temporary[-1]
        if progress:
            progress(stored.size)
        return stored

    def _accept(self, stored: Stored, expected: str | None) -> Stored:
        refuse_other_digest(stored, expected)
        if not self._holds(stored):
            self._fresh[stored.digest] = self._temporary[-1]
        return stored

    def _holds(self, stored: Stored) -> bool:
        """Whether this upload or the store has the blob already."""
        with disk_refusals(self._folder.parent):
            if stored.digest not in self._fresh and self._keep(stored):
                self._kept.add(stored.digest)
        return stored.digest in self._fresh or stored.digest in self._kept

    def _new_file(self) -> io.FileIO:
        path = self._folder / os.urandom(16).hex()
        self._temporary.append(path)  # before it exists, so that no interrupt comes between
        with disk_refusals(self._folder):
            return io.FileIO(path, "x+", opener=_make_read_only)


def _make_read_only(path: str, flags: int) -> int:
    """The mode is for those who open the file later; this descriptor writes."""
    return os.open(path, flags, 0o444)


def _names_in(folder: Path) -> list[str]:
    with disk_refusals(folder):
        try:
            return sorted(path.name for path in folder.iterdir())
        except (FileNotFoundError, NotADirectoryError):
            return []
