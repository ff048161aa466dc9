"""Where a version comes from and what became of it: one answer to who, when, from what, and what since."""

from dataclasses import dataclass

from modelshelf.domain.catalog import ModelVersion
from modelshelf.domain.events import Event
from modelshelf.domain.governance import Move
from modelshelf.domain.names import Stage
from modelshelf.domain.tracking import Run


@dataclass(frozen=True, slots=True)
class Provenance:
    """What the ledger and the shelf know about one version.

    `then` is the instant that was asked about, or else that of the registration.
    """

    model: str
    number: int
    registered_by: str
    registered_ms: int
    position: int | None
    """The registration's place in the ledger."""
    source: str
    run_id: str
    manifest: str | None
    version: ModelVersion | None
    """The version as it is now, with its stage and aliases; None where it was deleted."""
    run: Run | None
    """The run that made it, with its params and metrics, where it is on this shelf."""
    then_ms: int
    stage_then: Stage
    aliases_then: tuple[str, ...]
    moves: tuple[Move, ...]
    """The moves of the version, and of aliases to it and away from it, the oldest first."""
    decisions: tuple[Event, ...]
    """What else was recorded about it: refusals, requests, approvals, tags, its deletion; the oldest first."""
    more: bool
    """Whether there are more moves or decisions than were told: the oldest 1,000 of each are."""
