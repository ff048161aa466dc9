"""Events as they happen: one poller per process watches the ledger, and any number of streams wait for it.

    poller, in a thread, only while somebody listens      database -> Feed: the latest events, and a bell
    each stream, on the event loop                        Feed -> receiver; what the Feed lost, from the database

A stream knows nothing but the position of the last event that it sent, which is the id that the receiver sends back as
`Last-Event-ID`. So it may be continued by any worker; and while it waits it holds no thread and no connection to the
database.
"""

import asyncio
import logging
from collections.abc import Sequence
from concurrent.futures import Executor
from functools import partial
from typing import Final
from urllib.parse import parse_qs

from modelshelf.domain.errors import Invalid, ShelfError
from modelshelf.domain.events import Event
from modelshelf.native import wire
from modelshelf.native.streaming import Receive, Scope, Send
from modelshelf.services.registry import Registry

POLL_SECONDS: Final = 0.1
HEARTBEAT_SECONDS: Final = 15.0
LONGEST_SECONDS: Final = 3600.0
"""A stream ends after so long; its receiver comes again, and is asked again who it is."""

KEPT: Final = 1_000
_BATCH = 500
_HEADERS = [
    (b"content-type", b"text/event-stream"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
    (b"x-content-type-options", b"nosniff"),
]
_log = logging.getLogger("modelshelf.native")


class Feed:
    """The latest events of the ledger, as far as this process has seen them."""

    def __init__(self, executor: Executor) -> None:
        self._executor = executor
        self._events: list[Event] = []
        self._position: int | None = None
        self._listeners = 0
        self._poller: asyncio.Task[None] | None = None
        self._bell = asyncio.Event()

    def join(self, registry: Registry) -> None:
        """Begin to listen; the first listener starts the poller."""
        self._listeners += 1
        if self._poller is None or self._poller.done():
            self._poller = asyncio.get_running_loop().create_task(self._poll(registry))

    def leave(self) -> None:
        """End to listen; with the last listener the poller ends."""
        self._listeners -= 1
        if not self._listeners and self._poller is not None:
            self._poller.cancel()
            self._poller, self._position, self._events = None, None, []

    def behind(self, position: int) -> Sequence[Event] | None:
        """The events behind a position, as far as known; None where some of them are not kept any more."""
        if self._position is None:
            return None
        if position > self._position:
            return ()
        first = self._position - len(self._events)
        return None if position < first else self._events[position - first :]

    @property
    def bell(self) -> asyncio.Event:
        """Rings when there is more; take it before looking, so that none is missed between the look and the wait."""
        return self._bell

    def ring(self) -> None:
        """Wake all who wait."""
        self._bell.set()
        self._bell = asyncio.Event()

    async def _poll(self, registry: Registry) -> None:
        loop = asyncio.get_running_loop()
        while True:
            is_first = self._position is None
            try:
                found = await loop.run_in_executor(self._executor, self._next, registry)
            except ShelfError as error:
                _log.warning("the ledger could not be read: %s", error.message)
                found = []
            except Exception:  # else nobody would be told of anything any more, and nobody would notice
                _log.exception("the ledger could not be read")
                found = []
            if found:
                self._events = [*self._events, *found][-KEPT:]
                self._position = found[-1].position
            if found or is_first:
                self.ring()
            if len(found) < _BATCH:
                await asyncio.sleep(POLL_SECONDS)

    def _next(self, registry: Registry) -> list[Event]:
        if self._position is None:
            newest = registry.events.latest(limit=1)
            self._position = (newest[0].position or 0) if newest else 0
        return registry.events.after(self._position, limit=_BATCH)


class EventStream:
    """Answers `GET /api/v1/events` with `text/event-stream`."""

    def __init__(self, executor: Executor) -> None:
        self._executor = executor
        self._feed: Feed | None = None
        self._ends = False

    @staticmethod
    def wanted(scope: Scope) -> bool:
        """Whether a request asks for a stream rather than for a page."""
        accepted = next((value for name, value in scope["headers"] if name == b"accept"), b"")
        return b"text/event-stream" in accepted

    def end(self) -> None:
        """End all streams, as the process is about to; their receivers go on with another one."""
        self._ends = True
        if self._feed is not None:
            self._feed.ring()

    async def __call__(self, scope: Scope, receive: Receive, send: Send, registry: Registry) -> None:
        """Send events until the receiver goes away, or for an hour. Raises what reading the first of them raises."""
        feed = self._feed = self._feed or Feed(self._executor)
        loop = asyncio.get_running_loop()
        position = await loop.run_in_executor(self._executor, _start, scope, registry)
        gone = loop.create_task(_disconnection(receive))
        feed.join(registry)
        try:
            await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
            await self._send_events(feed, registry, position, send, gone)
            await send({"type": "http.response.body", "body": b""})
        finally:
            gone.cancel()
            feed.leave()

    async def _send_events(
        self, feed: Feed, registry: Registry, position: int, send: Send, gone: "asyncio.Task[None]"
    ) -> None:
        loop = asyncio.get_running_loop()
        ends = loop.time() + LONGEST_SECONDS
        text = b"retry: 1000\n\n"
        while not (gone.done() or self._ends or loop.time() >= ends):
            if text:
                await send({"type": "http.response.body", "body": text, "more_body": True})
            bell, found = feed.bell, feed.behind(position)
            if found is None:
                found = await loop.run_in_executor(
                    self._executor, partial(registry.events.after, position, limit=_BATCH)
                )
            if found:
                position = found[-1].position or position
                text = b"".join(map(_told, found))
            else:
                text = b"" if await _rang(bell, gone) else b": still here\n\n"


async def _rang(bell: asyncio.Event, gone: "asyncio.Task[None]") -> bool:
    """Whether there is something to look at, or nobody to look for, before the receiver has to be told of nothing."""
    waiting = asyncio.ensure_future(bell.wait())
    done, _ = await asyncio.wait({waiting, gone}, timeout=HEARTBEAT_SECONDS, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    return bool(done)


def _start(scope: Scope, registry: Registry) -> int:
    """Where the stream begins: behind the last event that the receiver got, behind `?position=`, or now."""
    said = next((value for name, value in scope["headers"] if name == b"last-event-id"), None)
    asked = parse_qs(scope["query_string"].decode("latin-1")).get("position", [None])[-1]
    text = said.decode("latin-1") if said else asked
    if text is None:
        newest = registry.events.latest(limit=1)
        return (newest[0].position or 0) if newest else 0
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        raise Invalid(f"no position to go on from: {text[:100]!r}; send the id of the last event", position=text[:100])
    registry.events.after(int(text), limit=1)  # refuses who may not read
    return int(text)


def _told(event: Event) -> bytes:
    return b"id: %d\nevent: %s\ndata: %s\n\n" % (event.position or 0, event.name.encode(), wire.encode(event))


async def _disconnection(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
