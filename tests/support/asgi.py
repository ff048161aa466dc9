"""An ASGI application called as it is, without a socket."""

import asyncio
import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote


@dataclass(frozen=True)
class Reply:
    """What an application sent."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def basic(user: str, password: str) -> dict[str, str]:
    """The header that tells who somebody is."""
    return {"authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


async def ask(application: Any, method: str, target: str, body: bytes = b"", **headers: str) -> Reply:
    """One request to a server that listens on 127.0.0.1:5000; underscores in names of headers stand for dashes."""
    path, _, query = target.partition("?")
    told = {"host": "127.0.0.1:5000", **{name.replace("_", "-"): value for name, value in headers.items()}}
    scope = {
        "type": "http",
        "method": method,
        "scheme": "http",
        "path": unquote(path),
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(name.encode(), value.encode()) for name, value in told.items()],
        "client": ("127.0.0.1", 40_000),
    }
    sent: list[dict[str, Any]] = []
    waiting = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> dict[str, Any]:
        if not waiting:
            await asyncio.Event().wait()  # the client stays and listens
        return waiting.pop()

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    await application(scope, receive, send)
    begun = sent[0]
    found = {name.decode(): value.decode() for name, value in begun["headers"]}
    return Reply(begun["status"], found, b"".join(message.get("body", b"") for message in sent[1:]))
