"""The scorer's application: who may ask, which protocol answers, and what is noted about it."""

import asyncio
import gc
import hmac
import logging
import os
import signal
import sys
import threading
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path
from typing import Any

from modelshelf.domain.errors import Invalid, NotFound
from modelshelf.domain.rollouts import KEY_LIMIT
from modelshelf.hosting import lifetime, log
from modelshelf.hosting.browser_safety import allowed_hosts, origin_refusal
from modelshelf.hosting.exposure import is_loopback
from modelshelf.scoring import metrics, outcomes, payload
from modelshelf.scoring.configuration import Configuration
from modelshelf.scoring.inference_endpoints import InferenceEndpoints
from modelshelf.scoring.metrics import Scores
from modelshelf.scoring.process import leave_failure
from modelshelf.scoring.refusals import Answer, Refused, refusal
from modelshelf.scoring.slot import Slot
from modelshelf.sdk.live import Answered, FollowerState

THREADS = 8
MOST_WAITING = 256
"""Requests that are answered or wait for it at once; whoever comes then is told to come again."""

SWITCH_SECONDS = 0.0001
"""How long a thread that loads the next version may keep the interpreter to itself while requests wait."""

TELL_SECONDS = 1.0
_TEXT = ("content-type", "text/plain; charset=utf-8")
_OPEN = frozenset({"/ping", "/health", "/v2/health/live", "/v2/health/ready"})
_log = logging.getLogger("modelshelf.scoring")


class Application:
    """One per worker process; Granian calls it for each request."""

    def __init__(self, configuration: Configuration) -> None:
        self._configuration = configuration
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="predict")
        name = configuration.model_uri.removeprefix("models:/").partition("@")[0].partition("/")[0]
        self._scores = Scores(Path(configuration.folder), name)
        self._slot = Slot(
            configuration.model_uri,
            trust=configuration.trust,
            any_signature=configuration.any_signature,
            most_rows=configuration.most_rows,
            on_swap=self._tell_of_swap,
        )
        self._v2 = InferenceEndpoints(self._slot)
        self._token = f"Bearer {configuration.token}".encode() if configuration.token else b""
        self._checks_hosts = is_loopback(configuration.host) and not configuration.token
        listed = [each.strip() for each in configuration.allowed_hosts.split(",") if each.strip()]
        self._hosts = allowed_hosts(configuration.host, configuration.port, listed)
        self._key_header = configuration.key_header.lower()
        self._waiting = 0
        self._version = version("modelshelf").encode()

    def __rsgi_init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin, in the worker's event loop."""
        self._loop = loop
        self._telling = loop.call_soon(self._tell)

    def __rsgi_del__(self, loop: asyncio.AbstractEventLoop) -> None:
        """End: what was asked is answered by now."""
        self._telling.cancel()
        self._slot.follower.close()
        self._pool.shutdown(wait=False, cancel_futures=True)
        log.close()

    def _tell(self) -> None:
        self._scores.tell(self._slot.follower.state)
        self._telling = self._loop.call_later(TELL_SECONDS, self._tell)

    def _tell_of_swap(self, state: FollowerState) -> None:
        fields = {"version": state.version, "target": state.target, "weight": state.weight}
        _log.info("serving", extra={"fields": fields})

    async def __rsgi__(self, scope: Any, proto: Any) -> None:
        """Answer one request."""
        began = time.perf_counter()
        path, answered, error = scope.path, None, None
        try:
            answer, answered = await self._answer(scope, proto, path)
        except Exception as caught:
            error = caught
        if answered is not None:
            request_id = answered.request_id
            head = answer.head(("x-modelshelf-version", str(answered.version)), ("x-request-id", request_id))
        else:
            request_id = os.urandom(8).hex()
            if error is not None:
                answer = refusal(error, request_id=request_id, is_v2=path.startswith("/v2"))
            head = answer.head(("x-request-id", request_id))
        proto.response_bytes(answer.status, head, b"" if scope.method == "HEAD" else answer.body)
        self._note(scope, path, answer.status, request_id, answered, time.perf_counter() - began)
        if error is not None and answer.status == 500:
            _log.error("a request failed", exc_info=error, extra={"fields": {"request_id": request_id}})

    async def _answer(self, scope: Any, proto: Any, path: str) -> tuple[Answer, Answered | None]:
        headers = scope.headers
        if path not in _OPEN:
            self._let_in(scope, headers)
        if path == "/invocations":
            return await self._invoke(scope, proto, headers)
        if path == "/v2" or path.startswith("/v2/"):
            return await self._infer(scope, proto, path)
        if path == "/outcomes":
            _check_method(scope, "POST")
            return outcomes.take(await self._body(headers, proto), self._slot.follower), None
        _check_method(scope, "GET", "HEAD")
        if path in {"/ping", "/health"}:
            return Answer(200, b"\n"), None
        if path == "/version":
            return Answer(200, self._version, _TEXT), None
        if path == "/metrics":
            self._scores.tell(self._slot.follower.state)
            text = await self._loop.run_in_executor(self._pool, self._scores.text)
            return Answer(200, text, metrics.CONTENT_TYPE), None
        raise Refused(f"there is no {path[:200]} here; ask POST /invocations or POST /v2/models/NAME/infer", status=404)

    def _let_in(self, scope: Any, headers: Any) -> None:
        if self._token:
            given = headers.get("authorization", "").encode(errors="replace")
            if not hmac.compare_digest(given, self._token):
                raise Refused("send the token of this scorer: Authorization: Bearer ...", status=401)
            return
        if "origin" not in headers and "sec-fetch-site" not in headers:
            if not self._checks_hosts or headers.get("host", "") in self._hosts:
                return
        elif not self._checks_hosts:
            raise Refused("the request was made by a page in a browser; only programs are answered", status=403)
        given = [(name.encode(), value.encode(errors="replace")) for name, value in headers.items()]
        if not any(name == b"host" for name, _ in given):
            given.append((b"host", (scope.authority or "").encode()))
        reason = origin_refusal(given, scope.method, self._hosts)
        if reason is not None:
            raise Refused(reason, status=403)

    async def _invoke(self, scope: Any, proto: Any, headers: Any) -> tuple[Answer, Answered]:
        _check_method(scope, "POST")
        kind = payload.media_type(headers.get("content-type"))
        key = self._key(headers)
        body = await self._body(headers, proto)
        answered = await self._work(len(body), lambda ready: ready.invoke(body, kind), key=key)
        return Answer(200, answered.value), answered

    async def _infer(self, scope: Any, proto: Any, path: str) -> tuple[Answer, Answered | None]:
        found = self._v2.find(path, scope.method)
        if isinstance(found, Answer):
            return found, None
        payload.media_type(scope.headers.get("content-type", "application/json"))
        if "inference-header-content-length" in scope.headers:
            raise Refused("tensors as binary data can't be read; send them as JSON", status=415)
        body = await self._body(scope.headers, proto)
        answered = await self._work(len(body), found.work(body), key=self._key(scope.headers), number=found.version)
        return Answer(200, answered.value), answered

    def _key(self, headers: Any) -> str | None:
        key: str | None = headers.get(self._key_header)
        if key is not None and len(key) > KEY_LIMIT:
            raise Refused(f"{self._key_header} has {len(key)} characters; the limit is {KEY_LIMIT}", status=400)
        return key

    async def _body(self, headers: Any, proto: Any) -> bytes:
        most = self._configuration.most_bytes
        announced = headers.get("content-length", "")
        if announced.isascii() and announced.isdigit():
            if len(announced) > 18 or int(announced) > most:
                raise _too_large(most)
            return bytes(await proto())
        parts, size = [], 0
        async for part in proto:
            size += len(part)
            if size > most:
                raise _too_large(most)
            parts.append(part)
        return b"".join(parts)

    async def _work(self, size: int, work: Any, *, key: str | None, number: int | None = None) -> Answered:
        """Do what is quick here, and the rest in a thread, where it keeps nobody else waiting."""
        if self._waiting >= MOST_WAITING:
            raise Refused("the scorer has more to do than it can; ask again in a moment", status=503)
        self._waiting += 1
        try:
            if self._slot.pace.is_quick(size):
                return self._timed(size, work, key, number)
            return await self._loop.run_in_executor(self._pool, self._timed, size, work, key, number)
        finally:
            self._waiting -= 1

    def _timed(self, size: int, work: Any, key: str | None, number: int | None) -> Answered:
        asked, outcome = 0, "failed"
        began = time.perf_counter()

        def noting(ready: Any) -> Any:
            nonlocal asked
            asked = asked or ready.version
            return work(ready)

        try:
            answered = self._slot.answer(noting, key=key, version=number)
            outcome = "ok"
        except (Invalid, NotFound):
            outcome = "refused"
            raise
        finally:
            seconds = time.perf_counter() - began
            self._slot.pace.note(size, seconds)
            if asked:
                self._scores.note(asked, seconds, outcome)
        return answered

    def _note(
        self, scope: Any, path: str, status: int, request_id: str, answered: Answered | None, seconds: float
    ) -> None:
        level = "debug" if path in _OPEN else "info"
        fields = {
            "request_id": request_id,
            "method": scope.method,
            "path": path[:1000],
            "status": status,
            "milliseconds": round(seconds * 1000, 3),
            "version": answered.version if answered is not None else None,
            "client": scope.client,
        }
        log.note_request(level, fields, name="modelshelf.scoring")


def _check_method(scope: Any, *allowed: str) -> None:
    if scope.method not in allowed:
        raise Refused(f"{scope.path[:200]} takes {' or '.join(allowed)}, not {scope.method[:20]}", status=405)


def _too_large(most: int) -> Refused:
    return Refused(f"the body has more than {most} bytes, which is the limit", status=413, limit="bytes")


def application() -> Application:
    """The application that the environment describes; each worker calls it once, before it accepts requests."""
    lifetime.default_signals()
    lifetime.end_with_parent()
    configuration = Configuration.from_environment()
    log.configure_worker(configuration.log_level)
    # The columns' names and order are checked here, so estimators get arrays: see matrices.py.
    warnings.filterwarnings("ignore", message="X does not have valid feature names", category=UserWarning)
    sys.setswitchinterval(SWITCH_SECONDS)
    try:
        made = Application(configuration)
    except Exception as error:
        _give_up(Path(configuration.folder), error)
        raise
    gc.collect()
    gc.freeze()  # what is there now stays: collections need not look at it again
    return made


def _give_up(folder: Path, error: Exception) -> None:
    """A worker that comes after another one has served is started again; before that there is no sense in it."""
    log.close()
    if any(folder.glob("*.state")):
        time.sleep(1)
        return
    leave_failure(folder, error)
    os.kill(os.getppid(), signal.SIGTERM)
    threading.Event().wait(lifetime.GRACE_SECONDS)  # until the parent ends it
