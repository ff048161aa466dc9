"""From nothing to the first answer, and what a server then holds in memory."""

import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from serving import process_tree
from serving.client import Client
from serving.figures import Figure
from serving.servers import Configuration, running

_SETTLED_SECONDS = 1.0


def startup(configuration: Configuration, *, rounds: int, name: str) -> Iterator[Figure]:
    """On an empty directory each time."""
    times, held = [], []
    for _ in range(rounds):
        with tempfile.TemporaryDirectory(prefix="bench-start-") as folder:
            start = time.perf_counter()
            with running(configuration, Path(folder)) as server:
                client = Client(server.port)
                client.get("/registered-models/search", max_results=1)
                times.append(time.perf_counter() - start)
                time.sleep(_SETTLED_SECONDS)
                held.append(process_tree.memory(server.process.pid))
                client.close()
    yield Figure(f"start-up on an empty directory, {name}", statistics.median(times), "s", less_is_better=True)
    rss, pss = statistics.median(one.rss for one in held), statistics.median(one.pss for one in held)
    yield memory_figure(f"memory at rest, {name}", process_tree.Memory(rss, pss))


def memory_figure(measure: str, held: process_tree.Memory) -> Figure:
    return Figure(measure, held.rss, "MiB", less_is_better=True, details={"pss_mib": held.pss})
