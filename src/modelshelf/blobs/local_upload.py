"""The temporary files of one put into a folder, until they are published."""

import contextlib
import io
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from modelshelf.blobs.files import copied, disk_refusals, hash_chunks, writer
from modelshelf.blobs.hashing import hash_parts
from modelshelf.blobs.store import CHUNK, Progress, Stored, refuse_no_digest, refuse_other_digest


@dataclass(frozen=True, slots=True)
class Fresh:
    """A whole blob that waits for its name: the file, and the digests of its parts."""

    stored: Stored
    path: Path
    parts: bytes = b""


class Upload:
    """The temporary files of one put; what was not published is removed."""

    def __init__(
        self,
        folder: Path,
        *,
        keep: Callable[[Stored], bool],
        publish: Callable[[Mapping[str, Fresh], Iterable[str]], None],
    ) -> None:
        self._folder, self._keep, self._publish = folder, keep, publish
        self._temporary: list[Path] = []
        self._fresh: dict[str, Fresh] = {}
        self._kept: set[str] = set()
        self._is_published = False

    def add(self, chunks: Iterable[bytes], *, expected: str | None) -> Stored:
        refuse_no_digest(expected)
        content, rest = beginning(chunks)
        if rest is None:
            return self._add_small(content, expected=expected)
        with self._new_file() as file:
            stored, parts = hash_parts(chain([content], rest), write=writer(file, folder=self._folder))
        return self._accept(stored, parts, expected)

    def add_file(self, path: Path, *, expected: str | None, progress: Progress | None) -> Stored:
        refuse_no_digest(expected)
        with path.open("rb", buffering=0) as source:
            if os.fstat(source.fileno()).st_size <= CHUNK:
                return self._add_small(source.readall(), expected=expected, progress=progress)
            with self._new_file() as file:
                chunks, write = copied(source, file, folder=self._folder, progress=progress)
                stored, parts = hash_parts(chunks, write=write)
        return self._accept(stored, parts, expected)

    def publish(self) -> None:
        self._publish(self._fresh, self._kept)
        self._is_published = True

    def discard(self) -> None:
        published = {fresh.path for fresh in self._fresh.values()} if self._is_published else set()
        for path in self._temporary:
            if path in published:
                continue
            with contextlib.suppress(OSError):
                path.unlink()

    def _add_small(self, content: bytes, *, expected: str | None, progress: Progress | None = None) -> Stored:
        """Hashed in memory first: what the store has already costs no file."""
        stored = hash_chunks([content])
        refuse_other_digest(stored, expected)
        if not self._holds(stored):
            with self._new_file() as file:
                writer(file, folder=self._folder)(content)
            self._fresh[stored.digest] = Fresh(stored, self._temporary[-1])
        if progress:
            progress(stored.size)
        return stored

    def _accept(self, stored: Stored, parts: bytes, expected: str | None) -> Stored:
        refuse_other_digest(stored, expected)
        if not self._holds(stored):
            self._fresh[stored.digest] = Fresh(stored, self._temporary[-1], parts)
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


def beginning(chunks: Iterable[bytes]) -> tuple[bytes, Iterator[bytes] | None]:
    """The first bytes of a stream, and the rest of it where it is longer than what is held in memory."""
    rest, taken, size = iter(chunks), list[bytes](), 0
    for chunk in rest:
        taken.append(chunk)
        size += len(chunk)
        if size > CHUNK:
            return b"".join(taken), rest
    return b"".join(taken), None


def _make_read_only(path: str, flags: int) -> int:
    """The mode is for those who open the file later; this descriptor writes."""
    return os.open(path, flags, 0o444)
