"""Uploads that go on where they broke off, and the question whether a large file has to be sent at all."""

from collections.abc import Iterable

from modelshelf.blobs.store import ResumableUploads, Stored
from modelshelf.domain.access import Permission
from modelshelf.domain.errors import Conflict, Invalid
from modelshelf.services.direct_transfers import DirectTransfers


class ResumableTransfers(DirectTransfers):
    """What the area of artifacts can do for large files on slow or shaky lines."""

    def may_hold(self, size: int, beginning: str) -> bool:
        """Whether the store may hold a large blob of this size, the first 4 MiB of which have this digest.

        Where it may, the digest of the whole tells; where it may not, that need not be found out before the bytes go.
        """
        self._actor.require(Permission.READ)
        if size < 0:
            raise Invalid(f"a size is 0 bytes or more, not {size}", field="size")
        return self._blobs.notes.may_hold(size, beginning)

    def offers_resumable_uploads(self) -> bool:
        """Whether uploads can go on where they broke off."""
        self._actor.require(Permission.READ)
        return isinstance(self._blobs, ResumableUploads)

    def continue_upload(self, upload: str, chunks: Iterable[bytes], *, start: int, size: int) -> Stored:
        """Take in the bytes of an upload from `start` to its end, and store them under whatever their digest is.

        The sender makes the upload's name up, 32 hexadecimal digits, and begins at byte 0. Where the chunks break off,
        what came is kept for a day. Raises Conflict where fewer bytes are there, Busy where another request is at it.
        """
        self._actor.require(Permission.WRITE)
        return self._resumable().continue_upload(upload, chunks, start=start, size=size)

    def accepted(self, upload: str) -> int:
        """How many bytes of an upload are there, so that it goes on behind them. Raises NotFound."""
        self._actor.require(Permission.WRITE)
        return self._resumable().accepted(upload)

    def abandon_upload(self, upload: str) -> None:
        """Remove what came of an upload; one that is not under way is as good as abandoned."""
        self._actor.require(Permission.WRITE)
        self._resumable().abandon_upload(upload)

    def _resumable(self) -> ResumableUploads:
        if not isinstance(self._blobs, ResumableUploads):
            raise Conflict("the files are in a bucket: uploads can't go on there where they broke off; send them whole")
        return self._blobs
