"""A verification of the whole store, line by line: JSON objects, the last one empty; others tell how much was read."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from modelshelf.domain.access import Permission
from modelshelf.domain.artifacts import Finding
from modelshelf.domain.errors import ShelfError
from modelshelf.native import streaming, wire
from modelshelf.native.exchange import Exchange
from modelshelf.native.streaming import Disconnected, Send
from modelshelf.native.turns import STORE

HEARTBEAT_SECONDS: Final = 2.0


@dataclass(slots=True)
class _Reading:
    """How many bytes have been read so far."""

    count: int = 0

    @property
    def line(self) -> bytes:
        return b'{"read":%d}' % self.count


async def verify(at: Exchange) -> None:
    """Send findings as they are found, until all is read or nobody listens any more. Raises Throttled."""
    at.registry.actor.require(Permission.READ)
    with STORE:
        await _verified(at)


async def _verified(at: Exchange) -> None:
    gone, reading = asyncio.ensure_future(streaming.disconnection(at.receive)), _Reading()

    def go_on(count: int) -> None:
        reading.count += count
        if gone.done():
            raise Disconnected

    send, found = at.send, at.registry.artifacts.verify(progress=go_on)
    headers = [(b"content-type", b"application/x-ndjson"), (b"x-content-type-options", b"nosniff")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    try:
        while (finding := await _next(found, send, reading)) is not None:
            await _send_line(send, wire.encode(finding))
        await _send_line(send, reading.line)
        await _send_line(send, b"{}")
    except ShelfError as error:
        await _send_line(send, wire.problem(error, request_id=at.request_id).body)
    finally:
        gone.cancel()
        await streaming.in_thread(found.close)  # type: ignore[attr-defined]
    await send({"type": "http.response.body", "body": b""})


async def _next(found: Iterator[Finding], send: Send, reading: _Reading) -> Finding | None:
    finding = asyncio.ensure_future(streaming.in_thread(lambda: next(found, None)))
    while not (await asyncio.wait({finding}, timeout=HEARTBEAT_SECONDS))[0]:
        await _send_line(send, reading.line)
    return finding.result()


async def _send_line(send: Send, line: bytes) -> None:
    await send({"type": "http.response.body", "body": line + b"\n", "more_body": True})
