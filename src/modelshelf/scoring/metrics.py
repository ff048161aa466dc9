"""Numbers of a scorer for Prometheus, by version; kept in files that all its workers can read."""

import contextlib
import mmap
import os
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from modelshelf.sdk.live import FollowerState

CONTENT_TYPE: Final = ("content-type", "text/plain; version=0.0.4; charset=utf-8")
BUCKETS: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
OUTCOMES: Final = ("ok", "refused", "failed")
"""Answered; the request was at fault; the model was."""

_SUM = len(BUCKETS) + 1
_FIRST_OUTCOME = _SUM + 1
_WIDTH = _FIRST_OUTCOME + len(OUTCOMES)


@dataclass(frozen=True, slots=True)
class WorkerState:
    """What one worker runs."""

    state: FollowerState
    started: float


class Scores:
    """The numbers of one worker: a file of counts for each version, and one that tells what it runs."""

    def __init__(self, folder: Path, model: str) -> None:
        self._folder, self._model, self._started = folder, model, time.time()
        self._counts: dict[int, memoryview[float]] = {}
        self._told: FollowerState | None = None

    def note(self, version: int, seconds: float, outcome: str) -> None:
        """Count a request that a version was asked."""
        numbers = self._counts.get(version)
        if numbers is None:
            numbers = self._counts[version] = self._opened(version)
        bucket = 0
        for bound in BUCKETS:
            if seconds <= bound:
                break
            bucket += 1
        numbers[bucket] += 1
        numbers[_SUM] += seconds
        numbers[_FIRST_OUTCOME + OUTCOMES.index(outcome)] += 1

    def tell(self, state: FollowerState) -> None:
        """Let the other workers know what this one runs, where that has changed."""
        if state == self._told:
            return
        path = self._folder / f"{os.getpid()}.state"
        coming = path.with_suffix(".coming")
        with contextlib.suppress(OSError):  # a full disk must not stop predictions
            coming.write_bytes(msgspec.json.encode(WorkerState(state, self._started)))
            coming.replace(path)
            self._told = state

    def text(self) -> bytes:
        """The numbers of all workers, as Prometheus reads them."""
        return "\n".join([*self._requests(), *_states(self._model, self._workers()), ""]).encode()

    def _opened(self, version: int) -> "memoryview[float]":
        path = self._folder / f"{os.getpid()}-{version}.counts"
        with path.open("w+b") as file:
            file.truncate(_WIDTH * 8)
            return memoryview(mmap.mmap(file.fileno(), _WIDTH * 8)).cast("d")

    def _requests(self) -> list[str]:
        total: defaultdict[int, list[float]] = defaultdict(lambda: [0.0] * _WIDTH)
        for path in self._folder.glob("*.counts"):
            content = path.read_bytes()
            if len(content) == _WIDTH * 8:
                version = int(path.stem.rpartition("-")[2])
                total[version] = [a + b for a, b in zip(total[version], memoryview(content).cast("d"), strict=True)]
        lines = [
            "# HELP modelshelf_scoring_requests_total Requests that a version was asked, by what came of them.",
            "# TYPE modelshelf_scoring_requests_total counter",
        ]
        for version, numbers in sorted(total.items()):
            for at, outcome in enumerate(OUTCOMES):
                count = int(numbers[_FIRST_OUTCOME + at])
                labels = _labels(self._model, version, outcome=outcome)
                lines.append(f"modelshelf_scoring_requests_total{labels} {count}")
        lines += [
            "# HELP modelshelf_scoring_request_seconds How long a version took to answer.",
            "# TYPE modelshelf_scoring_request_seconds histogram",
        ]
        for version, numbers in sorted(total.items()):
            lines += _histogram(self._model, version, numbers)
        return lines

    def _workers(self) -> list[FollowerState]:
        found = []
        for path in self._folder.glob("*.state"):
            with contextlib.suppress(OSError, msgspec.DecodeError):
                os.kill(int(path.stem), 0)  # raises where the worker is gone
                found.append(msgspec.json.decode(path.read_bytes(), type=WorkerState).state)
        return found


def _labels(model: str, version: int | None, **more: str) -> str:
    shown = model.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    given = {"model": shown, **({} if version is None else {"version": str(version)}), **more}
    return "{" + ",".join(f'{name}="{value}"' for name, value in given.items()) + "}"


def _histogram(model: str, version: int, numbers: Sequence[float]) -> list[str]:
    name, lines, so_far = "modelshelf_scoring_request_seconds", [], 0
    for bound, count in zip((*BUCKETS, "+Inf"), numbers, strict=False):
        so_far += int(count)
        lines.append(f"{name}_bucket{_labels(model, version, le=str(bound))} {so_far}")
    lines.append(f"{name}_sum{_labels(model, version)} {numbers[_SUM]:.6f}")
    lines.append(f"{name}_count{_labels(model, version)} {so_far}")
    return lines


def _states(model: str, states: Sequence[FollowerState]) -> list[str]:
    running: defaultdict[tuple[int, str], int] = defaultdict(int)
    for state in states:
        if state.version is not None:
            running[state.version, "stable"] += 1
        if state.target is not None:
            running[state.target, "target"] += 1
    stale = [state.stale_since for state in states if state.stale_since is not None]
    seconds = max(0.0, time.time() - min(stale)) if stale else 0.0
    return [
        "# HELP modelshelf_scoring_model_info How many workers run a version, and as what.",
        "# TYPE modelshelf_scoring_model_info gauge",
        *(
            f"modelshelf_scoring_model_info{_labels(model, version, role=role)} {count}"
            for (version, role), count in sorted(running.items())
        ),
        "# HELP modelshelf_scoring_rollout_percent Percent of the requests that go to the version being rolled out.",
        "# TYPE modelshelf_scoring_rollout_percent gauge",
        f"modelshelf_scoring_rollout_percent{_labels(model, None)} {max((s.weight for s in states), default=0.0):g}",
        "# HELP modelshelf_scoring_stale_workers Workers that could not become what the alias says.",
        "# TYPE modelshelf_scoring_stale_workers gauge",
        f"modelshelf_scoring_stale_workers{_labels(model, None)} {len(stale)}",
        "# HELP modelshelf_scoring_stale_seconds For how long the first of them could not.",
        "# TYPE modelshelf_scoring_stale_seconds gauge",
        f"modelshelf_scoring_stale_seconds{_labels(model, None)} {seconds:.1f}",
    ]
