"""Rollouts: live traffic that goes over to a new version step by step, while an alias stays where it is."""

import hashlib
import json
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from modelshelf.domain.errors import Invalid
from modelshelf.domain.verdicts import ERROR_RATE, LATENCY_BOUNDS, Outcomes, Sums, Verdict

CANARY: Final = "canary"
"""The alias that names the new version while a rollout is under way."""

STEPS: Final = (5.0, 25.0, 50.0, 100.0)
STEPS_LIMIT: Final = 20
SHORTEST_STEP_MS: Final = 1_000
LONGEST_STEP_MS: Final = 30 * 24 * 3600 * 1000
KEY_LIMIT: Final = 1_024
"""Characters of a key by which requests are told apart."""

COUNT_LIMIT: Final = 10**12
OUTCOME_LIMIT: Final = 1e100

_BITS: Final = 64

REQUEST_ID: Final = re.compile(
    r"(?P<random>[0-9a-f]{16})-v(?P<version>\d{1,10})(?:-r(?P<rollout>\d{1,18})-(?P<step>\d{1,2})(?P<side>[on]))?"
)
"""The id of a request that was answered through an alias: which version answered, and in which step of a rollout."""


class RolloutState(StrEnum):
    """Where a rollout stands; only the first two have an effect on traffic."""

    RUNNING = "running"
    PAUSED = "paused"
    """Weights stay as they are until somebody resumes it."""
    FINISHED = "finished"
    """The alias has moved to the new version."""
    ABORTED = "aborted"
    """By somebody, or because the alias was moved by hand."""
    ROLLED_BACK = "rolled back"
    """By itself, because the new version was found worse."""

    @property
    def is_live(self) -> bool:
        return self in {RolloutState.RUNNING, RolloutState.PAUSED}


@dataclass(frozen=True, slots=True)
class Plan:
    """How a rollout goes about it."""

    steps: tuple[float, ...] = STEPS
    """Percent of the traffic, growing, the last one 100."""
    every_ms: int = 600_000
    """How long each step takes."""
    min_requests: int = 0
    """How many requests the new version has to answer within a step before the next one."""
    error_rate: float = ERROR_RATE
    """How often, at most, a version that is as good as the old one is rolled back."""
    shadow: bool = False
    """Whether the new version gets copies of the traffic, and none of its answers are served."""


@dataclass(frozen=True, slots=True)
class Rollout:
    """One rollout, as it stands."""

    id: int
    model_id: int
    model: str
    alias: str
    stable: int
    """The version that the alias points at."""
    target: int
    """The version that is rolled out."""
    plan: Plan
    state: RolloutState
    step: int
    """Index in the plan's steps."""
    salt: str
    started_ms: int
    started_by: str
    step_ms: int
    """When the step began; a pause is left out."""
    reason: str = ""
    ended_ms: int | None = None
    why: str = ""
    """Why it is paused, or how it ended."""
    verdict: Verdict | None = None
    """What was last found."""

    @property
    def weight(self) -> float:
        """Percent of the keys that are served by the new version."""
        return self.plan.steps[self.step] if self.state.is_live else 0.0

    @property
    def route(self) -> "Route":
        return Route(
            model=self.model,
            alias=self.alias,
            stable=self.stable,
            target=self.target if self.state.is_live else None,
            weight=self.weight,
            shadow=self.plan.shadow,
            salt=self.salt,
            rollout=self.id,
            step=self.step,
        )


@dataclass(frozen=True, slots=True)
class Route:
    """Which versions serve an alias now, and who gets which."""

    model: str
    alias: str
    stable: int
    target: int | None = None
    """The version that is being rolled out; None where nothing is."""
    weight: float = 0.0
    """Percent of the keys that go to the target; of copies, where it is a shadow."""
    shadow: bool = False
    salt: str = ""
    rollout: int | None = None
    step: int = 0

    def version_for(self, key: str) -> int:
        """The version that answers requests with a key: always the same one, until the weight has grown beyond it.

        Raises Invalid for a key that is too long.
        """
        if self.target is None or self.shadow or not self._chosen(key):
            return self.stable
        return self.target

    def shadow_for(self, key: str) -> int | None:
        """The version that gets a copy of requests with a key; None where none does."""
        return self.target if self.target is not None and self.shadow and self._chosen(key) else None

    def _chosen(self, key: str) -> bool:
        return place_of(key, salt=self.salt) * 100 < self.weight


def request_id(route: Route, version: int, random: bytes) -> str:
    """The id of a request that a version answers; `random` are eight bytes."""
    base = f"{random.hex()}-v{version}"
    if route.rollout is None or route.target is None:
        return base
    return f"{base}-r{route.rollout}-{route.step}{'n' if version == route.target else 'o'}"


def place_of(key: str, *, salt: str) -> float:
    """Where a key stands between 0 and 1: evenly spread, the same everywhere, and other in each rollout."""
    if len(key) > KEY_LIMIT:
        raise Invalid(f"the key has {len(key)} characters; the limit is {KEY_LIMIT}", limit=KEY_LIMIT)
    digest = hashlib.sha256(f"{salt}\0{key}".encode(errors="surrogatepass")).digest()
    return int.from_bytes(digest[: _BITS // 8]) / float(1 << _BITS)


def checked_plan(plan: Plan) -> Plan:
    """A plan that can be followed; a last step of 100 is added where it lacks. Raises Invalid."""
    steps = tuple(float(step) for step in plan.steps)
    if not steps or any(not 0 < step <= 100 for step in steps) or list(steps) != sorted(set(steps)):
        raise Invalid(f"the steps {_listed(plan.steps)} must grow, each above 0 and at most 100 percent", field="steps")
    if steps[-1] != 100:
        steps = (*steps, 100.0)
    if len(steps) > STEPS_LIMIT:
        raise Invalid(f"{len(steps)} steps; the limit is {STEPS_LIMIT}", field="steps")
    if not SHORTEST_STEP_MS <= plan.every_ms <= LONGEST_STEP_MS:
        raise Invalid("a step takes from a second to 30 days", field="every_ms")
    if not 0 <= plan.min_requests <= 10**12:
        raise Invalid("min_requests is a number of requests from 0 on", field="min_requests")
    if not 0 < plan.error_rate < 1:
        raise Invalid(f"the error rate {plan.error_rate} is not between 0 and 1", field="error_rate")
    return Plan(steps, plan.every_ms, plan.min_requests, plan.error_rate, plan.shadow)


def _listed(steps: Sequence[float]) -> str:
    return json.dumps(list(steps)[:STEPS_LIMIT])


@dataclass(frozen=True, slots=True)
class Report:
    """What became of the requests that one process answered lately, within one step of a rollout."""

    rollout: int
    step: int
    old: Outcomes = field(default_factory=Outcomes)
    new: Outcomes = field(default_factory=Outcomes)


def checked_report(report: Report) -> Report:
    """A report whose numbers can be. Raises Invalid, naming the field."""
    for side, outcomes in (("old", report.old), ("new", report.new)):
        _check_outcomes(side, outcomes)
    return report


def _check_outcomes(side: str, outcomes: Outcomes) -> None:
    if not 0 <= outcomes.errors <= outcomes.requests <= COUNT_LIMIT:
        raise Invalid(f"{side}: errors are at most the requests, and those from 0 to {COUNT_LIMIT}", field=side)
    if outcomes.latency and len(outcomes.latency) != len(LATENCY_BOUNDS) + 1:
        raise Invalid(
            f"{side}: a histogram of latencies has {len(LATENCY_BOUNDS) + 1} buckets, not {len(outcomes.latency)}; "
            "modelshelf.rollouts.LATENCY_BOUNDS tells their bounds",
            field=f"{side}.latency",
        )
    if any(not 0 <= count <= COUNT_LIMIT for count in outcomes.latency):
        raise Invalid(f"{side}: a bucket holds 0 to {COUNT_LIMIT} requests", field=f"{side}.latency")
    if sum(outcomes.latency) > outcomes.requests:
        raise Invalid(
            f"{side}: the latencies are of more than the {outcomes.requests} requests", field=f"{side}.latency"
        )
    _check_sums(side, outcomes.outcome)


def _check_sums(side: str, sums: Sums) -> None:
    if not 0 <= sums.count <= COUNT_LIMIT or not all(map(math.isfinite, (sums.total, sums.squares))):
        raise Invalid(f"{side}: the sums of an outcome are finite numbers", field=f"{side}.outcome")
    if sums.squares < 0 or max(abs(sums.total), sums.squares) > OUTCOME_LIMIT:
        raise Invalid(f"{side}: the sums of an outcome are at most {OUTCOME_LIMIT:g}", field=f"{side}.outcome")
    if sums.total * sums.total > sums.count * sums.squares * (1 + 1e-6):
        raise Invalid(
            f"{side}: no {sums.count} numbers have these sums: total is the sum of the values, squares that of their "
            "squares",
            field=f"{side}.outcome",
        )
