"""What each measurement stands on: a running server, what its registry holds, and how much to do."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from serving.client import Client
from serving.content import Content
from serving.figures import Figure
from serving.servers import Server

MEBIBYTE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Effort:
    """How long each load lasts, how large things are, and how many clients come at once."""

    seconds: float
    sizes: tuple[Content, ...]
    file_bytes: int
    small_files: int
    rounds: int
    readers: tuple[int, ...] = (8, 64)
    creators: tuple[int, ...] = (1, 8, 32)
    movers: tuple[int, ...] = (8, 32)
    loggers: tuple[int, ...] = (1, 8)
    filters: int = 100

    @classmethod
    def full(cls, seconds: float) -> "Effort":
        sizes = (Content(1_000, 1_000), Content(10_000, 10_000), Content(100_000, 10_000))
        return cls(seconds, sizes, 256 * MEBIBYTE, 500, 3)

    @classmethod
    def quick(cls) -> "Effort":
        """For a look at whether everything works."""
        few = (8,)
        return cls(1, (Content(200, 200),), 8 * MEBIBYTE, 50, 1, few, few, few, few, filters=2)


@dataclass(frozen=True, slots=True)
class Ground:
    """Measurements are functions from it to figures."""

    server: Server
    client: Client
    content: Content
    effort: Effort
    scratch: Path

    @property
    def label(self) -> str:
        return f"{self.server.configuration.side} {self.server.configuration.label}"


Measurement = Callable[[Ground], Iterator[Figure]]
