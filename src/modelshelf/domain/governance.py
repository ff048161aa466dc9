"""Moves of aliases and stages, and what the history of them implies."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum

from modelshelf.domain.errors import Conflict


class Slot(StrEnum):
    """What moves."""

    ALIAS = "alias"
    STAGE = "stage"
    ROUTE = "route"


class Cause(StrEnum):
    """Why a move happened."""

    SET = "set"
    PROMOTION = "promotion"
    ROLLBACK = "rollback"
    ROLLOUT = "rollout"
    ARCHIVED = "archived"  # another version took the stage
    VERSION_DELETED = "version deleted"
    MODEL_DELETED = "model deleted"


@dataclass(frozen=True, slots=True)
class Move:
    """One appended row of the ledger: an alias went from a version to another, or a version from a stage to another.

    For an alias `before` and `after` are version numbers (None: it pointed nowhere) and `version` is None; for a stage
    they are stage names and `version` is the version that moved; for a route they are the percent of the alias's
    traffic that go to the `version` that is rolled out.
    """

    model_id: int
    model: str
    slot: Slot
    before: int | str | None
    after: int | str | None
    time_ms: int
    actor: str
    reason: str
    cause: Cause
    alias: str | None = None
    version: int | None = None
    id: int = 0


@dataclass(frozen=True, slots=True)
class AliasPosition:
    """Where an alias points now, and by which move it came there."""

    model: str
    alias: str
    version: int
    move: int
    """Id of the alias's last move."""
    moved_ms: int
    moved_by: str


def rollback_target(moves: Sequence[Move], *, gone: Collection[int] = ()) -> int:
    """The version to go back to, from the alias's moves, the oldest first: where it was before it came to where it is.

    Earlier rollbacks are undone steps: after 1, 2, 3 and a rollback to 2, the next rollback goes to 1, not to 3.
    Versions that are `gone` (deleted since) are passed over. Raises Conflict when there is nothing before.
    """
    path: list[int] = []
    for move in moves:
        if not isinstance(move.after, int):
            continue
        if move.cause is Cause.ROLLBACK and move.after in path:
            del path[len(path) - path[::-1].index(move.after) :]
        elif not path or path[-1] != move.after:
            path.append(move.after)
    if not path:
        raise Conflict("there is nothing to roll back: the alias never pointed anywhere")
    current = moves[-1].after
    earlier = path if current is None else path[:-1]
    for number in reversed(earlier):
        if number not in gone and number != current:
            return number
    if earlier:
        raise Conflict("there is nothing to roll back to: the versions it pointed at before have all been deleted")
    raise Conflict(f"there is nothing to roll back to: version {current} is the first the alias pointed at")
