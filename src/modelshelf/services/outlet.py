"""By what events leave a shelf: who sends them, and the dialects that they can be told in besides our own."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from modelshelf.domain.events import Event
from modelshelf.domain.webhook_messages import Message
from modelshelf.sending.sender import Sender


class Dialect(Protocol):
    """How another project's webhooks tell what happens here."""

    @property
    def names(self) -> Sequence[str]:
        """What it calls events; a webhook in this dialect is told of some of these."""
        ...

    @property
    def model_tags(self) -> Collection[str]:
        """Keys of those tags of a model that make a difference to `name`."""
        ...

    def name(self, event: Event, tags: Mapping[str, str]) -> str:
        """What it calls an event about a model with these tags; empty where it has no word for it."""
        ...

    def message(self, name: str, event: Event, *, id: str) -> Message:
        """What it says about an event that it calls so."""
        ...

    def example(self, name: str, *, id: str, now_ms: int) -> Message:
        """What it says about an event of this name, with made-up values."""
        ...


@dataclass(frozen=True, slots=True)
class Outlet:
    """What a shelf needs to tell others what happens."""

    sender: Sender
    dialects: Mapping[str, Dialect] = field(default_factory=dict)
    """By the names of their formats."""
