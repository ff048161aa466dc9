"""What those see who watch over a shelf: pages of the ledger, and how the shelf is."""

from dataclasses import dataclass

from modelshelf.domain.events import Event


@dataclass(frozen=True, slots=True)
class LedgerPage:
    """Some of the ledger's events, the newest first."""

    events: tuple[Event, ...]
    before: int | None
    """The position below which it goes on; None where nothing is left."""
    is_whole: bool
    """False where the look back was broken off: what comes next may lie far behind."""


@dataclass(frozen=True, slots=True)
class Stored:
    """How many things of a kind there are, and their bytes; both are lower bounds where there are too many to count."""

    count: int
    bytes: int
    is_counted: bool = True


@dataclass(frozen=True, slots=True)
class LeaseHeld:
    """Work that one process does for all."""

    name: str
    holder: str
    until_ms: int


@dataclass(frozen=True, slots=True)
class ShelfHealth:
    """How a shelf is, as far as it can be told without going through it."""

    schema: int
    schema_ms: int
    """When it came to this schema."""
    database_bytes: int
    sealed: Stored
    """Manifests, with the sizes of their files: those that are the same are stored once, and counted each time."""
    files: Stored
    """Files in the changeable folders of runs and logged models."""
    events: int
    unsealed_events: int
    leases: tuple[LeaseHeld, ...]
