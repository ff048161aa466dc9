"""Where the next page is: the Link header of an answer that is one page of several (RFC 8288)."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode

from modelshelf.domain.events import Event
from modelshelf.domain.pages import Page
from modelshelf.domain.proofs import SealedEvent
from modelshelf.native.operations import Operation
from modelshelf.services.events import PAGE_LIMIT

_CURSORS = {"after": "position", "latest": "before", "sealed": "after"}


def links(
    operation: Operation, answer: object, query: bytes, arguments: Mapping[str, Any]
) -> tuple[tuple[bytes, bytes], ...]:
    """The Link header of a page that was asked for with GET, if there may be another one."""
    if operation.verb != "GET":
        return ()
    if isinstance(answer, Page):
        return _next(query, "page_token", answer.next_token) if answer.next_token else ()
    if operation.area == "events" and isinstance(answer, list) and answer:
        last: Event | SealedEvent = answer[-1]
        full = len(answer) >= min(arguments["limit"], PAGE_LIMIT)
        return _next(query, _CURSORS[operation.method], str(last.position)) if full else ()
    return ()


def _next(query: bytes, name: str, value: str) -> tuple[tuple[bytes, bytes], ...]:
    """The same query with another cursor, relative to its own address: so it is right behind any proxy."""
    others = [pair for pair in parse_qsl(query.decode("ascii"), keep_blank_values=True) if pair[0] != name]
    return ((b"link", f'<?{urlencode([*others, (name, value)])}>; rel="next"'.encode()),)
