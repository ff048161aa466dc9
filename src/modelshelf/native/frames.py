r"""Many blobs in one body: before each, a line with its digest and size.

    sha256:9f86d0…08 4\n
    test
    sha256:2c26b4…ae 3\n
    foo

There is nothing between the bytes of a blob and the line of the next one.
"""

from collections.abc import Iterable, Iterator

from modelshelf.domain.artifacts import Digest
from modelshelf.domain.errors import Invalid

CONTENT_TYPE = b"application/vnd.modelshelf.blobs"
MOST_BLOBS = 1_000
_LONGEST_LINE = 100


def line(digest: str, size: int) -> bytes:
    """What stands before a blob."""
    return f"{digest} {size}\n".encode()


def blobs(body: Iterable[bytes]) -> Iterator[tuple[str, Iterator[bytes]]]:
    """The blobs of a body, each as its digest and its bytes, which have to be read before the next one is asked for.

    Raises Invalid for a body of another form, and for one that ends in the middle of a blob.
    """
    reader = _Reader(body)
    for count, head in enumerate(iter(reader.line, b"")):
        if count >= MOST_BLOBS:
            raise Invalid(f"more than {MOST_BLOBS:,} blobs in one body; send several", limit=MOST_BLOBS)
        digest, _, size = head.decode("ascii", "replace").partition(" ")
        if not size.isascii() or not size.isdigit() or len(size) > 19:
            raise Invalid("not a row of blobs: before each there is a line of its digest and its size")
        yield Digest.parse(digest).text, reader.take(int(size))


class _Reader:
    """Lines and counted bytes, from chunks of any size."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks, self._rest = iter(chunks), b""

    def line(self) -> bytes:
        """The next line without its end; empty at the end of all."""
        while b"\n" not in self._rest and len(self._rest) <= _LONGEST_LINE:
            chunk = next(self._chunks, None)
            if chunk is None:
                break
            self._rest += chunk
        found, end, rest = self._rest.partition(b"\n")
        if not end and self._rest:
            raise Invalid("not a row of blobs: a line of a digest and a size does not end")
        self._rest = rest
        return found

    def take(self, size: int) -> Iterator[bytes]:
        while size:
            chunk = self._rest or next(self._chunks, None)
            if chunk is None:
                raise Invalid(f"the body ended {size} bytes before the end of a blob; send it again")
            self._rest = chunk[size:]
            yield chunk[:size]
            size -= min(size, len(chunk))
