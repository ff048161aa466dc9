"""The ASGI application: who is asking, which protocol answers, and what is noted about it."""

import asyncio
import gc
import logging
import os
import signal
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

from modelshelf.connect import connect
from modelshelf.domain.access import Actor
from modelshelf.domain.errors import Forbidden, Invalid, ShelfError
from modelshelf.hosting import lifetime, log
from modelshelf.hosting.browser_safety import allowed_hosts, origin_refusal
from modelshelf.mlflow_api import errors as mlflow_errors
from modelshelf.mlflow_api import webhook_dialect
from modelshelf.mlflow_api.json_api import MlflowApi
from modelshelf.mlflow_api.routing import Receive, Scope, Send
from modelshelf.native.endpoints import NativeApi, send_problem
from modelshelf.native.operations import PREFIX
from modelshelf.native.shared_writes import PATIENT_SECONDS, SharedWrites
from modelshelf.server.authentication import Authentication
from modelshelf.server.background import DUTIES, Background
from modelshelf.server.configuration import Configuration
from modelshelf.server.deliveries import Deliveries
from modelshelf.server.metrics import CONTENT_TYPE, Label, Latencies, shelf_text
from modelshelf.server.pages import Pages
from modelshelf.server.sealing import Sealing
from modelshelf.services.registry import Registry

THREADS = 32
MOST_ACTORS = 1_000
_NATIVE = f"{PREFIX}/"
_NOT_PAGES = ("/api/", "/ajax-api/", "/version", "/metrics")
"""What is there to serve programs, which nobody should need the code of pages for."""
_READS = frozenset({"GET", "HEAD", "OPTIONS"})
_log = logging.getLogger("modelshelf.server")
_TEXT = (b"content-type", b"text/plain; charset=utf-8")


class Application:
    """One per worker process."""

    def __init__(self, registry: Registry, configuration: Configuration) -> None:
        self._registry = registry
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="request")
        self._background = Background(registry, (*DUTIES, Sealing(configuration.heads_file).duty))
        self._deliveries = Deliveries(registry, leads=self._background.leads)
        self._authentication = Authentication(registry, required=configuration.auth == "required")
        inline = configuration.backend_store_uri.startswith("sqlite:")
        writes = SharedWrites(self._pool, registry.together) if inline else None
        self._mlflow = MlflowApi(self._pool, inline=inline, writes=writes)
        patient = SharedWrites(self._pool, registry.together, patience=PATIENT_SECONDS) if inline else None
        self._native = NativeApi(self._pool, inline=inline, writes=writes, patient_writes=patient)
        listed = [name.strip() for name in configuration.allowed_hosts.split(",") if name.strip()]
        self._hosts = allowed_hosts(configuration.host, configuration.port, listed)
        self._actors: dict[Actor, Registry] = {}
        self._ids, self._prefix = count(1), os.urandom(6).hex()
        folder = configuration.metrics_folder or tempfile.mkdtemp(prefix="modelshelf-")
        self._latencies = Latencies(self._labels(), Path(folder))
        signs_in = configuration.auth == "required"
        self._pages = Pages(self._pool, self._identify, self._latencies, signs_in=signs_in)
        self._is_alone = configuration.workers == 1
        self._tells_all = configuration.log_level == "debug"

    def _labels(self) -> list[Label]:
        own = [("GET", path) for path in ("/health", "/version", "/metrics")]
        return [*own, *self._mlflow.labels, *self._native.labels]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or begin and end with the process."""
        if scope["type"] == "http":
            await self._http(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self._live(receive, send)
        else:
            await send({"type": "websocket.close", "code": 1000})

    async def _live(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, self._native.end_streams)
                if self._is_alone:
                    lifetime.end_alone()
                self._background.start()
                self._deliveries.start()
                await send({"type": "lifespan.startup.complete"})
            else:
                self._background.close()
                self._deliveries.close()
                self._authentication.close()
                self._pool.shutdown()
                self._registry.close()
                log.close()
                await send({"type": "lifespan.shutdown.complete"})
                return

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        began, status = time.perf_counter(), 0
        request_id = scope["modelshelf.request_id"] = f"{self._prefix}-{next(self._ids)}"
        id_header = (b"x-request-id", request_id.encode())

        async def noting(message: dict[str, Any]) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], id_header]
            await send(message)

        try:
            await self._answer(scope, receive, noting)
        except ShelfError as error:
            if not status:
                await self._fail(error, scope, noting)
        except Exception as error:
            _log.exception("a request failed", extra={"fields": {"request_id": request_id}})
            if status:
                raise
            await self._fail(error, scope, noting)
        finally:
            self._note(scope, request_id, status, time.perf_counter() - began)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        path: str = scope["path"]
        if path == "/health":
            await _send(send, scope, b"OK")
            return
        refusal = origin_refusal(scope["headers"], scope["method"], self._hosts)
        if refusal is not None:
            raise Forbidden(refusal)
        if not path.startswith("/"):  # as of `OPTIONS *`, and of CONNECT
            raise Invalid("a request has to name a path on this server")
        if not path.startswith(_NOT_PAGES) and await self._pages.answer(scope, receive, send):
            return
        await self._identify(scope, dict(scope["headers"]))
        if path == "/version":
            await _send(send, scope, _version())
        elif path == "/metrics":
            loop = asyncio.get_running_loop()
            text = await loop.run_in_executor(self._pool, self._metrics, scope["modelshelf.registry"])
            await _send(send, scope, text, content_type=(b"content-type", CONTENT_TYPE))
        elif path.startswith(_NATIVE):
            await self._native(scope, receive, send)
        else:
            await self._mlflow(scope, receive, send)

    async def _identify(self, scope: Scope, headers: dict[bytes, bytes]) -> None:
        actor = await self._actor(scope, headers)
        scope["modelshelf.actor"] = actor.name
        scope["modelshelf.registry"] = self._acting_as(actor)

    async def _actor(self, scope: Scope, headers: dict[bytes, bytes]) -> Actor:
        known = self._authentication.known(headers)
        if known is not None:
            return known
        peer = str((scope.get("client") or ("",))[0])
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._pool, lambda: self._authentication.actor(headers, peer=peer))

    def _acting_as(self, actor: Actor) -> Registry:
        found = self._actors.get(actor)
        if found is None:
            if len(self._actors) >= MOST_ACTORS:
                self._actors.clear()
            found = self._actors[actor] = self._registry.acting_as(actor)
        return found

    def _metrics(self, registry: Registry) -> bytes:
        self._pages.count()
        return "\n".join([*self._latencies.text(), *shelf_text(registry.measured()), ""]).encode()

    @staticmethod
    async def _fail(error: Exception, scope: Scope, send: Send) -> None:
        if scope["path"].startswith(_NATIVE):
            await send_problem(send, scope, error)
            return
        answer = mlflow_errors.answer(error, request_id=scope["modelshelf.request_id"])
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(answer.body)).encode())]
        await send({"type": "http.response.start", "status": answer.status, "headers": [*headers, *answer.headers]})
        await send({"type": "http.response.body", "body": answer.body})

    def _note(self, scope: Scope, request_id: str, status: int, seconds: float) -> None:
        method = scope["method"]
        route: str = scope.get("modelshelf.route") or scope["path"]
        self._latencies.note((method, route), seconds, status)
        is_quiet = status < 400 and method in _READS
        if is_quiet and not self._tells_all:
            return
        fields = {
            "request_id": request_id,
            "method": method,
            "path": scope["path"][:1000],
            "status": status,
            "milliseconds": round(seconds * 1000, 2),
            "actor": scope.get("modelshelf.actor", ""),
        }
        log.note_request("debug" if is_quiet else "info", fields)


async def _send(send: Send, scope: Scope, body: bytes, *, content_type: tuple[bytes, bytes] = _TEXT) -> None:
    headers = [content_type, (b"content-length", str(len(body)).encode()), (b"x-content-type-options", b"nosniff")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})


@cache
def _version() -> bytes:
    from importlib.metadata import version  # slow, and rarely asked for

    return version("modelshelf").encode()


def application() -> Application:
    """The application that the environment describes; each worker calls it once."""
    configuration = Configuration.from_environment()
    if configuration.workers > 1:
        lifetime.default_signals()
        lifetime.end_with_parent()
    log.configure_worker(configuration.log_level)
    registry = connect(
        configuration.backend_store_uri,
        artifacts=configuration.artifacts_destination,
        key_file=configuration.key_file,
        webhook_allowed_hosts=configuration.webhook_allowed_hosts,
        webhook_timeout=configuration.webhook_timeout,
        webhook_dialects=webhook_dialect.DIALECTS,
    )
    gc.collect()
    gc.freeze()  # what is there now stays: collections need not look at it again
    return Application(registry, configuration)
