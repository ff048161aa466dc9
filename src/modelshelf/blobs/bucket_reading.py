"""Reading large objects in parts: several are asked for at once, and handed out in their order."""

import io
from collections import deque
from collections.abc import Generator
from concurrent.futures import Future, ThreadPoolExecutor

from modelshelf.blobs.bucket import Bucket
from modelshelf.domain.errors import NotFound

READ_AT_ONCE = 4 << 20
"""What a reader asks for by one request, and gets whole where the object has no more."""


def parts_of(
    bucket: Bucket, key: str, size: int, *, pool: ThreadPoolExecutor, ahead: int
) -> Generator[memoryview, None, None]:
    """All bytes of an object; so many parts beyond the one in hand are on their way. NotFound where it is gone."""
    coming: deque[Future[memoryview | None]] = deque()
    starts = iter(range(0, size, READ_AT_ONCE))
    try:
        while True:
            while len(coming) <= ahead and (start := next(starts, None)) is not None:
                coming.append(pool.submit(bucket.get_range, key, start=start, length=min(READ_AT_ONCE, size - start)))
            if not coming:
                return
            part = coming.popleft().result()
            if part is None:
                raise NotFound(f"the object {key} in {bucket.place} was deleted while it was read", key=key)
            yield part
    finally:
        for unread in coming:
            unread.cancel()


class PartsReader(io.RawIOBase):
    """Parts as one file to read from its start to its end."""

    def __init__(self, parts: Generator[memoryview, None, None]) -> None:
        super().__init__()
        self._parts, self._rest = parts, memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "bytearray | memoryview") -> int:  # type: ignore[override]
        if not self._rest:
            self._rest = next(self._parts, memoryview(b""))
        count = min(len(buffer), len(self._rest))
        buffer[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count

    def close(self) -> None:
        self._parts.close()
        super().close()
