"""A request on its way to an answer that speaks ASGI itself."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from modelshelf.native.streaming import Receive, Scope, Send
from modelshelf.services.registry import Registry


@dataclass(frozen=True, slots=True)
class Exchange:
    """What ASGI gave, the registry that acts as whoever asks, and the texts in the path by their names."""

    scope: Scope
    receive: Receive
    send: Send
    registry: Registry
    parts: Mapping[str, str] = field(default_factory=dict)

    @property
    def request_id(self) -> str:
        return str(self.scope.get("modelshelf.request_id", ""))

    async def answer(self, status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
        """Send an answer whole; to HEAD without its body."""
        length = (b"content-length", b"%d" % len(body))
        nosniff = (b"x-content-type-options", b"nosniff")
        await self.send({"type": "http.response.start", "status": status, "headers": [*headers, nosniff, length]})
        await self.send({"type": "http.response.body", "body": b"" if self.scope["method"] == "HEAD" else body})


Stream: TypeAlias = Callable[[Exchange], Awaitable[None]]
