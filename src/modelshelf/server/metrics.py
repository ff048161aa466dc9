"""Numbers for Prometheus: how long requests took, by route; kept in memory that all workers of a server can read."""

import mmap
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from modelshelf.services.measurements import Measurements

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
CLASSES = ("1xx", "2xx", "3xx", "4xx", "5xx")
OTHER = ("", "other")
CONTENT_TYPE = b"text/plain; version=0.0.4; charset=utf-8"

_SUM = len(BUCKETS) + 1
_FIRST_CLASS = _SUM + 1
_WIDTH = _FIRST_CLASS + len(CLASSES)

Label = tuple[str, str]


class Latencies:
    """Counts of one worker, in a file of the folder that the workers share.

    A label is a method and a route. Labels come in kinds, each with a file of its own; those of a kind are known at
    once, and are the same in all workers.
    """

    def __init__(self, labels: Iterable[Label], folder: Path) -> None:
        self._folder = folder
        self._labels: dict[str, Sequence[Label]] = {}
        self._places: dict[Label, tuple[memoryview[float], int]] = {}
        self.add("latencies", {*labels, OTHER})

    def add(self, kind: str, labels: Iterable[Label]) -> None:
        """Count requests with these labels, too."""
        ordered = sorted(set(labels))
        size = len(ordered) * _WIDTH * 8
        with (self._folder / f"{os.getpid()}.{kind}").open("w+b") as file:
            file.truncate(size)
            numbers = memoryview(mmap.mmap(file.fileno(), size)).cast("d")
        self._labels[kind] = ordered
        self._places.update({label: (numbers, index * _WIDTH) for index, label in enumerate(ordered)})

    def has(self, kind: str) -> bool:
        """Whether any worker counts labels of a kind."""
        return any(self._folder.glob(f"*.{kind}"))

    def note(self, label: Label, seconds: float, status: int) -> None:
        """Count a request."""
        place = self._places.get(label)
        numbers, first = self._places[OTHER] if place is None else place
        bucket = 0
        for bound in BUCKETS:
            if seconds <= bound:
                break
            bucket += 1
        numbers[first + bucket] += 1
        numbers[first + _SUM] += seconds
        numbers[first + _FIRST_CLASS + min(max(status // 100, 1), 5) - 1] += 1

    def text(self) -> list[str]:
        """The counts of all workers, as Prometheus reads them."""
        counts = [found for kind in self._labels for found in self._counts(kind)]
        lines = [
            "# HELP modelshelf_request_seconds How long requests took to be answered.",
            "# TYPE modelshelf_request_seconds histogram",
        ]
        for label, numbers in counts:
            lines += _histogram(label, numbers)
        lines += [
            "# HELP modelshelf_requests_total Requests by the class of their status.",
            "# TYPE modelshelf_requests_total counter",
        ]
        for label, numbers in counts:
            for name, count in zip(CLASSES, numbers[_FIRST_CLASS:], strict=True):
                if count:
                    lines.append(f'modelshelf_requests_total{{{_shown(label)},status="{name}"}} {int(count)}')
        return lines

    def _counts(self, kind: str) -> list[tuple[Label, list[float]]]:
        labels = self._labels[kind]
        total = [0.0] * (len(labels) * _WIDTH)
        for path in self._folder.glob(f"*.{kind}"):
            content = path.read_bytes()
            if len(content) == len(total) * 8:
                total = [mine + its for mine, its in zip(total, memoryview(content).cast("d"), strict=True)]
        return [(label, total[at * _WIDTH : (at + 1) * _WIDTH]) for at, label in enumerate(labels)]


def shelf_text(measured: Measurements) -> list[str]:
    """The numbers of the shelf itself, as Prometheus reads them."""
    return [
        "# HELP modelshelf_moves_total Moves of aliases and of stages since the shelf was made.",
        "# TYPE modelshelf_moves_total counter",
        f'modelshelf_moves_total{{slot="alias"}} {measured.alias_moves}',
        f'modelshelf_moves_total{{slot="stage"}} {measured.stage_moves}',
        "# HELP modelshelf_queue_age_seconds How long the oldest entry of a queue has been waiting.",
        "# TYPE modelshelf_queue_age_seconds gauge",
        f'modelshelf_queue_age_seconds{{queue="positions"}} {measured.waiting_event_ms / 1000:.3f}',
        f'modelshelf_queue_age_seconds{{queue="webhooks"}} {measured.waiting_delivery_ms / 1000:.3f}',
        "# HELP modelshelf_webhook_deliveries Deliveries to webhooks that wait, and that were given up.",
        "# TYPE modelshelf_webhook_deliveries gauge",
        f'modelshelf_webhook_deliveries{{state="waiting"}} {measured.waiting_deliveries}',
        f'modelshelf_webhook_deliveries{{state="dead"}} {measured.dead_deliveries}',
    ]


def _histogram(label: Label, numbers: Sequence[float]) -> list[str]:
    count = int(sum(numbers[:_SUM]))
    if not count:
        return []
    lines, so_far, shown = [], 0, _shown(label)
    for bound, its in zip(BUCKETS, numbers, strict=False):
        so_far += int(its)
        lines.append(f'modelshelf_request_seconds_bucket{{{shown},le="{bound}"}} {so_far}')
    lines.append(f'modelshelf_request_seconds_bucket{{{shown},le="+Inf"}} {count}')
    lines.append(f"modelshelf_request_seconds_sum{{{shown}}} {numbers[_SUM]:.6f}")
    lines.append(f"modelshelf_request_seconds_count{{{shown}}} {count}")
    return lines


def _shown(label: Label) -> str:
    method, route = (part.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ") for part in label)
    return f'method="{method}",route="{route}"'
