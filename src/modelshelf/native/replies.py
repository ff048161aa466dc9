"""Replies to short reads, kept for as long as nobody commits anything."""

from typing import TypeAlias

from modelshelf.domain.access import Actor
from modelshelf.native.calls import Reply

Asked: TypeAlias = tuple[Actor, str, bytes]
"""Who asks, and the path and the query as they came."""

MOST_BYTES = 16 << 20
_EACH = 500


class Replies:
    """By what was asked, and the state that the shelf was in; used on the event loop alone."""

    def __init__(self) -> None:
        self._held: dict[Asked, tuple[int, str, Reply]] = {}
        self._bytes = 0

    def find(self, asked: Asked) -> tuple[int, str, Reply] | None:
        """The state, the route and the reply to a question, if it is held."""
        return self._held.get(asked)

    def keep(self, asked: Asked, state: int, route: str, reply: Reply) -> None:
        """Hold a reply; where there are too many, all are let go."""
        size = len(reply.body) + len(asked[1]) + len(asked[2]) + _EACH
        self._bytes += size
        if self._bytes > MOST_BYTES:
            self._held.clear()
            self._bytes = size
        self._held[asked] = (state, route, reply)
