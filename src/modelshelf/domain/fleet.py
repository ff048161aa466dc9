"""The fleet: processes that load a model by its alias, and what they say of themselves."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from modelshelf.domain.errors import Invalid
from modelshelf.domain.names import alias_name, model_name, version_number
from modelshelf.domain.rollouts import Rollout, Route

HEARTBEAT_SECONDS: Final = 30
EXPIRY_MS: Final = 100_000
"""A loader that was silent for so long is not there any more: after three heartbeats that did not come."""

BEATS_LIMIT: Final = 1_000
SHOWN_LIMIT: Final = 5
_LENGTHS = {"loader": 64, "host": 255, "kind": 32, "digest": 80, "last_error": 1_000}


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """What a loader says of itself every half a minute."""

    loader: str
    """Of its own making, random: one per process and alias."""
    host: str
    model: str
    alias: str
    version: int
    digest: str = ""
    """The manifest that it loaded."""
    kind: str = "loader"
    loaded_ms: int = 0
    stale_since_ms: int | None = None
    """Since when it could not load what it should; None where it runs what the alias says."""
    last_error: str = ""


@dataclass(frozen=True, slots=True)
class Loader:
    """A loader as it was last heard of."""

    beat: Heartbeat
    seen_ms: int
    actor: str


@dataclass(frozen=True, slots=True)
class Placement:
    """One alias: what its loaders should run, and what they do run."""

    route: Route
    loaders: tuple[Loader, ...]
    rollout: Rollout | None = None
    """The one that is under way."""

    @property
    def wanted(self) -> frozenset[int]:
        """The versions that are right to run; none where the alias is gone."""
        return frozenset(number for number in (self.route.stable, self.route.target) if number)

    @property
    def summary(self) -> str:
        """`37 of 40 on v7, 3 still on v6: web-1, web-2, web-3`."""
        if not self.loaders:
            return "no loaders"
        counts = Counter(each.beat.version for each in self.loaders)
        right = [f"{counts[number]} of {len(self.loaders)} on v{number}" for number in sorted(self.wanted)]
        others = [
            f"{count} still on v{number}: {self._hosts(number)}"
            for number, count in sorted(counts.items())
            if number not in self.wanted
        ]
        return ", ".join([*right, "; ".join(others)] if others else right)

    def _hosts(self, number: int) -> str:
        hosts = sorted(each.beat.host for each in self.loaders if each.beat.version == number)
        more = len(hosts) - SHOWN_LIMIT
        return ", ".join(hosts[:SHOWN_LIMIT]) + (f" and {more} more" if more > 0 else "")


def checked_beats(beats: Sequence[Heartbeat]) -> list[Heartbeat]:
    """Heartbeats that can be kept. Raises Invalid, naming what is wrong."""
    if len(beats) > BEATS_LIMIT:
        raise Invalid(f"{len(beats)} heartbeats at once; the limit is {BEATS_LIMIT}", limit=BEATS_LIMIT)
    for beat in beats:
        model_name(beat.model)
        alias_name(beat.alias)
        if version_number(beat.version) < 1:
            raise Invalid("versions are numbered from 1 on", field="version")
        if not beat.loader:
            raise Invalid("a heartbeat names its loader", field="loader")
        for field, limit in _LENGTHS.items():
            if len(getattr(beat, field)) > limit or "\0" in getattr(beat, field):
                raise Invalid(f"the {field} of a heartbeat has at most {limit} characters, and no NUL", field=field)
        for moment in (beat.loaded_ms, beat.stale_since_ms or 0):
            if not 0 <= moment < 1 << 53:
                raise Invalid("times are milliseconds since the epoch", field="loaded_ms")
    return list(beats)
