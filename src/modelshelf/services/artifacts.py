"""Bytes and the trees they form: upload, list, fetch, seal, verify, sweep."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from modelshelf.blobs import parts, tree
from modelshelf.blobs.store import TOGETHER, BlobStore, Progress, Stored
from modelshelf.database import artifacts as rows
from modelshelf.database.database import Database, Transaction
from modelshelf.domain.access import Actor, Permission
from modelshelf.domain.artifacts import SEALED, ArtifactPath, BlobParts, FileEntry, Finding, Listing, Manifest
from modelshelf.domain.errors import Corrupt, Invalid, NotFound, Unavailable
from modelshelf.services import refusals
from modelshelf.services.resumable_transfers import ResumableTransfers

_SCAN = 500
SWEEP_AGE_MS = 24 * 60 * 60 * 1000
"""Blobs younger than a day are spared by the sweep: an upload may be about to refer to them."""


class Artifacts(ResumableTransfers):
    """The store of blobs, the changeable folders of runs and logged models, and the sealed manifests."""

    def __init__(self, database: Database, blobs: BlobStore, *, actor: Actor, clock: Callable[[], int]) -> None:
        super().__init__(blobs, actor)
        self._database, self._clock = database, clock

    def missing(self, digests: Iterable[str]) -> set[str]:
        """Those of some digests that the store does not hold."""
        self._actor.require(Permission.READ)
        return self._blobs.missing(digests)

    def upload(self, chunks: Iterable[bytes], *, expected: str | None = None) -> Stored:
        """Store a stream of bytes; refused with Invalid where its digest is not the expected one."""
        self._actor.require(Permission.WRITE)
        return self._blobs.put(chunks, expected=expected)

    def upload_many(self, blobs: Iterable[tuple[str, Iterable[bytes]]]) -> list[Stored]:
        """Store streams of bytes, each with the digest that it has to have, all or none."""
        self._actor.require(Permission.WRITE)
        return self._blobs.put_many(blobs)

    def upload_files(self, paths: Sequence[Path], *, progress: Progress | None = None) -> list[Stored]:
        """Store files of this machine; the answers stand in the order of the paths."""
        self._actor.require(Permission.WRITE)
        return self._blobs.put_files(paths, progress=progress)

    def put(self, folder: str, files: Sequence[FileEntry]) -> None:
        """Set files of a run's or logged model's folder to blobs that are stored already; all or none.

        Raises NotFound for a blob that is not there, and Invalid where a file would have to be a folder too.
        """
        self._actor.require(Permission.WRITE)
        below = ArtifactPath(folder)
        self.place([FileEntry((below / file.path).text, file.digest, file.size) for file in files])

    def place(self, files: Sequence[FileEntry]) -> None:
        """Set files, named by their paths from the store's root, to blobs that are stored already; else like `put`."""
        self._actor.require(Permission.WRITE)
        with self._database.write() as tx:
            for file in files:
                self._refuse_collision(tx, ArtifactPath(file.path))
            rows.put_files(tx, files, now_ms=self._clock())
            refusals.refuse_missing(self._blobs, {file.digest for file in files})

    @staticmethod
    def _refuse_collision(tx: Transaction, path: ArtifactPath) -> None:
        if path.parts[0] == SEALED:
            raise Invalid(f"cannot store {path.text!r}: {SEALED}/ shows sealed manifests", path=path.text)
        if above := rows.file_above(tx, path):
            raise Invalid(f"cannot store {path.text!r}: {above!r} is a file, not a folder", path=path.text)
        if rows.has_below(tx, path):
            raise Invalid(f"cannot store {path.text!r}: it is a folder; name a file in it", path=path.text)

    def listing(self, folder: str) -> Listing:
        """What lies directly in a folder of the store; nothing, where there is no such folder."""
        self._actor.require(Permission.READ)
        with self._database.read() as tx:
            return rows.list_folder(tx, ArtifactPath.folder(folder))

    def tree(self, path: str) -> Manifest:
        """What a folder, or a single file, of the store holds now. Raises NotFound where there is nothing."""
        self._actor.require(Permission.READ)
        with self._database.read() as tx:
            found = rows.tree(tx, ArtifactPath(path))
        if found is None:
            raise NotFound(f"no artifact at {path!r}", path=path)
        return found

    def manifest(self, manifest_id: str) -> Manifest:
        """A sealed manifest. Raises NotFound."""
        self._actor.require(Permission.READ)
        with self._database.read() as tx:
            found = rows.manifest(tx, manifest_id)
        if found is None:
            raise NotFound(f"no sealed manifest {manifest_id}", manifest=manifest_id)
        return found

    def file(self, path: str) -> FileEntry:
        """The file at a path of the store. Raises NotFound, and Invalid where the path is a folder."""
        self._actor.require(Permission.READ)
        place = ArtifactPath(path)
        with self._database.read() as tx:
            found = rows.file(tx, place)
            if found is None and rows.has_below(tx, place):
                raise Invalid(f"{path!r} is a folder; name a file in it", path=path)
        if found is None:
            raise NotFound(f"no artifact at {path!r}", path=path)
        return found

    def sealed_file(self, manifest_id: str, path: str) -> FileEntry:
        """A file of a sealed manifest. Raises NotFound, and Invalid where the path is a folder."""
        self._actor.require(Permission.READ)
        place = ArtifactPath(path)
        with self._database.read() as tx:
            found = rows.manifest_file(tx, manifest_id, place)
        if found is None:
            if self.manifest(manifest_id).list_folder(place) != Listing((), ()):
                raise Invalid(f"{path!r} is a folder; name a file in it", path=path)
            raise NotFound(f"the sealed manifest {manifest_id} has no file {path!r}", path=path, manifest=manifest_id)
        return found

    def open_file(self, file: FileEntry) -> BinaryIO:
        """A reader of a file's bytes that verifies while it reads. Raises Corrupt where they are gone or cut off."""
        self._refuse_damaged(file)
        return self._blobs.open(file.digest)

    def read_range(self, file: FileEntry, *, start: int, length: int) -> Iterator[bytes]:
        """Some of a file's bytes, in pieces that are verified before they are handed out.

        The first range of a blob that this process is asked for costs a read of the whole blob. Raises Corrupt.
        """
        self._refuse_damaged(file)
        return parts.verified_range(self._blobs, file.digest, start=start, length=length)

    def _refuse_damaged(self, file: FileEntry) -> None:
        self._actor.require(Permission.READ)
        try:
            there = self._blobs.size(file.digest)
        except NotFound:
            raise Corrupt(
                f"the bytes of {file.path!r} ({file.digest}) are not in the store; restore them from a backup",
                expected=file.digest,
                found="",
            ) from None
        if there != file.size:
            raise Corrupt(
                f"the bytes of {file.path!r} ({file.digest}) are damaged: {there} of {file.size} are there; "
                "restore them from a backup",
                expected=file.digest,
                found="",
            )

    def size(self, digest: str) -> int:
        """How many bytes a blob has. Raises NotFound."""
        self._actor.require(Permission.READ)
        return self._blobs.size(digest)

    def parts(self, digest: str) -> BlobParts:
        """The digests of a blob's parts, by which each can be verified alone. Raises NotFound, Corrupt.

        The first time that this process is asked for those of a blob it reads the whole of it.
        """
        self._actor.require(Permission.READ)
        return parts.of_blob(self._blobs, digest)

    def open(self, digest: str) -> BinaryIO:
        """A reader of one blob that verifies while it reads."""
        self._actor.require(Permission.READ)
        return self._blobs.open(digest)

    def read_many(self, digests: Sequence[str]) -> Iterator[tuple[str, bytes]]:
        """Small blobs, each of at most 1 MiB, whole and verified, in the order in which they are asked for.

        Raises NotFound, and Invalid for a large one, before the first; Corrupt when it comes to one that is damaged.
        """
        self._actor.require(Permission.READ)
        for digest in digests:
            if (size := self._blobs.size(digest)) > TOGETHER:
                raise Invalid(f"the blob {digest} has {size} bytes, too many to be read with others; read it alone")
        for digest in digests:
            with self._blobs.open(digest) as reader:
                yield digest, reader.read()

    def fetch(self, manifest: Manifest, into: Path, *, progress: Progress | None = None) -> None:
        """Write a manifest's files into a new folder, verified; where anything is wrong nothing is left of it.

        Raises Corrupt, naming the file and both digests, where stored bytes are not what was sealed.
        """
        self._actor.require(Permission.READ)
        tree.materialise(manifest, self._blobs, into, progress=progress)

    def delete(self, path: str) -> int:
        """Remove a file or a folder of a run or logged model; how many files went. Sealed versions keep theirs."""
        self._actor.require(Permission.DELETE)
        with self._database.write() as tx:
            count = rows.delete_files(tx, ArtifactPath(path))
        if not count:
            raise NotFound(f"no artifact at {path!r}", path=path)
        return count

    def verify(self, *, progress: Progress | None = None) -> Iterator[Finding]:
        """Hash all stored bytes again and compare each manifest with its id: one finding per fault, or none.

        A damaged blob counts as missing from then on, so that whoever has its bytes sends them again.
        """
        self._actor.require(Permission.READ)
        yield from self._verify_blobs(progress)
        yield from self._verify_manifests()

    def _verify_blobs(self, progress: Progress | None) -> Iterator[Finding]:
        after = ""
        while True:
            with self._database.read() as tx:
                digests = rows.expected_digests(tx, after, _SCAN)
            if not digests:
                return
            for digest in digests:
                if fault := self._fault_of(digest, progress):
                    with self._database.read() as tx:
                        uses = tuple(rows.uses_of(tx, digest))
                    yield Finding(subject=digest, fault=fault, uses=uses)
            after = digests[-1]

    def _fault_of(self, digest: str, progress: Progress | None) -> str:
        try:
            with self._blobs.open(digest) as reader:
                while chunk := reader.read(1 << 20):
                    if progress:
                        progress(len(chunk))
        except NotFound:
            return "missing"
        except Corrupt as error:
            with suppress(Unavailable):  # who may not write may verify all the same
                self._blobs.notes.mark_rotten(digest)
            return f"corrupt: its bytes are {error.details.get('found')}"
        return ""

    def _verify_manifests(self) -> Iterator[Finding]:
        after = ""
        while True:
            with self._database.read() as tx:
                ids = rows.manifest_ids(tx, after, _SCAN)
                manifests = [rows.manifest(tx, manifest_id) for manifest_id in ids]
            for manifest_id, found in zip(ids, manifests, strict=True):
                if found is None or found.id != manifest_id:
                    yield Finding(subject=manifest_id, fault=f"altered: its rows are {found.id if found else 'gone'}")
            if not ids:
                return
            after = ids[-1]

    def sweep(self, *, older_than_ms: int = SWEEP_AGE_MS) -> int:
        """Delete blobs that nothing refers to and nobody touched for so long; the bytes that were freed.

        Manifests that no version has any more go first. No blob goes that a row is about to refer to: writers look for
        their blobs after they have written the rows, and the sweep looks for rows while it keeps writers out.
        """
        self._actor.require(Permission.ADMINISTER)
        if not 0 <= older_than_ms < 2**53:
            raise Invalid(f"the age of what is swept is milliseconds, 0 or more, not {older_than_ms}")
        limit, freed = self._clock() - older_than_ms, 0
        with self._database.exclusive("sweep") as tx:
            rows.lock_references(tx)
            rows.delete_unused_manifests(tx, created_before_ms=limit)
        batch: list[tuple[str, int]] = []
        for held in self._blobs.all_digests():
            if held.touched_ms <= limit:
                batch.append((held.digest, held.size))
            if len(batch) >= _SCAN:
                freed += self._sweep(batch)
                batch = []
        return freed + self._sweep(batch)

    def _sweep(self, batch: list[tuple[str, int]]) -> int:
        freed = 0
        with self._database.exclusive("sweep") as tx:
            rows.lock_references(tx)
            used = rows.referenced(tx, [digest for digest, _ in batch])
            for digest, size in batch:
                if digest not in used:
                    self._blobs.delete(digest)
                    freed += size
        return freed
