"""Replies to short reads, kept for as long as nobody commits anything."""

from collections.abc import Hashable

from modelshelf.native.calls import Reply

MOST_BYTES = 16 << 20
_EACH = 500


class Replies:
    """By what was asked, and the state that the shelf was in; used on the event loop alone."""

    def __init__(self) -> None:
        self._held: dict[Hashable, tuple[int, str, Reply]] = {}
        self._bytes = 0

    def find(self, asked: Hashable) -> tuple[int, str, Reply] | None:
        """The state, the route and the reply to a question, if it is held."""
        return self._held.get(asked)

    def keep(self, asked: Hashable, state: int, route: str, reply: Reply) -> None:
        """Hold a reply; where there are too many, all are let go."""
        self._bytes += len(reply.body) + _EACH
        if self._bytes > MOST_BYTES:
            self._held.clear()
            self._bytes = len(reply.body) + _EACH
        self._held[asked] = (state, route, reply)
