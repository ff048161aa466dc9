"""What pages show at once: summaries of many points, and a model as it was at a moment."""

from dataclasses import dataclass, field
from enum import StrEnum

from modelshelf.domain.governance import Move


class Axis(StrEnum):
    """What a curve runs along."""

    STEP = "step"
    TIME = "time"
    VERSION = "version"


@dataclass(frozen=True, slots=True)
class Bucket:
    """Neighbouring points as one: from the first to the last place, the lowest and the highest value.

    `low` and `high` are None where all of its points are NaN.
    """

    first: int
    last: int
    low: float | None
    high: float | None
    points: int = 1
    nans: int = 0


@dataclass(frozen=True, slots=True)
class Curve:
    """A metric along an axis, in so few buckets that it can be drawn; `points` is how many there are in all."""

    key: str
    axis: Axis
    buckets: tuple[Bucket, ...] = ()

    @property
    def points(self) -> int:
        return sum(bucket.points for bucket in self.buckets)


@dataclass(frozen=True, slots=True)
class PastModel:
    """A registered model as it was at an instant."""

    id: int
    name: str
    at_ms: int
    created_ms: int
    description: str
    tags: dict[str, str] = field(default_factory=dict)
    aliases: tuple[Move, ...] = ()
    """The move that had brought each alias where it was."""
    stages: dict[int, str] = field(default_factory=dict)
    """The versions that were in another stage than None."""
    newest: int | None = None
    deleted_since: tuple[int, ...] = ()
    """Versions that were there, and are not any more."""
