"""The port by which events leave: one POST to one target, and what came of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from modelshelf.domain.targets import Target


@dataclass(frozen=True, slots=True)
class Answered:
    """What a receiver answered; `status` is None, and `error` says why, where it answered nothing."""

    status: int | None
    latency_ms: int
    excerpt: str = ""
    error: str = ""
    retry_after_ms: int = 0

    @property
    def accepted(self) -> bool:
        """Whether it took the message: any 2xx. A redirect is a refusal."""
        return self.status is not None and 200 <= self.status < 300


class Sender(Protocol):
    """Posts messages; never raises for what a receiver or the network does."""

    @property
    def timeout_ms(self) -> int:
        """No message takes longer than that."""
        ...

    def refuse(self, target: Target) -> None:
        """Raise Invalid for a target that will never be connected to, as far as its URL alone tells."""
        ...

    def post(self, target: Target, headers: Mapping[str, str], body: bytes) -> Answered:
        """Send a message and wait for the answer."""
        ...
