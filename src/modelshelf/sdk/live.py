"""What a follower has at a moment: the versions that are loaded, who gets which, and how it is doing."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from modelshelf.domain.rollouts import Route
from modelshelf.flavors.pyfunc_model import PyFuncModel


@dataclass(frozen=True, slots=True)
class Loaded:
    """A version that is ready to answer."""

    version: int
    digest: str
    model: PyFuncModel
    loaded_ms: int
    prepared: Any = None
    """What `prepare` made of it."""


@dataclass(frozen=True, slots=True)
class Live:
    """What answers now: replaced as a whole, so that a request sees one state of things."""

    route: Route
    models: Mapping[int, Loaded]

    @property
    def stable(self) -> Loaded:
        return self.models[self.route.stable]

    def choose(self, key: str) -> Loaded:
        """The version for a key; the stable one where the other is not ready."""
        return self.models.get(self.route.version_for(key)) or self.stable


@dataclass(frozen=True, slots=True)
class Answered:
    """A prediction, by which version, and the id under which its worth can be told later."""

    value: Any
    version: int
    request_id: str


@dataclass(frozen=True, slots=True)
class FollowerState:
    """How a follower is doing."""

    uri: str
    version: int | None
    """The version that answers; during a rollout the stable one."""
    target: int | None
    """The version that is being rolled out, if it is loaded."""
    weight: float
    stale_since: float | None
    """Seconds since the epoch since when it could not become what the alias says; None where all is well."""
    last_error: str
    loaded_at: float | None = field(default=None)
