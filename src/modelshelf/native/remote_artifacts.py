"""The artifacts of a registry that is somewhere else: rows by its operations, bytes by its blobs."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO, cast

import msgspec

from modelshelf.blobs import tree
from modelshelf.blobs.store import BlobStore, Progress, Stored
from modelshelf.domain.artifacts import BlobParts, FileEntry, Finding, Manifest
from modelshelf.domain.errors import Unavailable
from modelshelf.native import wire
from modelshelf.native.client import Server
from modelshelf.native.direct import DirectBytes
from modelshelf.native.remote_blobs import RemoteBlobs
from modelshelf.native.remote_downloads import Downloads


class RemoteArtifacts:
    """What `services.artifacts.Artifacts` has; `operations` answers what is no matter of bytes."""

    def __init__(self, server: Server, operations: Any, direct: DirectBytes) -> None:
        self._server, self._operations = server, operations
        self._blobs = RemoteBlobs(server, operations, direct)
        self._downloads = Downloads(self._blobs)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method: Callable[..., Any] = getattr(self._operations, name)
        return method

    def missing(self, digests: Iterable[str]) -> set[str]:
        """Those of some digests that the store does not hold."""
        return self._blobs.missing(digests)

    def upload(self, chunks: Iterable[bytes], *, expected: str | None = None) -> Stored:
        """Store a stream of bytes; refused with Invalid where its digest is not the expected one."""
        return self._blobs.put(chunks, expected=expected)

    def upload_many(self, blobs: Iterable[tuple[str, Iterable[bytes]]]) -> list[Stored]:
        """Store streams of bytes, each with the digest that it has to have, all or none."""
        return self._blobs.put_many(blobs)

    def upload_files(self, paths: Sequence[Path], *, progress: Progress | None = None) -> list[Stored]:
        """Store files of this machine, several at once, and only those whose bytes are not there."""
        return self._blobs.put_files(paths, progress=progress)

    def open(self, digest: str) -> BinaryIO:
        """A reader of one blob that verifies while it reads."""
        return self._blobs.open(digest)

    def open_file(self, file: FileEntry) -> BinaryIO:
        """A reader of a file's bytes that verifies while it reads."""
        return self._blobs.open(file.digest)

    def read_range(self, file: FileEntry, *, start: int, length: int) -> Iterator[bytes]:
        """Some of a file's bytes; the server verified them before it sent them."""
        return self._blobs.read_range(file.digest, start=start, length=length)

    def size(self, digest: str) -> int:
        """How many bytes a blob has. Raises NotFound."""
        return self._blobs.size(digest)

    def parts(self, digest: str) -> BlobParts:
        """The digests of a blob's parts, by which each can be verified alone."""
        return self._blobs.parts(digest)

    def read_many(self, digests: Sequence[str]) -> Iterator[tuple[str, bytes]]:
        """Small blobs, each of at most 1 MiB, whole and verified, in the order in which they are asked for."""
        return self._downloads.read_many(digests)

    def continue_upload(self, upload: str, chunks: Iterable[bytes], *, start: int, size: int) -> Stored:
        """Send the bytes of an upload from `start` to its end, to be stored under whatever their digest is."""
        return self._blobs.continue_upload(upload, chunks, start=start, size=size)

    def fetch(self, manifest: Manifest, into: Path, *, progress: Progress | None = None) -> None:
        """Write a manifest's files into a new folder, verified; where anything is wrong nothing is left of it."""
        store = cast("BlobStore", _OfManifest(self._downloads, manifest))
        tree.materialise(manifest, store, into, progress=progress)

    def verify(self, *, progress: Progress | None = None) -> Iterator[Finding]:
        """Have the server hash all stored bytes again: one finding per fault, as they are found."""
        read = 0
        with self._server.send("GET", "/findings").stream() as lines:
            for line in lines:
                said = msgspec.json.decode(line)
                if said == {}:
                    return
                if "code" in said:
                    raise wire.error_from(int(said["status"]), line, place=self._server.place)
                if "read" not in said:
                    yield msgspec.convert(said, Finding)
                elif progress is not None:
                    progress(int(said["read"]) - read)
                    read = int(said["read"])
        raise Unavailable("the server broke off in the middle of the verification; start it again")


class _OfManifest:
    """Blobs whose sizes are known from a manifest."""

    def __init__(self, downloads: Downloads, manifest: Manifest) -> None:
        self._downloads = downloads
        self._sizes = {entry.digest: entry.size for entry in manifest.files}

    def copy_to(self, digest: str, target: Path, *, progress: Progress | None = None) -> int:
        return self._downloads.copy_to(digest, target, size=self._sizes[digest], progress=progress)

    def copy_together(self, files: Sequence[tuple[str, Path]], *, progress: Progress | None = None) -> set[Path]:
        sized = [(digest, self._sizes[digest], target) for digest, target in files]
        return self._downloads.copy_together(sized, progress=progress)
