"""The pages as an ASGI application: who may see them, which function makes them, what goes with every answer."""

import asyncio
import base64
import gzip
import logging
from collections.abc import Awaitable, Callable
from concurrent.futures import Executor
from dataclasses import replace
from functools import partial
from typing import Final, TypeAlias, TypeVar, cast
from urllib.parse import parse_qs, quote

from modelshelf.domain.errors import Forbidden, Invalid, NotFound, ShelfError, Unauthenticated, Unavailable
from modelshelf.native import streaming, wire
from modelshelf.native.router import Router
from modelshelf.native.streaming import Disconnected, Receive, Scope, Send
from modelshelf.services.registry import Registry
from modelshelf.ui import cookies, seals, statics
from modelshelf.ui.exchange import Answer, Asked, Header, Page, redirect
from modelshelf.ui.rendering import page, warm
from modelshelf.ui.routes import OPEN, ROUTES, SIGN_IN

Identify: TypeAlias = Callable[[Scope, dict[bytes, bytes]], Awaitable[None]]
"""Puts the registry of whoever sent these headers into the scope. Raises Unauthenticated, Throttled."""

T = TypeVar("T")

MOST_FORM_BYTES: Final = 2 << 20
_MOST_FIELDS = 500
_SMALLEST_PACKED = 1_000
_POLICY = (
    b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    b"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
SAFETY: Final[tuple[Header, ...]] = (
    (b"content-security-policy", _POLICY),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
)
_FORM = b"application/x-www-form-urlencoded"
_log = logging.getLogger("modelshelf.ui")


class WebUi:
    """Answers the paths that `owns` says. Pages are made in `pool`; `clock` tells milliseconds since the epoch."""

    def __init__(self, pool: Executor, identify: Identify, *, signs_in: bool, clock: Callable[[], int]) -> None:
        self._pool, self._identify, self._signs_in, self._clock = pool, identify, signs_in, clock
        self._router: Router[tuple[str, Page]] = Router()
        for (verb, path), make in ROUTES.items():
            self._router.add(verb, path, (path, make))
        self._firsts = {path.split("/")[1] for _, path in ROUTES} | {statics.PREFIX.strip("/")}

    def warm(self) -> None:
        """Get ready beside what is being served: templates are compiled, and static files read."""
        self._pool.submit(warm)
        self._pool.submit(statics.files)

    @property
    def labels(self) -> list[tuple[str, str]]:
        """The verb and the path of each route, as `scope["modelshelf.route"]` has it."""
        return [*ROUTES, ("GET", statics.PREFIX)]

    def owns(self, path: str) -> bool:
        """Whether a path is one of ours, also where there is nothing at it."""
        return path.split("/", 2)[1] in self._firsts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["path"].startswith(statics.PREFIX):
            scope["modelshelf.route"] = statics.PREFIX
            await _send(send, scope, _static(scope["path"]))
            return
        asked = self._asked(scope)
        try:
            asked = replace(asked, query=parsed(scope["query_string"]))
            if asked.method == "POST":
                asked = replace(asked, form=parsed(await _body(receive, scope)))
            answer = await self._answer(asked, scope, receive, send)
        except Disconnected:
            return
        except Exception as error:
            answer = await self._run(partial(_failed, _known(asked, scope), error))
        if answer is not None:
            await _send(send, scope, self._with_cookies(answer, asked))

    def _asked(self, scope: Scope) -> Asked:
        found = cookies.read(scope["headers"])
        raw: bytes = scope.get("raw_path") or scope["path"].encode()
        origin = next((value for name, value in scope["headers"] if name == b"origin"), b"")
        return Asked(
            registry=cast("Registry", None),  # until it is known who asks
            method=scope["method"],
            path=raw.partition(b"?")[0].decode("latin-1").removeprefix(scope.get("root_path", "")),
            now_ms=self._clock(),
            seal=cookies.seal(found),
            theme=cookies.theme(found),
            flash=cookies.flashed(found),
            request_id=str(scope.get("modelshelf.request_id", "")),
            signs_in=self._signs_in,
            is_secure=scope.get("scheme") == "https" or origin.startswith(b"https://"),
        )

    async def _answer(self, asked: Asked, scope: Scope, receive: Receive, send: Send) -> Answer | None:
        found = self._router.find(asked.path)
        verb = "GET" if asked.method == "HEAD" else asked.method
        label, make = (found.answers.get(verb) if found else None) or ("", None)
        scope["modelshelf.route"] = label or "/"
        if verb == "POST" and label in OPEN:
            asked.seal.check(asked.field(seals.FIELD))
        if label == SIGN_IN and verb == "POST" and self._signs_in:
            await self._identify(scope, _credentials(asked))
        elif label not in OPEN:
            await self._identify(scope, dict(scope["headers"]))
        if verb == "POST" and label not in OPEN:
            asked.seal.check(asked.field(seals.FIELD))
        if found is None or make is None:
            raise NotFound(f"there is no page at {asked.path[:200]}", path=asked.path[:200])
        asked = replace(_known(asked, scope), parts=found.parts(verb))
        answer = await self._run(partial(make, asked))
        if isinstance(answer, Answer):
            return answer
        await streaming.download(scope, receive, send, asked.registry.artifacts, answer.find)
        return None

    async def _run(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._pool, work)

    @staticmethod
    def _with_cookies(answer: Answer, asked: Asked) -> Answer:
        more: list[Header] = []
        if asked.seal.is_new:
            more.append(cookies.write(seals.COOKIE, asked.seal.secret, is_secure=asked.is_secure))
        if asked.flash and answer.body:
            more.append(cookies.write(cookies.FLASH, "", seconds=0))
        return replace(answer, headers=(*more, *answer.headers)) if more else answer


def _known(asked: Asked, scope: Scope) -> Asked:
    """The request with the registry of whoever asks, if that is known by now."""
    return replace(asked, registry=cast("Registry", scope.get("modelshelf.registry")))


def parsed(content: bytes) -> dict[str, list[str]]:
    """The fields of a form or of a query. Raises Invalid for what is none."""
    try:
        return parse_qs(content.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=_MOST_FIELDS)
    except (UnicodeDecodeError, ValueError):
        raise Invalid(f"the form cannot be read: it has to be UTF-8, with at most {_MOST_FIELDS} fields") from None


def _credentials(asked: Asked) -> dict[bytes, bytes]:
    """What was typed into the sign-in form, as the Authorization header has it."""
    token = asked.field("token").strip()
    if token:
        return {b"authorization": b"Bearer " + token.encode()}
    pair = f"{asked.field('user').strip()}:{asked.field('password')}"
    return {b"authorization": b"Basic " + base64.b64encode(pair.encode())}


async def _body(receive: Receive, scope: Scope) -> bytes:
    kind = next((value for name, value in scope["headers"] if name == b"content-type"), b"")
    if kind.partition(b";")[0].strip().lower() != _FORM:
        raise Invalid("a form has to be sent as application/x-www-form-urlencoded")
    chunks, size, more = [], 0, True
    while more:
        message = await receive()
        if message["type"] != "http.request":
            raise Invalid("the form broke off in the middle; send it again")
        chunks.append(message.get("body", b""))
        size += len(chunks[-1])
        more = message.get("more_body", False)
        if size > MOST_FORM_BYTES:
            raise Invalid(f"the form is larger than {MOST_FORM_BYTES:,} bytes", limit=MOST_FORM_BYTES)
    return b"".join(chunks)


def _static(path: str) -> Answer:
    found = statics.find(path)
    if found is None:
        return Answer(b"there is no such file", 404, b"text/plain; charset=utf-8")
    static, kept = found
    return Answer(static.content, 200, static.kind, ((b"cache-control", kept), (b"x-packed", static.packed)))


def _failed(asked: Asked, error: Exception) -> Answer:
    """A page that tells what went wrong, as far as it is for the viewer, and what to do."""
    if isinstance(error, Unauthenticated) and asked.method in {"GET", "HEAD"}:
        return redirect(f"{SIGN_IN}?next={quote(asked.here(), safe='')}")
    status = wire.status_of(error)
    is_ours = isinstance(error, ShelfError) and not isinstance(error, Unavailable)
    if not is_ours:
        _log.error("request %s failed", asked.request_id, exc_info=error)
    wait = error.details.get("retry_after") if isinstance(error, ShelfError) else None
    headers = ((b"retry-after", str(wait).encode()),) if isinstance(wait, int) else ()
    if asked.path == SIGN_IN and isinstance(error, ShelfError) and not isinstance(error, Forbidden):
        return page(asked, "signin.html", title="Sign in", status=status, headers=headers, refusal=error.message)
    return page(
        asked,
        "error.html",
        title=_TITLES.get(status, "Something went wrong"),
        status=status,
        headers=headers,
        heading=_TITLES.get(status, "Something went wrong"),
        message=error.message if is_ours and isinstance(error, ShelfError) else "",
        code=status,
    )


_TITLES = {
    400: "That cannot be",
    401: "Who are you?",
    403: "Not allowed",
    404: "Not here",
    409: "Refused",
    429: "Too many attempts",
    503: "Not reachable just now",
    507: "The storage is full",
}


async def _send(send: Send, scope: Scope, answer: Answer) -> None:
    headers = [(b"content-type", answer.kind), *SAFETY]
    packed = next((value for name, value in answer.headers if name == b"x-packed"), None)
    headers += [header for header in answer.headers if header[0] != b"x-packed"]
    if not any(name == b"cache-control" for name, _ in answer.headers):
        headers.append((b"cache-control", b"private, no-cache"))
    body = answer.body
    if len(body) >= _SMALLEST_PACKED and _takes_gzip(scope):
        body = packed if packed is not None else gzip.compress(body, 5, mtime=0)
        headers.append((b"content-encoding", b"gzip"))
    headers += [(b"vary", b"accept-encoding, cookie"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})


def _takes_gzip(scope: Scope) -> bool:
    return any(name == b"accept-encoding" and b"gzip" in value for name, value in scope["headers"])
