"""The server half of the native API: a plain ASGI application below `/api/v1`."""

import asyncio
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from modelshelf.domain.errors import AliasMoved, Invalid, NotFound
from modelshelf.native import blob_endpoints, conditions, findings, pages, wire
from modelshelf.native.calls import Call, Reply, Request
from modelshelf.native.exchange import Exchange, Stream
from modelshelf.native.operations import OPERATIONS, PREFIX
from modelshelf.native.replies import Replies
from modelshelf.native.router import Found, Router
from modelshelf.native.shared_writes import SharedWrites
from modelshelf.native.stream import EventStream
from modelshelf.native.streaming import Disconnected, Receive, Scope, Send
from modelshelf.services.registry import Registry

MOST_JSON_BYTES: Final = 16 << 20
_THREADS = 32
_NOSNIFF = (b"x-content-type-options", b"nosniff")


@dataclass(frozen=True, slots=True)
class _Streamed:
    """A route whose answer speaks ASGI itself."""

    path: str
    stream: Stream


class NativeApi:
    """Answers below `/api/v1`. The scope has `modelshelf.registry`, and may have `modelshelf.request_id`.

    `inline`: whether the shortest reads are run on the event loop instead of in `pool`. `writes` does the shortest
    writes, `patient_writes` those that can wait; without them they are done in `pool` as all others.
    """

    def __init__(
        self,
        pool: Executor,
        *,
        inline: bool,
        writes: SharedWrites | None = None,
        patient_writes: SharedWrites | None = None,
    ) -> None:
        self._pool, self._inline = pool, inline
        self._writes, self._patient_writes = writes, patient_writes
        self._events = EventStream(pool)
        self._replies = Replies()
        self._router: Router[Call | _Streamed] = Router()
        for operation in OPERATIONS:
            self._router.add(operation.verb, PREFIX + operation.path, Call(operation))
        streams: dict[tuple[str, str], Stream] = {
            **blob_endpoints.STREAMS,
            **pages.STREAMS,
            ("GET", "/findings"): findings.verify,
        }
        for (verb, path), stream in streams.items():
            self._router.add(verb, PREFIX + path, _Streamed(PREFIX + path, stream))
        self._labels: list[tuple[str, str]] = [(each.verb, PREFIX + each.path) for each in OPERATIONS]
        self._labels += [(verb, PREFIX + path) for verb, path in streams]

    @property
    def labels(self) -> list[tuple[str, str]]:
        """The verb and the path of each route, as `scope["modelshelf.route"]` has it."""
        return list(self._labels)

    def end_streams(self) -> None:
        """End the streams that would go on for ever, so that the process can end. Call it on the event loop."""
        self._events.end()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        started = False

        async def noting(message: dict[str, Any]) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self._answer(scope, receive, noting)
        except Disconnected:
            if not started:  # where the body was broken rather than its sender gone, somebody still listens
                await send_problem(send, scope, Invalid("the request's body ended too early; send it again"))
        except Exception as error:
            if started:
                raise
            await send_problem(send, scope, error)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        verb, raw_path = scope["method"], _raw_path(scope)
        if verb == "GET" and self._inline and (known := self._known(scope, raw_path)) is not None:
            await _send_reply(send, scope, known)
            return
        found = self._router.find(raw_path)
        if found is None:
            raise NotFound(
                f"there is nothing at {raw_path[:200]!r}; {PREFIX}/docs tells what there is", path=raw_path[:200]
            )
        wanted = "GET" if verb == "HEAD" else verb
        answer = found.answers.get(wanted)
        if answer is None:
            await _send_other_verbs(send, scope, found)
            return
        registry: Registry = scope["modelshelf.registry"]
        parts = found.parts(wanted)
        if not isinstance(answer, Call):
            scope["modelshelf.route"] = answer.path
            await answer.stream(Exchange(scope, receive, send, registry, parts))
        elif answer.operation.method == "after" and EventStream.wanted(scope):
            await self._events(scope, receive, send, registry)
        else:
            await self._call(answer, parts, scope, receive, send)

    def _known(self, scope: Scope, raw_path: str) -> Reply | None:
        """The reply to the same question before, if nothing was committed since."""
        registry: Registry = scope["modelshelf.registry"]
        held = self._replies.find((registry.actor, raw_path, scope["query_string"]))
        if held is None or held[0] != registry.state():
            return None
        scope["modelshelf.route"] = held[1]
        return held[2]

    async def _call(self, call: Call, parts: dict[str, str], scope: Scope, receive: Receive, send: Send) -> None:
        registry: Registry = scope["modelshelf.registry"]
        operation = call.operation
        scope["modelshelf.route"] = PREFIX + operation.path
        headers = dict(scope["headers"])
        body = b"" if operation.in_query else await _body(receive, headers)
        request = Request(parts, scope["query_string"], headers, body)
        if operation.patient and self._patient_writes is not None:
            reply = await self._patient_writes.do(call, registry, request)
        elif operation.quick and not operation.reads and self._writes is not None:
            reply = await self._writes.do(call, registry, request)
        elif operation.quick and operation.reads and self._inline:
            state = registry.state()
            reply = call(registry, request)
            if state is not None:
                self._replies.keep(
                    (registry.actor, _raw_path(scope), scope["query_string"]), state, scope["modelshelf.route"], reply
                )
        else:
            reply = await asyncio.get_running_loop().run_in_executor(self._pool, call, registry, request)
        await _send_reply(send, scope, reply)


async def _body(receive: Receive, headers: dict[bytes, bytes]) -> bytes:
    chunks, size, more = [], 0, True
    while more:
        message = await receive()
        if message["type"] != "http.request":
            raise Disconnected
        chunks.append(message.get("body", b""))
        size += len(chunks[-1])
        more = message.get("more_body", False)
        if size > MOST_JSON_BYTES:
            raise TooLarge(f"the body is larger than {MOST_JSON_BYTES} bytes; send less at once", limit=MOST_JSON_BYTES)
    if size and headers.get(b"content-type", b"").partition(b";")[0].strip().lower() != wire.JSON:
        raise NotJson("the body has to be JSON: send Content-Type: application/json")
    return b"".join(chunks)


class TooLarge(Invalid):
    """More than a request may hold."""


class NotJson(Invalid):
    """Another type of content than the one that is read here."""


def _raw_path(scope: Scope) -> str:
    raw: bytes | None = scope.get("raw_path")
    if raw is None:
        raise Invalid("the server does not tell the path as it came")
    return raw.partition(b"?")[0].decode("latin-1").removeprefix(scope.get("root_path", ""))


async def _send_other_verbs(send: Send, scope: Scope, found: "Found[Call | _Streamed]") -> None:
    verbs = {*found.answers, "OPTIONS"} | ({"HEAD"} if "GET" in found.answers else set())
    allow = (b"allow", ", ".join(sorted(verbs)).encode())
    if scope["method"] == "OPTIONS":
        await _send_reply(send, scope, Reply(204, (allow,)))
        return
    problem = wire.problem(Invalid(f"{scope['method']} is not answered here"), request_id=_id(scope), status=405)
    await _send_reply(send, scope, Reply(405, (_PROBLEM, allow), problem.body))


_PROBLEM = (b"content-type", wire.PROBLEM)
_OWN_STATUS: dict[type[Exception], int] = {TooLarge: 413, NotJson: 415}


async def send_problem(send: Send, scope: Scope, error: Exception) -> None:
    """Answer a request with what went wrong."""
    status = _OWN_STATUS.get(type(error))
    if isinstance(error, AliasMoved) and conditions.is_conditional(dict(scope["headers"])):
        status = 412
    problem = wire.problem(error, request_id=_id(scope), status=status)
    await _send_reply(send, scope, Reply(problem.status, (_PROBLEM, *problem.headers), problem.body))


def _id(scope: Scope) -> str:
    return str(scope.get("modelshelf.request_id", ""))


async def _send_reply(send: Send, scope: Scope, reply: Reply) -> None:
    headers = [*reply.headers, _NOSNIFF]
    if reply.status != 204:
        headers.append((b"content-length", b"%d" % len(reply.body)))
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else reply.body})


@lru_cache(maxsize=2)
def _default(*, inline: bool) -> NativeApi:
    return NativeApi(ThreadPoolExecutor(_THREADS, thread_name_prefix="native"), inline=inline)


async def handle(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer one request with threads of its own, for a process that serves one shelf."""
    registry: Registry = scope["modelshelf.registry"]
    await _default(inline=registry.uri.startswith("sqlite:"))(scope, receive, send)
