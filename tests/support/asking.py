"""Requests to a server without the client that belongs to it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import msgspec


@dataclass(frozen=True)
class Told:
    """An answer, read."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return msgspec.json.decode(self.body)


Ask: TypeAlias = Callable[..., Told]
