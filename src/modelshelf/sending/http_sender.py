"""Messages over HTTP: connected only to addresses that were checked, in bounded time, with bounded reading."""

import queue
import socket
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING

from modelshelf.domain.errors import Invalid
from modelshelf.domain.targets import Target
from modelshelf.sending.addresses import Address, AllowedHosts, read_address
from modelshelf.sending.sender import Answered

if TYPE_CHECKING:
    import ssl

CONNECT_SECONDS = 5.0
DEFAULT_TIMEOUT_SECONDS = 15
MOST_ADDRESSES = 16

Resolve = Callable[[str, int], Sequence[str]]
"""From a host and a port to its addresses; raises OSError."""


class _Refused(Exception):
    """The message was not sent, and why."""


def system_addresses(host: str, port: int) -> Sequence[str]:
    """What the system's resolver tells."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(each[4][0]) for each in found))


class HttpSender:
    """One connection per message, past any proxy. `resolve` and `tls` are the system's unless given."""

    def __init__(
        self,
        allowed: AllowedHosts,
        *,
        timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS,
        resolve: Resolve = system_addresses,
        tls: "ssl.SSLContext | None" = None,
    ) -> None:
        self._allowed, self._timeout, self._resolve, self._tls = allowed, timeout_seconds, resolve, tls

    @property
    def timeout_ms(self) -> int:
        return int(self._timeout * 1000)

    def refuse(self, target: Target) -> None:
        address = target.address
        refusal = self._allowed.refusal(target.host, address) if address is not None else ""
        local = target.host == "localhost" or target.host.endswith(".localhost")
        if local and not self._allowed.has_name(target.host):
            refusal = f"{target.host} is this machine; list it in MODELSHELF_WEBHOOK_ALLOWED_HOSTS to allow it"
        if refusal:
            raise Invalid(f"the webhook's URL can't be sent to: {refusal}", field="url", host=target.host)

    def post(self, target: Target, headers: Mapping[str, str], body: bytes) -> Answered:
        began = time.monotonic()
        try:
            answer = self._post(target, headers, body, began + self._timeout)
        except (_Refused, OSError, ValueError) as error:
            return Answered(None, _since(began), error=_said(error, self._timeout))
        return Answered(answer.status, _since(began), answer.excerpt, _error(answer.status), answer.retry_after_ms)

    def _post(self, target: Target, headers: Mapping[str, str], body: bytes, deadline: float) -> Answered:
        connection = self._connected(target, deadline)
        try:
            if target.scheme == "https":
                connection.settimeout(_left(deadline))
                connection = self._context().wrap_socket(connection, server_hostname=target.host)
            from modelshelf.sending.exchange import exchange  # a parser that is slow to load

            return exchange(connection, _request(target, headers, body), deadline=deadline)
        finally:
            connection.close()

    def _connected(self, target: Target, deadline: float) -> socket.socket:
        """A connection to the first address that answers; none of them may be one that is not allowed."""
        addresses = self._addresses(target, deadline)
        failure: OSError = OSError("the host has no address")
        for address in addresses:
            try:
                connection = socket.create_connection(
                    (str(address), target.port), timeout=min(CONNECT_SECONDS, _left(deadline))
                )
            except OSError as error:
                failure = error
                continue
            try:
                self._check(target, read_address(connection.getpeername()[0]))
            except BaseException:
                connection.close()
                raise
            return connection
        raise failure

    def _addresses(self, target: Target, deadline: float) -> list[Address]:
        literal = target.address
        if literal is not None:
            found = [literal]
        else:
            told = _within(deadline, lambda: self._resolve(target.host, target.port))
            found = [read_address(text) for text in told[:MOST_ADDRESSES]]
        for address in found:
            self._check(target, address)
        return found

    def _check(self, target: Target, address: Address) -> None:
        if refusal := self._allowed.refusal(target.host, address):
            raise _Refused(refusal)

    def _context(self) -> "ssl.SSLContext":
        if self._tls is None:
            import ssl

            self._tls = ssl.create_default_context()
        return self._tls


def _request(target: Target, headers: Mapping[str, str], body: bytes) -> bytes:
    lines = [
        f"POST {target.path} HTTP/1.1",
        f"Host: {target.place}",
        f"User-Agent: Modelshelf/{_version()}",
        "Accept: */*",
        "Accept-Encoding: identity",
        "Connection: close",
        f"Content-Length: {len(body)}",
        *(f"{name}: {value}" for name, value in headers.items()),
    ]
    return "\r\n".join([*lines, "", ""]).encode("ascii") + body


@cache
def _version() -> str:
    from importlib.metadata import version  # slow to load, and to ask

    return version("modelshelf")


def _within(deadline: float, work: Callable[[], Sequence[str]]) -> Sequence[str]:
    """What `work` answers; TimeoutError where that takes too long, as resolvers take as long as they like."""
    answers: queue.SimpleQueue[Sequence[str] | Exception] = queue.SimpleQueue()

    def run() -> None:
        try:
            answers.put(work())
        except Exception as error:
            answers.put(error)

    threading.Thread(target=run, name="resolve", daemon=True).start()
    try:
        answer = answers.get(timeout=_left(deadline))
    except queue.Empty:
        raise TimeoutError from None
    if isinstance(answer, Exception):
        raise answer
    return answer


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _since(began: float) -> int:
    return round((time.monotonic() - began) * 1000)


def _said(error: Exception, timeout: float) -> str:
    if isinstance(error, TimeoutError):
        return f"no answer within {timeout:g} s"
    if isinstance(error, socket.gaierror):
        return f"the host name can't be resolved: {error.strerror}"
    return str(error)[:500] or type(error).__name__


def _error(status: int | None) -> str:
    if status is None or 200 <= status < 300:
        return ""
    if 300 <= status < 400:
        return f"answered {status}: redirects are not followed; give the webhook the URL itself"
    return f"answered {status}"
