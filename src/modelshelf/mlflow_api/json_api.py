"""MLflow's protocol as one ASGI application: find the endpoint, read the request, call, answer."""

import asyncio
from collections.abc import Awaitable
from concurrent.futures import Executor
from typing import Any

import msgspec

from modelshelf.domain.errors import ShelfError
from modelshelf.mlflow_api import errors, requests
from modelshelf.mlflow_api.answers import Answers
from modelshelf.mlflow_api.errors import Answer, Refusal
from modelshelf.mlflow_api.routing import Endpoint, Found, Receive, Scope, Send, Stream, Table
from modelshelf.mlflow_api.table import ROUTES
from modelshelf.native.shared_writes import SharedWrites
from modelshelf.services.registry import Registry

MOST_JSON_BYTES = 16 * 1024 * 1024
_JSON = (b"content-type", b"application/json")
_TEXT = (b"content-type", b"text/plain; charset=utf-8")
_NOSNIFF = (b"x-content-type-options", b"nosniff")
_encode = msgspec.json.Encoder().encode


class MlflowApi:
    """Answers MLflow's clients. The scope has `modelshelf.registry` and `modelshelf.request_id`.

    `inline`: whether the shortest reads are run on the event loop instead of in `pool`. `writes` does the shortest
    writes; without it they are done in `pool` as all others.
    """

    def __init__(self, pool: Executor, *, inline: bool, writes: SharedWrites | None = None) -> None:
        self._pool, self._inline, self._writes = pool, inline, writes
        self._table = Table(ROUTES)
        self._answers = Answers()

    @property
    def labels(self) -> list[tuple[str, str]]:
        """The method and the path of each route."""
        return [(route.method, route.path) for route in ROUTES]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        method, path = scope["method"], scope["path"]
        route = self._table.fixed(path, method)
        parts: dict[str, str] = {}
        if route is None:
            found = self._table.find(_folded(path), "GET" if method == "HEAD" else method)
            if found is None:
                await _send_text(send, 404, "Not Found: there is nothing at this path")
                return
            if not isinstance(found, Found):
                await self._send_other_methods(send, method, found)
                return
            route, parts = found.route, found.parts
        scope["modelshelf.route"] = route.path
        if isinstance(route, Stream):
            await self._stream(route, scope, receive, send, parts)
        else:
            await self._send_answer(send, await self._answer(route, scope, receive, parts))

    async def _answer(self, route: Endpoint, scope: Scope, receive: Receive, parts: dict[str, str]) -> Answer:
        registry: Registry = scope["modelshelf.registry"]
        try:
            if route.quick and self._inline and not parts and scope["method"] == "GET" and scope["query_string"]:
                return Answer(200, self._quick(route, scope, registry))
            body = await _body(route, scope, receive)
            if parts:
                body.update(parts)
            if route.quick and self._writes is not None and scope["method"] != "GET":
                return Answer(200, await self._writes.do(_called, route, registry, body))
            loop = asyncio.get_running_loop()
            return Answer(200, await loop.run_in_executor(self._pool, _called, route, registry, body))
        except Exception as error:
            return errors.answer(error, request_id=scope["modelshelf.request_id"])

    def _quick(self, route: Endpoint, scope: Scope, registry: Registry) -> bytes:
        """Answer a short read at once, or as before where nothing was committed since."""
        asked, state = (registry.actor, scope["path"], scope["query_string"]), registry.state()
        known = None if state is None else self._answers.get(asked, state)
        if known is not None:
            return known
        made = _encode(route.handler(registry, requests.from_query(scope["query_string"], route.fields)))
        if state is not None:
            self._answers.put(asked, made)
        return made

    async def _stream(self, route: Stream, scope: Scope, receive: Receive, send: Send, parts: dict[str, str]) -> None:
        started = False

        async def noting(message: dict[str, Any]) -> None:
            nonlocal started
            started = True
            await send(message)

        rest = next(iter(parts.values()), "")
        try:
            await route.handler(scope, receive, noting, scope["modelshelf.registry"], rest)
        except (ShelfError, Refusal) as error:
            if started:
                raise
            await self._send_answer(send, errors.answer(error, request_id=scope["modelshelf.request_id"]))

    @staticmethod
    def _send_answer(send: Send, answer: Answer) -> Awaitable[None]:
        return _send(send, answer.status, (_JSON, *answer.headers) if answer.headers else (_JSON,), answer.body)

    @staticmethod
    async def _send_other_methods(send: Send, method: str, methods: frozenset[str]) -> None:
        allowed = {*methods, "OPTIONS"} | ({"HEAD"} if "GET" in methods else set())
        allow = (b"allow", ", ".join(sorted(allowed)).encode())
        if method == "OPTIONS":
            await send({"type": "http.response.start", "status": 204, "headers": [allow, _NOSNIFF]})
            await send({"type": "http.response.body", "body": b""})
        else:
            await _send(send, 405, (_TEXT, allow), b"Method Not Allowed: see the Allow header for those that are")


def _called(route: Endpoint, registry: Registry, body: dict[str, Any]) -> bytes:
    return _encode(route.handler(registry, body))


async def _body(route: Endpoint, scope: Scope, receive: Receive) -> dict[str, Any]:
    method, query = scope["method"], scope["query_string"]
    if method == "GET" and query:
        return requests.from_query(query, route.fields)
    content = await _content(receive)
    if method == "POST":
        requests.require_json(next((value for name, value in scope["headers"] if name == b"content-type"), None))
    return requests.from_json(content, route.fields)


async def _content(receive: Receive) -> bytes:
    message = await receive()
    content: bytes = message.get("body", b"")
    if not message.get("more_body"):
        return content
    chunks, size = [content], len(content)
    while message.get("more_body"):
        message = await receive()
        if message["type"] == "http.disconnect":
            break
        chunks.append(message.get("body", b""))
        size += len(chunks[-1])
        if size > MOST_JSON_BYTES:
            problem = f"the body is too large; the limit is {MOST_JSON_BYTES} bytes"
            raise Refusal("INVALID_PARAMETER_VALUE", problem, status=413)
    return b"".join(chunks)


def _folded(path: str) -> str:
    """Slashes side by side count as one."""
    while "//" in path:
        path = path.replace("//", "/")
    return path


async def _send_text(send: Send, status: int, text: str) -> None:
    await _send(send, status, (_TEXT,), text.encode())


async def _send(send: Send, status: int, headers: tuple[tuple[bytes, bytes], ...], body: bytes) -> None:
    length = (b"content-length", str(len(body)).encode())
    await send({"type": "http.response.start", "status": status, "headers": [*headers, _NOSNIFF, length]})
    await send({"type": "http.response.body", "body": body})
