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

    A label is a method and a route; all labels are known from the start, and are the same in all workers.
    """

    def __init__(self, labels: Iterable[Label], folder: Path) -> None:
        self._labels: Sequence[Label] = (*sorted(set(labels)), OTHER)
        self._first = {label: index * _WIDTH for index, label in enumerate(self._labels)}
        self._folder = folder
        size = len(self._labels) * _WIDTH * 8
        path = folder / f"{os.getpid()}.latencies"
        with path.open("w+b") as file:
            file.truncate(size)
            self._numbers = memoryview(mmap.mmap(file.fileno(), size)).cast("d")

    def note(self, label: Label, seconds: float, status: int) -> None:
        """Count a request."""
        first = self._first.get(label)
        if first is None:
            first = self._first[OTHER]
        numbers, bucket = self._numbers, 0
        for bound in BUCKETS:
            if seconds <= bound:
                break
            bucket += 1
        numbers[first + bucket] += 1
        numbers[first + _SUM] += seconds
        numbers[first + _FIRST_CLASS + min(max(status // 100, 1), 5) - 1] += 1

    def text(self) -> list[str]:
        """The counts of all workers, as Prometheus reads them."""
        numbers = self._all()
        lines = [
            "# HELP modelshelf_request_seconds How long requests took to be answered.",
            "# TYPE modelshelf_request_seconds histogram",
        ]
        for label in self._labels:
            lines += _histogram(label, numbers[self._first[label] : self._first[label] + _WIDTH])
        lines += [
            "# HELP modelshelf_requests_total Requests by the class of their status.",
            "# TYPE modelshelf_requests_total counter",
        ]
        for label in self._labels:
            first = self._first[label] + _FIRST_CLASS
            for name, count in zip(CLASSES, numbers[first : first + len(CLASSES)], strict=True):
                if count:
                    lines.append(f'modelshelf_requests_total{{{_shown(label)},status="{name}"}} {int(count)}')
        return lines

    def _all(self) -> list[float]:
        total = [0.0] * (len(self._labels) * _WIDTH)
        for path in self._folder.glob("*.latencies"):
            content = path.read_bytes()
            if len(content) == len(total) * 8:
                total = [mine + its for mine, its in zip(total, memoryview(content).cast("d"), strict=True)]
        return total


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
