"""What became of requests while a rollout was under way: added up here, reported in batches."""

import logging
import math
import threading
from bisect import bisect_left

from modelshelf.domain.errors import Invalid, ShelfError, Unavailable
from modelshelf.domain.rollouts import REQUEST_ID, Report, Route
from modelshelf.domain.verdicts import LATENCY_BOUNDS, Outcomes, Sums
from modelshelf.services.registry import Registry

LARGEST_VALUE = 1e40
"""What a request can be worth at most: sums of squares of such values stay numbers."""

ROLLOUTS_KNOWN = 16
"""Of so many rollouts, the latest, what requests were worth is taken: their ids come from outside."""

_log = logging.getLogger("modelshelf.following")


class _Tally:
    """Of one version within one step."""

    def __init__(self) -> None:
        self.requests = self.errors = 0
        self.latency = [0] * (len(LATENCY_BOUNDS) + 1)
        self.sums = Sums()

    def add(self, other: "_Tally") -> None:
        self.requests += other.requests
        self.errors += other.errors
        self.latency = [one + more for one, more in zip(self.latency, other.latency, strict=True)]
        self.sums += other.sums

    def outcomes(self) -> Outcomes:
        return Outcomes(self.requests, self.errors, tuple(self.latency), self.sums)


class OutcomeTally:
    """Adds up outcomes until they are reported. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._tallies: dict[tuple[int, int, bool], _Tally] = {}
        self._rollouts: dict[int, int] = {}

    def know(self, route: Route) -> None:
        """Take what is told of requests that were answered by a route from now on."""
        if route.rollout is None or route.target is None:
            return
        with self._lock:
            self._rollouts.pop(route.rollout, None)
            self._rollouts[route.rollout] = route.step
            while len(self._rollouts) > ROLLOUTS_KNOWN:
                del self._rollouts[next(iter(self._rollouts))]

    def note(self, route: Route, version: int, *, seconds: float, failed: bool) -> None:
        """One request that a version answered, or failed to, while a route had two."""
        if route.rollout is None or route.target is None:
            return
        with self._lock:
            tally = self._tally(route.rollout, route.step, is_new=version == route.target)
            tally.requests += 1
            tally.errors += failed
            tally.latency[bisect_left(LATENCY_BOUNDS, seconds)] += 1

    def note_value(self, identity: str, value: float) -> bool:
        """What a request was worth in the end, of which more is better; whether its rollout is told by its id.

        The id carries the rollout, the step and the version, so nothing is kept per request. Raises Invalid for a
        value that is no number or too large.
        """
        if not math.isfinite(value) or abs(value) > LARGEST_VALUE:
            raise Invalid(f"what a request was worth is a number of at most {LARGEST_VALUE:g}, not {value}")
        match = REQUEST_ID.fullmatch(identity)
        if match is None or not match["rollout"]:
            return False
        rollout, step = int(match["rollout"]), int(match["step"])
        with self._lock:
            if step > self._rollouts.get(rollout, -1):
                return False
            tally = self._tally(rollout, step, is_new=match["side"] == "n")
            tally.sums += Sums(1, value, value * value)
        return True

    def report(self, registry: Registry) -> int:
        """Tell the registry what was added up; how many of the reports it took.

        What can't be told now is told later; what it refuses is not told again.
        """
        with self._lock:
            taken, self._tallies = self._tallies, {}
        steps = sorted({(rollout, step) for rollout, step, _ in taken})
        if not steps:
            return 0
        empty = _Tally()
        reports = [
            Report(
                rollout,
                step,
                taken.get((rollout, step, False), empty).outcomes(),
                taken.get((rollout, step, True), empty).outcomes(),
            )
            for rollout, step in steps
        ]
        try:
            return registry.rollouts.report(reports)
        except Unavailable as error:
            _log.warning("what became of the requests is not reported yet: %s", error.message)
        except ShelfError as error:
            _log.warning("the registry refuses what became of the requests: %s", error.message)
            return 0
        with self._lock:
            for (rollout, step, is_new), tally in taken.items():
                self._tally(rollout, step, is_new=is_new).add(tally)
        return 0

    def _tally(self, rollout: int, step: int, *, is_new: bool) -> _Tally:
        return self._tallies.setdefault((rollout, step, is_new), _Tally())
