"""The blobs of a server: what of a BlobStore can be done over HTTP."""

import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO, Final

from modelshelf.blobs.store import CHUNK, Progress, Stored, open_verified
from modelshelf.domain.artifacts import BlobParts, Digest
from modelshelf.domain.errors import Unavailable
from modelshelf.native import frames, wire
from modelshelf.native.client import Server
from modelshelf.native.direct import DIRECT, DirectBytes
from modelshelf.native.remote_uploads import Uploads, told_stored

PAUSE_SECONDS: Final = 0.1
"""Before a broken download goes on; doubled each time that it gets nowhere."""

_ASKED_AT_ONCE = 10_000
_ATTEMPTS = 5
_BYTES = {"Content-Type": "application/octet-stream"}
_ASKING = {"Content-Type": "application/json"}


class RemoteBlobs:
    """What of a BlobStore can be done over HTTP."""

    def __init__(self, server: Server, operations: Any, direct: DirectBytes) -> None:
        self._server, self._direct = server, direct
        self._uploads = Uploads(server, operations, direct, self.missing)

    def missing(self, digests: Iterable[str]) -> set[str]:
        """Those of some digests that the server does not hold."""
        asked, found = sorted(set(digests)), set[str]()
        for first in range(0, len(asked), _ASKED_AT_ONCE):
            body = wire.encode_request({"digests": asked[first : first + _ASKED_AT_ONCE]})
            answer = self._server.send("POST", "/blobs/missing", body=body, headers=_ASKING)
            found |= wire.decode(answer.read(), set[str])
        return found

    def put(self, chunks: Iterable[bytes], *, expected: str | None = None) -> Stored:
        """Send a stream; only what can be read twice is sent again where the connection breaks."""
        path = f"/blobs/{Digest.parse(expected)}" if expected else "/blobs/new"
        again = isinstance(chunks, Sequence)
        answer = self._server.send("PUT", path, body=lambda: _nonempty(chunks), headers=_BYTES, repeatable=again)
        return told_stored(wire.decode(answer.read(), dict[str, str | int]))

    def put_many(self, blobs: Iterable[tuple[str, Iterable[bytes]]]) -> list[Stored]:
        """Send streams that all fit in memory, in one request."""
        held = [(digest, b"".join(chunks)) for digest, chunks in blobs]
        body = b"".join(frames.line(digest, len(content)) + content for digest, content in held)
        return self._uploads.put_framed(lambda: (body,), len(body))

    def continue_upload(self, upload: str, chunks: Iterable[bytes], *, start: int, size: int) -> Stored:
        """Send the rest of an upload."""
        headers = {**_BYTES, "Content-Range": f"bytes {start}-{size - 1}/{size}"}
        path = f"/uploads/{upload}"
        answer = self._server.send("PUT", path, body=lambda: _nonempty(chunks), headers=headers, repeatable=False)
        return told_stored(wire.decode(answer.read(), dict[str, str | int]))

    def put_files(self, paths: Sequence[Path], *, progress: Progress | None = None) -> list[Stored]:
        """Send those files whose bytes the server has not; the answers stand in the order of the paths."""
        return self._uploads.send(paths, progress=progress)

    def open(self, digest: str) -> BinaryIO:
        """A reader that verifies while it reads."""
        return open_verified(self._server.send("GET", f"/blobs/{Digest.parse(digest)}").stream(), digest)

    def size(self, digest: str) -> int:
        """How many bytes a blob has. Raises NotFound."""
        return self.parts(digest).size

    def parts(self, digest: str) -> BlobParts:
        """The digests of a blob's parts."""
        answer = self._server.send("GET", f"/blobs/{Digest.parse(digest)}/parts")
        found: BlobParts = wire.decode(answer.read(), BlobParts)
        return found

    def read_range(self, digest: str, *, start: int, length: int) -> Iterator[bytes]:
        """Some bytes of a blob; goes on where a connection broke off."""
        end, failures = start + length, 0
        while start < end:
            try:
                with self._ranged(digest, start, end) as body:
                    while chunk := body.read(min(CHUNK, end - start)):
                        start, failures = start + len(chunk), 0
                        yield chunk
                if start < end:
                    return  # the blob ends here
            except Unavailable:
                failures += 1
                if failures == _ATTEMPTS:
                    raise
                time.sleep(PAUSE_SECONDS * 2**failures)

    def _ranged(self, digest: str, start: int, end: int) -> BinaryIO:
        if end - start >= DIRECT and (found := self._direct.open(digest, start, end)):
            return found
        return self._server.send(
            "GET", f"/blobs/{Digest.parse(digest)}", headers={"Range": f"bytes={start}-{end - 1}"}
        ).stream()

    def whole(self, digest: str, size: int) -> BinaryIO:
        """All bytes of a blob as they come, unverified."""
        if size >= DIRECT and (found := self._direct.open(digest, 0, size)):
            return found
        return self._server.send("GET", f"/blobs/{Digest.parse(digest)}").stream()

    def together(self, digests: Sequence[str]) -> BinaryIO:
        """Small blobs, framed, as they come, unverified."""
        body = wire.encode_request({"digests": digests})
        return self._server.send("POST", "/blobs/fetch", body=body, headers=_ASKING).stream()


def _nonempty(chunks: Iterable[bytes]) -> Iterator[bytes]:
    return (chunk for chunk in chunks if chunk)
