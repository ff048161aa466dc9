"""Bytes between a client and the bucket that a server keeps its files in, past the server."""

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO, Final
from urllib.parse import urlsplit

from modelshelf.blobs.files import in_parallel
from modelshelf.blobs.store import CHUNK, DirectUpload, Progress, Stored
from modelshelf.domain.errors import Unavailable
from modelshelf.native.proxies import proxy_for
from modelshelf.native.transport import Answer, Body, HttpTransport

DIRECT: Final = 16 << 20
"""Smaller files go through the server: asking for URLs would take longer."""

_PART = 32 << 20
_MOST_PARTS = 9_000
_THREADS = 4


class _Unreachable(Unavailable):
    """The bucket does not answer, or refuses."""


class DirectBytes:
    """Asks the server for URLs, by `operations`, and sends to and reads from where they lead.

    A bucket that can't be reached from here, for which a server may stand in a network of its own, is not tried again.
    """

    def __init__(self, operations: Any) -> None:
        self._operations = operations
        self._transports: dict[str, HttpTransport] = {}

    @cached_property
    def offers_downloads(self) -> bool:
        """Whether the server lets its files be read where they are."""
        return bool(self._operations.offers_direct_downloads())

    @cached_property
    def offers_uploads(self) -> bool:
        """Whether the server lets files be sent to where they will be."""
        return bool(self._operations.offers_direct_uploads())

    def upload(self, path: Path, stored: Stored, *, progress: Progress) -> bool:
        """Send a file in parts, several at once; the server reads and hashes them before they count.

        False where that can't be done, so that the file has to go through the server.
        """
        if not self.offers_uploads:
            return False
        size = max(_PART, -(-stored.size // _MOST_PARTS))
        starts = range(0, stored.size, size)
        begun: DirectUpload = self._operations.start_direct_upload(len(starts))

        def send(part: tuple[int, str], tell: Progress) -> str:
            start, url = part
            length = min(size, stored.size - start)
            answer = self._send("PUT", url, {"Content-Length": str(length)}, lambda: _range_of(path, start, length))
            answer.read()
            tell(length)
            return answer.headers.get("etag", "")

        try:
            parts = list(zip(starts, begun.urls, strict=True))
            etags = in_parallel(send, parts, threads=_THREADS, progress=progress)
            self._operations.finish_direct_upload(begun.id, etags, expected=stored.digest)
        except BaseException as error:
            self._operations.abort_direct_upload(begun.id)
            if not isinstance(error, _Unreachable):
                raise
            self.offers_uploads = False
            return False
        return True

    def open(self, digest: str, start: int, end: int) -> BinaryIO | None:
        """A stream of some of a blob's bytes, as the bucket has them; None where it can't be had."""
        if not self.offers_downloads:
            return None
        url = self._operations.direct_url(digest)
        try:
            return self._send("GET", url, {"Range": f"bytes={start}-{end - 1}"}).stream()
        except _Unreachable:
            self.offers_downloads = False
            return None

    def _send(self, verb: str, url: str, headers: dict[str, str], body: Body = None) -> Answer:
        parts = urlsplit(url)
        origin = f"{parts.scheme}://{parts.netloc}"
        transport = self._transports.get(origin)
        if transport is None:
            transport = self._transports.setdefault(origin, HttpTransport(origin, proxy=proxy_for(origin)))
        try:
            answer = transport.send(verb, f"{parts.path}?{parts.query}", headers=headers, body=body, repeatable=True)
        except Unavailable as error:
            raise _Unreachable(error.message) from error
        if answer.status >= 300:
            answer.read()
            raise _Unreachable(f"the bucket at {origin} answered {answer.status}; try again", status=answer.status)
        return answer

    def close(self) -> None:
        """Close the connections to buckets."""
        for transport in self._transports.values():
            transport.close()


def _range_of(path: Path, start: int, length: int) -> Iterator[bytes]:
    with path.open("rb", buffering=0) as file:
        file.seek(start)
        while length and (chunk := file.read(min(CHUNK, length))):
            length -= len(chunk)
            yield chunk
