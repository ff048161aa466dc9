"""Bytes between ASGI and the store: what blocks runs in threads, and nothing is held whole in memory.

    upload     receive() -> batches -> a queue of two -> thread: hash, write, sync, rows -> the answer
    download   thread: read and verify, one chunk ahead -> send()

Either side waits for the other. An upload takes a thread when its first batch is there, a download while a chunk is
being read: clients that are slow to read, or to begin to write, hold none.
"""

import asyncio
import logging
import queue
from collections.abc import Awaitable, Callable, Generator, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

from modelshelf.domain.artifacts import ArtifactPath, FileEntry
from modelshelf.domain.errors import Corrupt, Invalid, ShelfError
from modelshelf.native import attachments
from modelshelf.native.byte_ranges import Span, Unsatisfiable, names_entity, span, still_wanted
from modelshelf.services.artifacts import Artifacts

Scope: TypeAlias = dict[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[dict[str, Any]]]
Send: TypeAlias = Callable[[dict[str, Any]], Awaitable[None]]
Chunks: TypeAlias = Iterable[bytes]
_T = TypeVar("_T")

CHUNK = 512 << 10
IDLE_SECONDS = 60
_WAITING_BATCHES = 2
_THREADS = 64
_log = logging.getLogger("modelshelf.bytes")
_threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="modelshelf-bytes")


class Disconnected(Exception):
    """The client went away before its request was whole: nobody is there to be answered."""


async def in_thread(work: Callable[[], _T]) -> _T:
    """Run what blocks beside the event loop."""
    return await asyncio.get_running_loop().run_in_executor(_threads, work)


async def upload(receive: Receive, store: Callable[[Chunks], _T]) -> _T:
    """Run `store` in a thread, on the body of a request as it comes in.

    Raises what `store` raises. Raises Disconnected, once `store` was broken off, where the client went away before the
    end, and Invalid where no bytes come for a minute; there is no limit on the whole.
    """
    batch, more = await _next_batch(receive)
    if not more:
        return await in_thread(lambda: store((batch,)))
    loop = asyncio.get_running_loop()
    body = _Body(loop)
    storing = loop.run_in_executor(_threads, store, body)
    storing.add_done_callback(lambda _: body.make_room())
    try:
        await body.put(batch)
        while more and not storing.done():
            batch, more = await _next_batch(receive)
            await body.put(batch)
        body.end()
    except BaseException:
        body.break_off()
        with suppress(Exception):
            await storing
        raise
    return await storing


async def whole(receive: Receive, *, most: int) -> bytes:
    """All of a short body. Raises Invalid for a longer one."""
    body, more = b"", True
    while more:
        batch, more = await _next_batch(receive)
        body += batch
        if len(body) > most:
            raise Invalid(f"the body is larger than {most} bytes; send less at once", limit=most)
    return body


class _Body:
    """The body of a request on its way from the event loop to a thread."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._batches: queue.SimpleQueue[bytes | Disconnected | None] = queue.SimpleQueue()
        self._room = asyncio.Semaphore(_WAITING_BATCHES)

    async def put(self, batch: bytes) -> None:
        await self._room.acquire()
        self._batches.put(batch)

    def end(self) -> None:
        self._batches.put(None)

    def break_off(self) -> None:
        self._batches.put(Disconnected())

    def make_room(self) -> None:
        self._room.release()

    def __iter__(self) -> Iterator[bytes]:
        while (batch := self._take()) is not None:
            yield batch
            self._loop.call_soon_threadsafe(self.make_room)

    def _take(self) -> bytes | None:
        while True:
            try:
                batch = self._batches.get(timeout=1)
            except queue.Empty:
                if not self._loop.is_running():  # the server ended; nothing will ever come
                    raise Disconnected from None
            else:
                if isinstance(batch, Disconnected):
                    raise batch
                return batch


async def _next_batch(receive: Receive) -> tuple[bytes, bool]:
    """Some of the body, enough to be worth a thread's while, and whether there is more."""
    chunks: list[bytes] = []
    size, more = 0, True
    while more and size < CHUNK:
        try:
            async with asyncio.timeout(IDLE_SECONDS):
                message = await receive()
        except TimeoutError:
            raise Invalid(f"the upload stalled: no bytes came for {IDLE_SECONDS} seconds; send it again") from None
        if message["type"] != "http.request":
            raise Disconnected
        chunks.append(message.get("body", b""))
        size += len(chunks[-1])
        more = message.get("more_body", False)
    return chunks[0] if len(chunks) == 1 else b"".join(chunks), more


async def download(
    scope: Scope, receive: Receive, send: Send, artifacts: Artifacts, find: Callable[[], FileEntry]
) -> None:
    """Send the file that `find`, run in a thread, answers; ranges and conditions are those of the request.

    Raises what `find` raises, and Corrupt for a small file, before the response is started. Where a large one turns out
    to be damaged on the way, the connection is closed before its end, so that nobody takes it for whole.
    """
    reply = await in_thread(lambda: _prepare(artifacts, find(), scope["method"], dict(scope["headers"])))
    await send({"type": "http.response.start", "status": reply.status, "headers": reply.headers})
    if len(reply.first) >= reply.length:
        await in_thread(reply.rest.close) if reply.first else reply.rest.close()
        await send({"type": "http.response.body", "body": reply.first})
        return
    try:
        await _send_body(reply, receive, send)
    except ShelfError as error:
        request = scope.get("modelshelf.request_id", "")
        _log.error("a download was broken off (request %s): %s", request, error)


@dataclass(frozen=True, slots=True)
class _Reply:
    """A response that is ready to be started; `length` is that of its body."""

    status: int
    headers: list[tuple[bytes, bytes]]
    length: int
    first: bytes
    rest: Generator[bytes, None, None]


def _prepare(artifacts: Artifacts, file: FileEntry, method: str, asked: Mapping[bytes, bytes]) -> _Reply:
    about = attachments.headers(ArtifactPath(file.path).name, file.digest)
    tag = attachments.etag(file.digest)
    if names_entity(asked.get(b"if-none-match"), tag):
        return _without_body(304, [(b"etag", tag)])
    wanted = span(asked.get(b"range"), file.size) if still_wanted(asked.get(b"if-range"), tag) else None
    if isinstance(wanted, Unsatisfiable):
        return _without_body(416, [(b"content-range", b"bytes */%d" % file.size), (b"content-length", b"0")])
    status, length, headers = 200, file.size, list(about)
    if wanted is not None:
        status, length = 206, wanted.length
        last = wanted.start + length - 1
        headers.append((b"content-range", b"bytes %d-%d/%d" % (wanted.start, last, file.size)))
    headers.append((b"content-length", b"%d" % length))
    if method == "HEAD":
        return _without_body(status, headers)
    rest = _chunks(artifacts, file, wanted)
    return _Reply(status, headers, length, next(rest, b""), rest)


def _without_body(status: int, headers: list[tuple[bytes, bytes]]) -> _Reply:
    nothing: Iterable[bytes] = ()
    return _Reply(status, headers, 0, b"", (chunk for chunk in nothing))


def _chunks(artifacts: Artifacts, file: FileEntry, wanted: Span | None) -> Generator[bytes, None, None]:
    if wanted is not None:
        yield from artifacts.read_range(file, start=wanted.start, length=wanted.length)
        return
    with artifacts.open_file(file) as reader:
        while chunk := reader.read(CHUNK):
            yield chunk


async def _send_body(reply: _Reply, receive: Receive, send: Send) -> None:
    """The last chunk leaves after all were verified; one is read while another is sent."""
    loop = asyncio.get_running_loop()
    gone = asyncio.ensure_future(disconnection(receive))
    chunk, left = reply.first, reply.length - len(reply.first)
    following: asyncio.Future[bytes] | None = None
    try:
        while left > 0 and not gone.done():
            following = loop.run_in_executor(_threads, next, reply.rest, b"")
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
            chunk = await following
            left -= len(chunk)
            if not chunk or left < 0:
                raise Corrupt(f"a file of {reply.length} bytes ended {left} bytes before its end")
        if not gone.done():
            await send({"type": "http.response.body", "body": chunk})
    finally:
        gone.cancel()
        if following is not None:
            await asyncio.wait([following])
        await in_thread(reply.rest.close)


async def send_pieces(
    receive: Receive, send: Send, start: dict[str, Any], pieces: Generator[bytes, None, None]
) -> None:
    """Send a body of unknown length; `start` is sent once the first piece is there. Raises what the first one raises.

    Where a later piece fails, the connection is closed before the end, so that nobody takes the body for whole.
    """
    first = await in_thread(lambda: next(pieces, b""))
    await send(start)
    loop, gone, piece = asyncio.get_running_loop(), asyncio.ensure_future(disconnection(receive)), first
    try:
        while piece and not gone.done():
            following = loop.run_in_executor(_threads, next, pieces, b"")
            try:
                await send({"type": "http.response.body", "body": piece, "more_body": True})
            finally:
                await asyncio.wait([following])
            piece = following.result()
        if not gone.done():
            await send({"type": "http.response.body", "body": b""})
    except ShelfError as error:
        _log.error("an answer was broken off: %s", error)
    finally:
        gone.cancel()
        await in_thread(pieces.close)


async def disconnection(receive: Receive) -> None:
    """Wait until the client has gone away; what it still sends is not looked at."""
    while (await receive())["type"] != "http.disconnect":
        pass
