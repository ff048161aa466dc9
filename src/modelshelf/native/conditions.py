"""Entity tags of aliases: what an answer says of the last move, and what If-Match asks of it (RFC 9110)."""

import re
from collections.abc import Mapping
from typing import Any

from modelshelf.domain.errors import Invalid
from modelshelf.domain.governance import AliasPosition, Move, Slot
from modelshelf.native.operations import Operation

CONDITIONAL = frozenset({"set_alias", "clear_alias"})
"""The operations that take If-Match."""

_TAG = re.compile(rb'\s*"(\d{1,19})-(\d{1,19})"\s*')


def tags(answer: object) -> tuple[tuple[bytes, bytes], ...]:
    """The ETag of an answer that tells where an alias is: the version, and the move that brought it there."""
    if isinstance(answer, AliasPosition):
        return ((b"etag", b'"%d-%d"' % (answer.version, answer.move)),)
    if isinstance(answer, Move) and answer.slot is Slot.ALIAS and isinstance(answer.after, int):
        return ((b"etag", b'"%d-%d"' % (answer.after, answer.id)),)
    return ()


def asked(operation: Operation, headers: Mapping[bytes, bytes]) -> dict[str, Any]:
    """The arguments that If-Match, and If-None-Match: *, stand for."""
    if operation.method not in CONDITIONAL:
        return {}
    given: dict[str, Any] = {}
    if (wanted := headers.get(b"if-match")) is not None:
        match = _TAG.fullmatch(wanted)
        if match is None:
            raise Invalid('If-Match has to be one ETag as the alias was answered with, like "3-17"')
        given["if_last_move"] = int(match[2])
    if operation.method == "set_alias" and headers.get(b"if-none-match", b"").strip() == b"*":
        given["if_current"] = None
    return given


def is_conditional(headers: Mapping[bytes, bytes]) -> bool:
    """Whether a refused move is a failed precondition (412) rather than a conflict (409)."""
    return b"if-match" in headers or b"if-none-match" in headers
