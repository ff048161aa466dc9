"""Files of versions kept on this machine, by digest: a second load downloads nothing.

    <cache>/                                  0700, of one user, shared by that user's processes
    ├── blobs/ab/abcdef...                    read-only bytes, named by their SHA-256; its last use is the file's time
    ├── known/<registry>/<uri>.json           what a URI named when the registry last told it (see last_known.py)
    ├── coming/                               files being written; renamed into blobs/ when they are whole
    └── trimming                              locked by who makes room

What is handed out is a copy (or a clone that shares the disk's blocks until one of both is written), hashed while it is
made: what was hashed is what is loaded. A blob that is not what its name says is dropped and downloaded again.
"""

import contextlib
import fcntl
import logging
import os
import shutil
import stat
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from modelshelf.blobs.files import copy_hashed, new_file
from modelshelf.blobs.store import Progress
from modelshelf.blobs.tree import PARTIAL_PREFIX
from modelshelf.domain.artifacts import FileEntry, Manifest
from modelshelf.domain.errors import AlreadyExists, Invalid, ShelfError
from modelshelf.sdk import session
from modelshelf.services.registry import Registry

ROOM_LEFT: Final = 0.9
"""When the cache has outgrown its bound, the least recently used blobs go until it fills so much of it."""

LEFTOVER_SECONDS: Final = 24 * 3600
"""A file that nobody has written to for so long is nobody's any more."""

_log = logging.getLogger("modelshelf.cache")


class Cache:
    """A folder of blobs that holds at most so many bytes. Safe to use from several threads and processes at once."""

    def __init__(self, folder: Path, *, most_bytes: int) -> None:
        self.folder, self._most_bytes = folder, most_bytes

    def prepare(self) -> None:
        """Make the folder, for this user alone. Raises Invalid where it belongs to others, or is open to them."""
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            found = self.folder.stat()
        except OSError as error:
            raise Invalid(
                f"cannot keep a cache in {self.folder}: {error.strerror}; set MODELSHELF_CACHE_DIR"
            ) from error
        if found.st_uid != os.geteuid() or stat.S_IMODE(found.st_mode) & 0o077:
            raise Invalid(
                f"the cache {self.folder} is open to other users, who could put their models in it; "
                f"chmod 700 it if it is yours, or set MODELSHELF_CACHE_DIR to another folder"
            )
        for name in ("blobs", "coming", "known"):
            (self.folder / name).mkdir(mode=0o700, exist_ok=True)

    def copy_out(self, entry: FileEntry, target: Path) -> bool:
        """Write a file's bytes to a new path, hashed on the way; False where they are not here, or not right."""
        path = self._path(entry.digest)
        try:
            source = path.open("rb", buffering=0)
        except OSError:
            return False
        with source, new_file(target) as copy:
            found = copy_hashed(source, copy, folder=target.parent)
        if found.digest != entry.digest:
            _log.warning("the cached file %s is not what it was; it is downloaded again", path)
            target.unlink()
            path.unlink(missing_ok=True)
            return False
        with contextlib.suppress(OSError):
            os.utime(path)
        return True

    def keep(self, entry: FileEntry, source: Path) -> bool:
        """Keep a copy of a file, if its bytes are what the entry says; whether it is kept."""
        path = self._path(entry.digest)
        if entry.size > self._most_bytes or path.exists():
            return path.exists()
        coming = self.folder / "coming" / os.urandom(8).hex()
        try:
            with source.open("rb", buffering=0) as content, new_file(coming) as copy:
                found = copy_hashed(content, copy, folder=coming.parent)
                os.fchmod(copy.fileno(), 0o400)
            if found.digest != entry.digest:
                return False
            path.parent.mkdir(mode=0o700, exist_ok=True)
            coming.replace(path)
        finally:
            coming.unlink(missing_ok=True)
        return True

    def trim(self) -> None:
        """Drop what was not used for the longest time, where there is more than may be; one process at a time does."""
        with (self.folder / "trimming").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return
            self._drop_leftovers()
            blobs = sorted(self._blobs(), key=lambda blob: blob[1].st_mtime_ns)
            held = sum(status.st_size for _, status in blobs)
            if held <= self._most_bytes:
                return
            for path, status in blobs:
                if held <= self._most_bytes * ROOM_LEFT:
                    return
                path.unlink(missing_ok=True)
                held -= status.st_size

    def _drop_leftovers(self) -> None:
        """Drop what processes that were killed did not finish."""
        for path in (self.folder / "coming").iterdir():
            with contextlib.suppress(FileNotFoundError):
                if time.time() - path.stat().st_mtime > LEFTOVER_SECONDS:
                    path.unlink()

    def size(self) -> int:
        """How many bytes are kept."""
        return sum(status.st_size for _, status in self._blobs())

    def _blobs(self) -> Iterator[tuple[Path, os.stat_result]]:
        for path in (self.folder / "blobs").glob("*/*"):
            with contextlib.suppress(FileNotFoundError):
                yield path, path.stat()

    def _path(self, digest: str) -> Path:
        digits = digest.removeprefix("sha256:")
        return self.folder / "blobs" / digits[:2] / digits


def chosen(registry: Registry) -> Cache | None:
    """The cache for what comes from a registry; None where its files are near, or nothing is to be kept.

    A cache that can't be used is no reason to fail, unless nothing but the cache may be used.
    """
    if not is_far(registry):
        return None
    settings = session.settings()
    folder = Path(settings.cache_dir).expanduser() if settings.cache_dir else _user_folder()
    cache = Cache(folder.absolute(), most_bytes=settings.cache_bytes)
    if not settings.cache_bytes:
        return None
    try:
        cache.prepare()
    except Invalid as error:
        if settings.offline:
            raise
        _log.warning("%s; nothing is cached", error.message)
        return None
    return cache


def is_far(registry: Registry) -> bool:
    """Whether what a registry has must come over the network from a server."""
    return registry.uri.startswith(("http://", "https://"))


def _user_folder() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "modelshelf"


def fetch(cache: Cache, registry: Registry, manifest: Manifest, into: Path, *, progress: Progress) -> None:
    """Write a manifest's files into a new or empty folder, downloading only what the cache has not.

    Each is verified; nothing is left where anything is wrong. A cache that can't be written is no reason to fail.
    """
    partial = into.parent / f"{PARTIAL_PREFIX}{os.urandom(8).hex()}"
    rest = partial.with_name(f"{partial.name}.rest")
    try:
        for parent in {partial, *((partial / entry.path).parent for entry in manifest.files)}:
            parent.mkdir(parents=True, exist_ok=True)
        missing = [entry for entry in manifest.files if not _copied(cache, entry, partial, progress)]
        if missing:
            registry.artifacts.fetch(Manifest(tuple(missing)), rest, progress=progress)
            for entry in missing:
                (rest / entry.path).replace(partial / entry.path)
            _keep(cache, missing, partial)
        _rename(partial, into)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
        shutil.rmtree(rest, ignore_errors=True)


def _copied(cache: Cache, entry: FileEntry, folder: Path, progress: Progress) -> bool:
    if not cache.copy_out(entry, folder / entry.path):
        return False
    progress(entry.size)
    return True


def _rename(partial: Path, into: Path) -> None:
    try:
        partial.rename(into)
    except OSError as error:
        raise AlreadyExists(f"{into} is not empty; fetch into a new folder", path=str(into)) from error


def _keep(cache: Cache, entries: Sequence[FileEntry], folder: Path) -> None:
    try:
        for entry in entries:
            cache.keep(entry, folder / entry.path)
        cache.trim()
    except (OSError, ShelfError) as error:
        _log.warning("what was downloaded is not kept for the next time: %s", error)
