"""What a fleet costs a server: loaders that send heartbeats, and outcomes while a rollout is under way.

    python benchmarks/fleet.py [--loaders 2000] [--seconds 60] [--uri sqlite:////tmp/fleet/shelf.db] [--json out.json]

A real `modelshelf server` with one worker, and loaders in this process. Each sends a heartbeat every 30 seconds, half
as long again at random, over a connection of its own. What is told is the time of the processor that the server's
processes took, as a share of one core: with nothing to do, with heartbeats, and, as while a rollout is under way, with
a report every five seconds from each as well. Streams of events are closed.
"""

import argparse
import asyncio
import json
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from modelshelf.connect import connect
from modelshelf.domain.fleet import HEARTBEAT_SECONDS
from modelshelf.domain.verdicts import LATENCY_BOUNDS

REPORT_SECONDS = 5.0


@dataclass
class Answers:
    """What the server answered, and how long it took."""

    seconds: list[float] = field(default_factory=list)
    failed: int = 0


@contextmanager
def server(uri: str, folder: Path) -> Iterator[tuple[int, int]]:
    """A server's port and process id."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = int(taken.getsockname()[1])
    command = [sys.executable, "-m", "modelshelf", "server", "--port", str(port), "--backend-store-uri", uri]
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen([*command, *_files(uri, folder)], stdout=log, stderr=subprocess.STDOUT)
    try:
        for _ in range(600):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5).close()
                break
            except OSError:
                time.sleep(0.05)
        else:
            raise SystemExit((folder / "server.log").read_text())
        yield port, process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(40)


def _files(uri: str, folder: Path) -> list[str]:
    return [] if uri.startswith("sqlite:") else ["--artifacts-destination", str(folder / "files")]


def busy_seconds(pid: int) -> float:
    """The processor time of a process and of those it started."""
    ticks = 0
    for each in [pid, *_below(pid)]:
        numbers = Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split()
        ticks += int(numbers[11]) + int(numbers[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def _below(pid: int) -> list[int]:
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            found += [int(child), *_below(int(child))]
    return found


class Connection:
    """One loader's connection, which it keeps, as the loaders' client does."""

    def __init__(self, port: int, answers: Answers) -> None:
        self._port, self._answers = port, answers
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def post(self, path: str, body: object) -> None:
        content = json.dumps(body).encode()
        head = (
            f"POST /api/v1{path} HTTP/1.1\r\nHost: 127.0.0.1:{self._port}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(content)}\r\n\r\n"
        )
        began = time.perf_counter()
        for _ in range(2):  # a connection that the server closed meanwhile is opened anew
            try:
                status = await self._ask(head.encode() + content)
            except (OSError, asyncio.IncompleteReadError):
                self._streams = None
                continue
            self._answers.failed += not 200 <= status < 300
            break
        else:
            self._answers.failed += 1
        self._answers.seconds.append(time.perf_counter() - began)

    async def _ask(self, request: bytes) -> int:
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self._port)
        reader, writer = self._streams
        writer.write(request)
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        await reader.readexactly(int(head.partition("content-length: ")[2].partition("\r")[0] or 0))
        return int(head.split()[1])

    def close(self) -> None:
        if self._streams is not None:
            self._streams[1].close()


async def loader(port: int, number: int, until: float, rollout: int | None, answers: Answers) -> None:
    """One loader's life: it is somewhere between two heartbeats when the measurement begins."""
    dice, connection = random.Random(number), Connection(port, answers)
    beat = time.monotonic() + dice.random() * HEARTBEAT_SECONDS * 1.25
    report = time.monotonic() + dice.random() * REPORT_SECONDS if rollout is not None else float("inf")
    while min(beat, report) < until:
        await asyncio.sleep(max(0.0, min(beat, report) - time.monotonic()))
        if beat <= report:
            beat += HEARTBEAT_SECONDS * (1 + dice.random() / 2)
            await connection.post("/loaders/heartbeats", {"beats": [_heartbeat(number)]})
        else:
            report += REPORT_SECONDS * (1 + dice.random() / 2)
            await connection.post("/rollouts/reports", {"reports": [_report(rollout, dice)]})
    connection.close()


def _heartbeat(number: int) -> dict[str, object]:
    return {
        "loader": f"{number:032x}",
        "host": f"web-{number}",
        "model": "fraud",
        "alias": "production",
        "version": 1,
        "digest": f"sha256:{'0' * 64}",
        "kind": "scorer",
        "loaded_ms": 1,
    }


def _report(rollout: int | None, dice: random.Random) -> dict[str, object]:
    def side(requests: int) -> dict[str, object]:
        latency = [0] * (len(LATENCY_BOUNDS) + 1)
        for _ in range(requests):
            latency[dice.randrange(10, 20)] += 1
        errors = sum(dice.random() < 0.01 for _ in range(requests))
        return {"requests": requests, "errors": errors, "latency": latency}

    return {"rollout": rollout, "step": 0, "old": side(19), "new": side(1)}


async def fleet(port: int, loaders: int, seconds: float, rollout: int | None) -> Answers:
    answers, until = Answers(), time.monotonic() + seconds
    await asyncio.gather(*(loader(port, number, until, rollout, answers) for number in range(loaders)))
    await asyncio.sleep(max(0.0, until - time.monotonic()))
    return answers


def measured(name: str, port: int, pid: int, loaders: int, seconds: float, rollout: int | None) -> dict[str, object]:
    before, began = busy_seconds(pid), time.monotonic()
    answers = asyncio.run(fleet(port, loaders, seconds, rollout))
    share = (busy_seconds(pid) - before) / (time.monotonic() - began)
    times = sorted(answers.seconds) or [0.0]
    result: dict[str, object] = {
        "load": name,
        "loaders": loaders,
        "requests_per_second": len(answers.seconds) / seconds,
        "failed": answers.failed,
        "share_of_a_core": share,
        "p50_ms": 1000 * times[len(times) // 2],
        "p99_ms": 1000 * times[len(times) * 99 // 100],
    }
    print(
        f"{name:28} {result['requests_per_second']:7.1f} requests/s  {share:6.1%} of a core  "
        f"p50 {result['p50_ms']:.1f} ms  p99 {result['p99_ms']:.1f} ms  {answers.failed} failed"
    )
    return result


def prepare(uri: str) -> None:
    with connect(uri) as shelf:
        shelf.catalog.create_model("fraud")
        for _ in range(2):
            shelf.catalog.create_version("fraud", source="s3://bucket/model")
        shelf.governance.set_alias("fraud", "production", 1)


def start_rollout(uri: str) -> int:
    with connect(uri) as shelf:
        return shelf.rollouts.start("fraud", 2, alias="production", every_ms=86_400_000).id


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--loaders", type=int, default=2000)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--uri", help="an empty database; a new SQLite file where it is not named")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="fleet-") as place:
        uri = options.uri or f"sqlite:///{place}/shelf.db"
        prepare(uri)
        with server(uri, Path(place)) as (port, pid):
            time.sleep(2)
            results = [measured("nothing to do", port, pid, 0, min(10, options.seconds), None)]
            results.append(measured("heartbeats", port, pid, options.loaders, options.seconds, None))
            rollout = start_rollout(uri)
            results.append(measured("heartbeats and reports", port, pid, options.loaders, options.seconds, rollout))
    if options.json:
        options.json.write_text(json.dumps(results, indent=2))


if __name__ == "__main__":
    main()
