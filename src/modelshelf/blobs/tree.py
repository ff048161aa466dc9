"""A folder of files -> a manifest and blobs, and back; every byte is verified against its digest."""

import contextlib
import errno
import os
import shutil
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

from modelshelf.blobs.files import disk_refusals, hash_file, in_parallel
from modelshelf.blobs.store import TOGETHER, BlobStore, CopiesTogether, Progress, Stored
from modelshelf.domain.artifacts import ArtifactPath, FileEntry, Manifest
from modelshelf.domain.errors import AlreadyExists, Corrupt, Invalid, NotFound

PARTIAL_PREFIX = ".partial-"
"""Names the folders that `materialise` is filling; one that outlives its process may be removed."""

_THREADS = 4
_WORTH_THREADS = 32 << 20
_FEW = 2

ScannedFile = tuple[ArtifactPath, Path, int]


def scan(source: Path) -> list[ScannedFile]:
    """The files of a folder, or the one file, in the order of a manifest; empty folders leave no trace.

    Links are followed within the folder. A link out of it, and what is neither file nor folder, is refused.
    """
    with _reading(source):
        if not source.exists():
            raise NotFound(f"there is no file or folder {source}", path=str(source))
        root = source.resolve()
    if root.is_file():
        found = [(ArtifactPath(source.name), root, root.stat().st_size)]
    elif root.is_dir():
        found = _files_in(root)
    else:
        raise Invalid(f"{source} is neither a file nor a folder", path=str(source))
    return sorted(found, key=lambda file: file[0])


def manifest_of(source: Path, *, progress: Progress | None = None) -> Manifest:
    """Hashes a folder or a single file."""
    files = scan(source)

    def entry(file: ScannedFile, tell: Progress) -> FileEntry:
        path, real, _ = file
        with _reading(real):
            digest, size = hash_file(real, tell)
        return FileEntry(path.text, digest, size)

    threads = _threads_for(size for _, _, size in files)
    return Manifest(tuple(in_parallel(entry, files, threads=threads, progress=progress)))


def upload(source: Path, store: BlobStore, *, progress: Progress | None = None) -> Manifest:
    """Stores a folder or a single file, reading each byte once; the manifest is of the bytes that were stored."""
    files = scan(source)
    with _reading(source):
        stored = store.put_files([real for _, real, _ in files], progress=progress)
    return Manifest(tuple(FileEntry(file[0].text, *blob) for file, blob in zip(files, stored, strict=True)))


def materialise(manifest: Manifest, store: BlobStore, into: Path, *, progress: Progress | None = None) -> None:
    """Writes the files into a folder that is new or empty: all of them, verified, or nothing.

    The copies are independent of the store, and not synced: they can be written again.
    """
    _refuse_filled(into)
    partial = into.parent / f"{PARTIAL_PREFIX}{os.urandom(8).hex()}"
    try:
        with disk_refusals(into.parent):
            partial.mkdir(parents=True)
            for folder in sorted({Path(entry.path).parent for entry in manifest.files}):
                (partial / folder).mkdir(parents=True, exist_ok=True)
        _copy_files(manifest, store, partial, progress)
        _rename(partial, into)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise


def verify_tree(manifest: Manifest, folder: Path, *, progress: Progress | None = None) -> None:
    """Refuses, with Corrupt, a folder that lacks a file, has one too many, or has other bytes in one."""
    files = {path.text: real for path, real, _ in scan(folder)}
    for path in sorted(files):
        if manifest.find(path) is None:
            raise Corrupt(f"the file {path!r} in {folder} does not belong to the artifact; remove it", path=path)

    def check(entry: FileEntry, tell: Progress) -> None:
        if entry.path not in files:
            raise Corrupt(f"the file {entry.path!r} is missing in {folder}", path=entry.path, expected=entry.digest)
        with _reading(files[entry.path]):
            _refuse_other_file(entry, hash_file(files[entry.path], tell))

    in_parallel(check, manifest.files, threads=_threads_for([manifest.size]), progress=progress)


def _copy_files(manifest: Manifest, store: BlobStore, folder: Path, progress: Progress | None) -> None:
    def copy(entry: FileEntry, tell: Progress) -> None:
        try:
            size = store.copy_to(entry.digest, folder / entry.path, progress=tell)
        except Corrupt as error:
            raise _damaged(entry, found=error.details["found"]) from error
        except NotFound as error:
            message = f"the bytes of the file {entry.path!r} ({entry.digest}) are not in the store"
            raise NotFound(message, path=entry.path, digest=entry.digest) from error
        _refuse_other_file(entry, Stored(entry.digest, size))

    done = _copied_together(manifest, store, folder, progress)
    rest = [entry for entry in manifest.files if folder / entry.path not in done]
    in_parallel(copy, rest, threads=_threads_for([manifest.size]), progress=progress)


def _copied_together(manifest: Manifest, store: BlobStore, folder: Path, progress: Progress | None) -> set[Path]:
    small = [(entry.digest, folder / entry.path) for entry in manifest.files if entry.size <= TOGETHER]
    if len(small) < _FEW or not isinstance(store, CopiesTogether):
        return set()
    return store.copy_together(small, progress=progress)


def _threads_for(sizes: Iterable[int]) -> int:
    """Hashing large files leaves the interpreter's lock; opening many small ones fights for it, and takes longer."""
    return _THREADS if sum(sizes) >= _WORTH_THREADS else 1


def _files_in(root: Path) -> list[ScannedFile]:
    found: list[ScannedFile] = []
    waiting: list[tuple[Path, ArtifactPath | None, frozenset[Path]]] = [(root, None, frozenset({root}))]
    while waiting:
        folder, below, inside = waiting.pop()
        with _reading(folder), os.scandir(folder) as entries:
            for entry in entries:
                path = below / entry.name if below else ArtifactPath(entry.name)
                real = _within(root, Path(entry.path)) if entry.is_symlink() else Path(entry.path)
                about = real.stat()
                if stat.S_ISREG(about.st_mode):
                    found.append((path, real, about.st_size))
                elif not stat.S_ISDIR(about.st_mode):
                    raise Invalid(f"{entry.path} is neither a file nor a folder; leave it out", path=path.text)
                elif real in inside:
                    raise Invalid(f"the link {entry.path} leads back to a folder around it; remove it", path=path.text)
                else:
                    waiting.append((real, path, inside | {real}))
    return found


def _within(root: Path, link: Path) -> Path:
    try:
        real = link.resolve(strict=True)
    except (OSError, RuntimeError):  # RuntimeError: a loop of links
        raise Invalid(f"the link {link} leads nowhere; remove it", path=str(link)) from None
    if not real.is_relative_to(root):
        message = f"the link {link} leaves the folder {root}; put a copy of the file in its place (cp -RL does it)"
        raise Invalid(message, path=str(link), target=str(real))
    return real


@contextlib.contextmanager
def _reading(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        named = error.filename or path
        raise Invalid(f"{named} cannot be read: {error.strerror}; make it readable", path=str(named)) from error


def _refuse_filled(into: Path) -> None:
    if into.is_file() or (into.is_dir() and any(into.iterdir())):
        raise AlreadyExists(f"{into} is there already, and not an empty folder; choose a new folder", path=str(into))


def _rename(partial: Path, into: Path) -> None:
    with disk_refusals(into.parent):
        try:
            partial.rename(into)
        except OSError as error:
            if error.errno in {errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR}:
                _refuse_filled(into)
            raise


def _refuse_other_file(entry: FileEntry, found: Stored) -> None:
    if found.digest != entry.digest:
        raise _damaged(entry, found=found.digest)
    if found.size != entry.size:
        message = f"the file {entry.path!r} has {found.size} bytes, and its manifest says {entry.size}"
        raise Corrupt(message, path=entry.path, expected=entry.digest, found=found.digest)


def _damaged(entry: FileEntry, *, found: str) -> Corrupt:
    return Corrupt(
        f"the file {entry.path!r} is damaged: it was sealed with the digest {entry.digest}, and its bytes have {found}",
        path=entry.path,
        expected=entry.digest,
        found=found,
    )
