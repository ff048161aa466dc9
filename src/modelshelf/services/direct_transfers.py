"""Bytes that go between clients and an object store, past this process."""

from collections.abc import Sequence

from modelshelf.blobs.store import BlobStore, DirectDownloads, DirectTransfer, DirectUpload, Stored
from modelshelf.domain.access import Actor, Permission
from modelshelf.domain.errors import Conflict

DOWNLOAD_EXPIRES_S = 15 * 60
UPLOAD_EXPIRES_S = 12 * 60 * 60


class DirectTransfers:
    """What the area of artifacts can do where the blobs are in a bucket. Raises Conflict where they are not."""

    def __init__(self, blobs: BlobStore, actor: Actor) -> None:
        self._blobs, self._actor = blobs, actor

    def offers_direct_downloads(self) -> bool:
        """Whether the store can be read past this process."""
        self._actor.require(Permission.READ)
        return isinstance(self._blobs, DirectDownloads)

    def offers_direct_uploads(self) -> bool:
        """Whether the store can be written past this process."""
        self._actor.require(Permission.READ)
        return isinstance(self._blobs, DirectTransfer)

    def direct_url(self, digest: str) -> str:
        """A URL by which whoever has it may read a blob, for a quarter of an hour; the reader checks the digest."""
        self._actor.require(Permission.READ)
        if not isinstance(self._blobs, DirectDownloads):
            raise _not_offered()
        return self._blobs.presign_get(digest, expires_s=DOWNLOAD_EXPIRES_S)

    def start_direct_upload(self, parts: int) -> DirectUpload:
        """URLs that take the parts of a blob, one each with PUT, within twelve hours; all but the last of 5 MiB up."""
        self._actor.require(Permission.WRITE)
        return self._direct().start_upload(parts, expires_s=UPLOAD_EXPIRES_S)

    def finish_direct_upload(self, upload: str, etags: Sequence[str], *, expected: str | None = None) -> Stored:
        """Put the parts together, and store them once all their bytes were read and hashed. May be asked again.

        `etags` are what the parts' PUTs answered, in order. Raises NotFound, and Invalid for other parts or bytes.
        """
        self._actor.require(Permission.WRITE)
        return self._direct().finish_upload(upload, etags, expected=expected)

    def abort_direct_upload(self, upload: str) -> None:
        """Give an upload up; what was sent of it is removed."""
        self._actor.require(Permission.WRITE)
        self._direct().abort_upload(upload)

    def _direct(self) -> DirectTransfer:
        if not isinstance(self._blobs, DirectTransfer):
            raise _not_offered()
        return self._blobs


def _not_offered() -> Conflict:
    return Conflict("the files are not in a bucket that others could be let into; send and get them through the server")
