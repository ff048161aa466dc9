"""A verification of the whole store, line by line: JSON objects, the last one empty; blank lines say it goes on."""

import asyncio
from collections.abc import Iterator
from typing import Final

from modelshelf.domain.access import Permission
from modelshelf.domain.artifacts import Finding
from modelshelf.domain.errors import ShelfError
from modelshelf.native import streaming, wire
from modelshelf.native.exchange import Exchange
from modelshelf.native.streaming import Send

HEARTBEAT_SECONDS: Final = 10.0


async def verify(at: Exchange) -> None:
    """Send findings as they are found."""
    at.registry.actor.require(Permission.READ)
    send, found = at.send, at.registry.artifacts.verify()
    headers = [(b"content-type", b"application/x-ndjson"), (b"x-content-type-options", b"nosniff")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    try:
        while (finding := await _next(found, send)) is not None:
            await _send_line(send, wire.encode(finding))
        await _send_line(send, b"{}")
    except ShelfError as error:
        await _send_line(send, wire.problem(error, request_id=at.request_id).body)
    finally:
        await streaming.in_thread(found.close)  # type: ignore[attr-defined]
    await send({"type": "http.response.body", "body": b""})


async def _next(found: Iterator[Finding], send: Send) -> Finding | None:
    finding = asyncio.ensure_future(streaming.in_thread(lambda: next(found, None)))
    while not (await asyncio.wait({finding}, timeout=HEARTBEAT_SECONDS))[0]:
        await _send_line(send, b"")
    return finding.result()


async def _send_line(send: Send, line: bytes) -> None:
    await send({"type": "http.response.body", "body": line + b"\n", "more_body": True})
