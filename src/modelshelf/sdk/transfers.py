"""Files on their way to and from the store, with a progress bar where somebody is waiting and watching."""

import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from modelshelf.blobs.tree import scan
from modelshelf.domain.artifacts import ArtifactPath, FileEntry, Manifest
from modelshelf.domain.errors import Invalid, NotFound
from modelshelf.sdk import cache
from modelshelf.sdk.session import settings
from modelshelf.services.registry import Registry

if TYPE_CHECKING:
    from rich.progress import Progress as Bars

TEMPORARY_PREFIX = "modelshelf-"
"""Names the temporary folders that files pass through."""

PATIENCE = 1.0
"""Seconds that a transfer takes before it shows a bar."""


def files_in(path: Path) -> list[tuple[str, Path]]:
    """The files of a folder with their paths below it, or the one file; links are followed within the folder.

    Raises NotFound where there is nothing, Invalid for a link out of the folder or what is neither file nor folder.
    """
    return [(below.text, local) for below, local, _ in scan(path)]


def log_files(registry: Registry, root: str, files: Sequence[tuple[str, Path]]) -> None:
    """Put files of this machine below a folder of the store, all or none; pairs of the path below `root` and the file.

    What is stored already costs nothing but its hashing. Raises NotFound for a file that is not there, Invalid for a
    path that is not allowed, StorageFull where the disk is.
    """
    placed = [(ArtifactPath(path).text, local) for path, local in files]
    if not placed:
        return
    size = sum(_size(local) for _, local in placed)
    with _Meter("Uploading", size) as meter:
        stored = registry.artifacts.upload_files([local for _, local in placed], progress=meter.advance)
    entries = [FileEntry(path, blob.digest, blob.size) for (path, _), blob in zip(placed, stored, strict=True)]
    registry.artifacts.put(root, entries)


def upload_tree(registry: Registry, files: Sequence[tuple[str, Path]]) -> Manifest:
    """Store files of this machine, and the manifest that would seal them."""
    with _Meter("Uploading", sum(_size(local) for _, local in files)) as meter:
        stored = registry.artifacts.upload_files([local for _, local in files], progress=meter.advance)
    return Manifest(tuple(FileEntry(path, *blob) for (path, _), blob in zip(files, stored, strict=True)))


def fetch(registry: Registry, manifest: Manifest, into: Path) -> None:
    """Write a manifest's files into a new or empty folder, each verified; nothing is left where anything is wrong."""
    kept = cache.chosen(registry)
    with _Meter("Downloading", manifest.size) as meter:
        if kept is None:
            registry.artifacts.fetch(manifest, into, progress=meter.advance)
        else:
            cache.fetch(kept, registry, manifest, into, progress=meter.advance)


def fetch_once(registry: Registry, manifest: Manifest, into: Path) -> None:
    """Like `fetch`, of files that may change: nothing is kept of them for the next time."""
    with _Meter("Downloading", manifest.size) as meter:
        registry.artifacts.fetch(manifest, into, progress=meter.advance)


def _size(path: Path) -> int:
    try:
        found = path.stat()
    except FileNotFoundError:
        raise NotFound(f"there is no file {path}", path=str(path)) from None
    except OSError as error:
        raise Invalid(f"{path} cannot be read: {error.strerror}", path=str(path)) from error
    if not path.is_file():
        raise Invalid(f"{path} is not a file", path=str(path))
    return found.st_size


class _Meter:
    """Counts bytes; once they took their time it shows them as a bar on stderr, if a person may be looking there."""

    def __init__(self, label: str, total: int) -> None:
        self._label, self._total, self._done = label, total, 0
        self._watched = settings().progress and is_watched()
        self._due = time.monotonic() + PATIENCE
        self._bars: Bars | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bars is not None:
            self._bars.stop()

    def advance(self, count: int) -> None:
        self._done += count
        if self._bars is not None:
            self._bars.update(self._bars.task_ids[0], completed=self._done)
        elif self._watched and time.monotonic() >= self._due:
            self._bars = _bars(self._label, self._total, self._done)


def is_watched() -> bool:
    """Whether stderr is a terminal, or a notebook shows it."""
    return sys.stderr is not None and (sys.stderr.isatty() or "ipykernel" in sys.modules)


def _bars(label: str, total: int, done: int) -> "Bars":
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    bars = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    )
    bars.add_task(label, total=total, completed=done)
    bars.start()
    return bars
