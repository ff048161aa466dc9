"""HTTP from the client's side: connections that are kept, bounded waits, and answers that stream."""

import http.client
import io
import os
import random
import select
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final, Protocol
from urllib.parse import urlsplit

from modelshelf.domain.errors import Invalid, Unavailable
from modelshelf.native.proxies import Proxy

CONNECT_SECONDS: Final = 10.0
WAIT_SECONDS: Final = 120.0
"""How long a server may say nothing at all; how long an answer takes on the whole depends on its size."""

ATTEMPTS: Final = 4
PAUSE_SECONDS: Final = 0.2
"""Before the second attempt; twice as long before each further one."""

LONGEST_LINE: Final = 16 << 20

_RETRIED = frozenset({429, 502, 503, 504})
_LONGEST_PAUSE_SECONDS = 10.0
Body = bytes | Callable[[], Iterable[bytes]] | None
"""Bytes, or what makes them: it is called again where the request is sent again."""


class Answer(Protocol):
    """What a server answered; header names are in small letters."""

    @property
    def status(self) -> int: ...

    @property
    def headers(self) -> Mapping[str, str]: ...

    def read(self) -> bytes:
        """All that is left of the body."""
        ...

    def stream(self) -> BinaryIO:
        """The body, to be read and closed."""
        ...

    def lines(self) -> Iterator[bytes]:
        """The body line by line, each as soon as it is there."""
        ...


class Transport(Protocol):
    """Sends requests to one server. Safe to use from several threads at once."""

    def send(self, verb: str, path: str, *, headers: Mapping[str, str], body: Body = None, repeatable: bool) -> Answer:
        """Send a request; one that is repeatable is sent again where that may help. Raises Unavailable."""
        ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Tls:
    """How a server proves who it is, and how the client does."""

    verify: bool = True
    authorities: str = ""
    """A file or folder of certificates to trust instead of the system's."""
    certificate: str = ""
    """A file with the client's own certificate and key."""

    def context(self) -> ssl.SSLContext:
        is_folder = bool(self.authorities) and Path(self.authorities).is_dir()
        try:
            if is_folder:
                context = ssl.create_default_context(capath=self.authorities)
            else:
                context = ssl.create_default_context(cafile=self.authorities or None)
            if self.certificate:
                context.load_cert_chain(self.certificate)
        except OSError as error:
            raise Invalid(f"cannot read the certificates in {self.authorities or self.certificate}: {error}") from None
        if not self.verify:
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        return context


class HttpTransport:
    """The requests of one process to one server."""

    def __init__(self, url: str, *, tls: Tls | None = None, proxy: Proxy | None = None) -> None:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise Invalid(f"not the address of a server: {url!r}; write it like http://host:5000")
        try:
            self._port = parts.port
        except ValueError:
            raise Invalid(f"not a port, in {url!r}") from None
        self._host, self._prefix = parts.hostname, parts.path.rstrip("/")
        self.place = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{self._prefix}"
        self._context = (tls or Tls()).context() if parts.scheme == "https" else None
        self._proxy = proxy
        if proxy is not None and self._context is None:  # a tunnel leads to https; other requests name the whole URL
            self._prefix = self.place
        self._pid, self._lock = os.getpid(), threading.Lock()
        self._idle: list[http.client.HTTPConnection] = []
        self._is_closed = False

    def send(
        self, verb: str, path: str, *, headers: Mapping[str, str], body: Body = None, repeatable: bool
    ) -> "HttpAnswer":
        for attempt in range(1, ATTEMPTS + 1):
            last = attempt == ATTEMPTS or not repeatable
            try:
                answer = self._sent(verb, path, headers, body)
            except (OSError, http.client.HTTPException) as error:
                if last or isinstance(error, ssl.SSLError | socket.gaierror):
                    raise self._unreachable(error) from error
                pause = PAUSE_SECONDS * 2 ** (attempt - 1)
            else:
                if last or answer.status not in _RETRIED:
                    return answer
                pause = _asked_pause(answer, attempt)
                answer.read()
            time.sleep(pause * (0.5 + random.random() / 2))  # noqa: S311 - so that not all come back at once
        raise AssertionError

    def close(self) -> None:
        with self._lock:
            idle, self._idle, self._is_closed = self._idle, [], True
        for connection in idle:
            connection.close()

    def __del__(self) -> None:
        if hasattr(self, "_idle"):
            self.close()

    def _sent(self, verb: str, path: str, headers: Mapping[str, str], body: Body) -> "HttpAnswer":
        connection = self._connection()
        try:
            content = body() if callable(body) else body
            try:
                all_headers, chunked = self._sent_headers(headers), callable(body)
                connection.request(verb, self._prefix + path, content, all_headers, encode_chunked=chunked)
            except (BrokenPipeError, ConnectionResetError):
                if not callable(body):
                    raise
                # a server that refuses an upload answers before it has read all of it
            return HttpAnswer(connection.getresponse(), connection, self)
        except BaseException:
            connection.close()
            raise

    def _sent_headers(self, headers: Mapping[str, str]) -> dict[str, str]:
        through = self._proxy.headers if self._proxy and self._context is None else {}
        return {**headers, **through}

    def _connection(self) -> http.client.HTTPConnection:
        if os.getpid() != self._pid:  # a forked child must not talk on its parent's connections
            self._pid, self._idle, self._lock = os.getpid(), [], threading.Lock()
        while True:
            with self._lock:
                connection = self._idle.pop() if self._idle else None
            if connection is None:
                return self._opened()
            if connection.sock is not None and not select.select([connection.sock], [], [], 0)[0]:
                return connection
            connection.close()  # what can be read before a request was sent is the server's farewell

    def _opened(self) -> http.client.HTTPConnection:
        kind: Callable[..., http.client.HTTPConnection] = http.client.HTTPConnection
        more: dict[str, Any] = {}
        if self._context is not None:
            kind, more = http.client.HTTPSConnection, {"context": self._context}
        proxy = self._proxy
        host, port = (proxy.host, proxy.port) if proxy else (self._host, self._port)
        connection = kind(host, port, timeout=CONNECT_SECONDS, blocksize=1 << 18, **more)
        if proxy and self._context is not None:
            connection.set_tunnel(self._host, self._port or http.client.HTTPS_PORT, proxy.headers)
        connection.connect()
        connection.sock.settimeout(WAIT_SECONDS)
        return connection

    def give_back(self, connection: http.client.HTTPConnection) -> None:
        """Keep a connection for the next request, unless there is to be none."""
        with self._lock:
            if not self._is_closed:
                self._idle.append(connection)
                return
        connection.close()

    def _unreachable(self, error: Exception) -> Unavailable:
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        return Unavailable(f"cannot reach {self.place}: {reason}; is the server running, and the address right?")


class HttpAnswer:
    """An answer whose body is still on its way."""

    def __init__(
        self, response: http.client.HTTPResponse, connection: http.client.HTTPConnection, owner: HttpTransport
    ) -> None:
        self._response, self._connection, self._owner = response, connection, owner
        self.status = response.status
        self.headers: Mapping[str, str] = {name.lower(): value for name, value in response.getheaders()}

    def read(self) -> bytes:
        try:
            content = self._response.read()
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            raise _broken_off(error) from error
        self.done()
        return content

    def stream(self) -> BinaryIO:
        return io.BufferedReader(_Body(self, self._response), buffer_size=1 << 18)

    def lines(self) -> Iterator[bytes]:
        try:
            while line := self._response.readline(LONGEST_LINE):
                yield line
        except (OSError, http.client.HTTPException) as error:
            raise _broken_off(error) from error
        finally:
            self.done()

    def done(self) -> None:
        """The connection goes back where the body was read to its end; else it is of no use any more."""
        if self._response.isclosed() and self._connection.sock is not None:
            self._owner.give_back(self._connection)
        else:
            self._response.close()
            self._connection.close()


class _Body(io.RawIOBase):
    """A body that must not end before its length."""

    def __init__(self, answer: HttpAnswer, response: http.client.HTTPResponse) -> None:
        super().__init__()
        self._answer, self._response = answer, response
        self._left = response.length

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "bytearray | memoryview") -> int:  # type: ignore[override]
        try:
            count = self._response.readinto(buffer)
        except (OSError, http.client.HTTPException) as error:
            raise _broken_off(error) from error
        if self._left is not None:
            self._left -= count
            if not count and self._left:
                raise _broken_off(None)
        return count

    def close(self) -> None:
        if not self.closed:
            self._answer.done()
        super().close()


def _broken_off(error: Exception | None) -> Unavailable:
    reason = f": {error}" if error and str(error) else ""
    return Unavailable(f"the server broke off in the middle of its answer{reason}; try again")


def _asked_pause(answer: Answer, attempt: int) -> float:
    asked = answer.headers.get("retry-after", "")
    seconds = float(asked) if asked.isascii() and asked.isdigit() else PAUSE_SECONDS * 2 ** (attempt - 1)
    return min(seconds, _LONGEST_PAUSE_SECONDS)
