"""One HTTP exchange on an open connection: a request out, the head of the answer and a little of its body in."""

import http.client
import io
import socket
import time
from typing import Any, cast

from modelshelf.sending.sender import Answered

EXCERPT_BYTES = 1_024
MOST_HEAD_BYTES = 16 * 1024
_PIECE = 16 * 1024
_NO_BODY = frozenset({204, 205, 304})


class _Read:
    """Bytes that were read already, as the standard library's parser takes them."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def makefile(self, *_: Any, **__: Any) -> io.BytesIO:
        return io.BytesIO(self._content)


def exchange(connection: socket.socket, request: bytes, *, deadline: float) -> Answered:
    """Send a request and read the answer until the deadline, in monotonic seconds.

    Raises OSError (TimeoutError at the deadline) where there is no answer, ValueError where it is not HTTP.
    """
    _send(connection, request, deadline)
    head, rest = _head(connection, deadline)
    answer = _parsed(head, b"")
    if answer.status not in _NO_BODY:
        rest = _body(connection, answer, rest, deadline)
    return _answered(_parsed(head, rest))


def _send(connection: socket.socket, request: bytes, deadline: float) -> None:
    for start in range(0, len(request), _PIECE):
        connection.settimeout(_left(deadline))
        connection.sendall(request[start : start + _PIECE])


def _head(connection: socket.socket, deadline: float) -> tuple[bytes, bytes]:
    """The head of the final answer, and what came behind it."""
    content = b""
    while True:
        head, found, rest = content.partition(b"\r\n\r\n")
        if found and not head.startswith((b"HTTP/1.1 1", b"HTTP/1.0 1")):
            return head + found, rest
        if found:  # an interim answer
            content = rest
            continue
        if len(content) > MOST_HEAD_BYTES:
            raise ValueError(f"the head of the answer is longer than {MOST_HEAD_BYTES:,} bytes")
        piece = _receive(connection, deadline)
        if not piece:
            raise ValueError("the receiver closed the connection without an answer")
        content += piece


def _body(connection: socket.socket, answer: http.client.HTTPResponse, rest: bytes, deadline: float) -> bytes:
    """What there is of the body, up to an excerpt; an answer that ends early, or late, was an answer all the same."""
    chunked = bool(answer.chunked)
    wanted = EXCERPT_BYTES * 2 if chunked or answer.length is None else min(answer.length, EXCERPT_BYTES)
    while len(rest) < wanted and not (chunked and rest.endswith(b"0\r\n\r\n")):
        try:
            piece = _receive(connection, deadline)
        except OSError:
            break
        if not piece:
            break
        rest += piece
    return rest


def _receive(connection: socket.socket, deadline: float) -> bytes:
    connection.settimeout(_left(deadline))
    return connection.recv(4096)


def _parsed(head: bytes, body: bytes) -> http.client.HTTPResponse:
    answer = http.client.HTTPResponse(cast("socket.socket", _Read(head + body)), method="POST")
    try:
        answer.begin()
    except (http.client.HTTPException, UnicodeError) as error:
        raise ValueError(f"the answer is not HTTP ({type(error).__name__})") from None
    return answer


def _answered(answer: http.client.HTTPResponse) -> Answered:
    try:
        content = answer.read(EXCERPT_BYTES)
    except http.client.IncompleteRead as error:
        content = error.partial
    except (http.client.HTTPException, ValueError):
        content = b""
    text = content[:EXCERPT_BYTES].decode(errors="replace").replace("\0", "\N{REPLACEMENT CHARACTER}")
    return Answered(answer.status, 0, text, retry_after_ms=_retry_after_ms(answer.getheader("Retry-After", "")))


def _retry_after_ms(text: str) -> int:
    return int(text) * 1000 if text.isascii() and text.isdecimal() and len(text) < 7 else 0


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left
