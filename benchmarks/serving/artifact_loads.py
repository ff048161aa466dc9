"""Files on their way up and down: one big one, many small ones, by plain requests and by each side's own SDK."""

import os
import random
import statistics
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from serving import wrk
from serving.content import EXPERIMENT
from serving.figures import Figure
from serving.ground import MEBIBYTE, Ground
from serving.servers import environment

SMALL = 4096
_BLOCK = 4 * MEBIBYTE
# The same program for both SDKs; what it takes to import them is not counted.
_SDK = """
import os, sys, tempfile, time
import {library} as lib
client = lib.MlflowClient({url!r})
run, folder = {run!r}, {folder!r}
client.get_run(run)
start = time.perf_counter()
client.log_artifacts(run, folder, {name!r})
up = time.perf_counter() - start
with tempfile.TemporaryDirectory(dir={scratch!r}) as into:
    start = time.perf_counter()
    client.download_artifacts(run, {name!r}, into)
    down = time.perf_counter() - start
    found = [os.path.join(at, file) for at, _, files in os.walk(into) for file in files]
    assert len(found) == len(os.listdir(folder)), found
    assert sum(map(os.path.getsize, found)) == sum(os.path.getsize(os.path.join(folder, f)) for f in os.listdir(folder))
print(up, down)
"""


def files(ground: Ground) -> Iterator[Figure]:
    """Uploads and downloads; each upload has bytes of its own."""
    yield from _big(ground)
    yield from _small(ground)
    yield from _by_sdk(ground)


def make_big(path: Path, size: int, mark: bytes) -> None:
    """A file of random bytes; every block of it is marked, so that no two files share one."""
    block = bytearray(random.Random(7).randbytes(min(size, _BLOCK)))
    with path.open("wb") as file:
        for start in range(0, size, len(block)):
            block[:24] = mark[:16].ljust(16, b"\0") + start.to_bytes(8, "big")
            file.write(block)


def _root(ground: Ground) -> str:
    return f"/api/2.0/mlflow-artifacts/artifacts/{EXPERIMENT}/{ground.content.run_id(0)}/artifacts"


def _big(ground: Ground) -> Iterator[Figure]:
    size, up, down = ground.effort.file_bytes, [], []
    path = ground.scratch / "big.bin"
    for number in range(ground.effort.rounds):
        make_big(path, size, os.urandom(16))
        up.append(ground.client.upload(f"{_root(ground)}/big/{number}.bin", path))
        down.append(ground.client.download(f"{_root(ground)}/big/{number}.bin", size))
    path.unlink()
    what = f"one file of {size // MEBIBYTE} MiB"
    yield Figure(f"upload {what}, plain PUT", size / MEBIBYTE / statistics.median(up), "MiB/s")
    yield Figure(f"download {what}, plain GET", size / MEBIBYTE / statistics.median(down), "MiB/s")


def _small(ground: Ground) -> Iterator[Figure]:
    mark = os.urandom(8).hex()
    text = f"'{mark}' .. counter .. string.rep('x', {SMALL - 32})"
    for clients in ground.effort.loggers:
        put = wrk.Load((f"{_root(ground)}/puts-{clients}/COUNTER.bin",), "PUT", text)
        outcome = wrk.load(ground.server, put, connections=clients, seconds=ground.effort.seconds)
        yield outcome.rate(f"upload files of 4 KiB, plain PUT, {clients} client{'s' if clients > 1 else ''}", "files/s")
    # One that was answered in the middle of the last load.
    get = wrk.Load((f"{_root(ground)}/puts-8/{max(1, outcome.requests // 2)}.bin",))
    outcome = wrk.load(ground.server, get, connections=8, seconds=ground.effort.seconds)
    yield outcome.rate("download files of 4 KiB, plain GET, 8 clients", "files/s")


def _by_sdk(ground: Ground) -> Iterator[Figure]:
    effort, up, down = ground.effort, list[float](), list[float]()
    for number in range(effort.rounds):
        taken = _sdk(ground, f"small-{number}", [SMALL] * effort.small_files)
        up.append(taken[0])
        down.append(taken[1])
    what, count = f"{effort.small_files} files of 4 KiB, own SDK", effort.small_files
    yield Figure(f"upload {what}", count / statistics.median(up), "files/s")
    yield Figure(f"download {what}", count / statistics.median(down), "files/s")
    taken = _sdk(ground, "big-sdk", [effort.file_bytes])
    size = effort.file_bytes / MEBIBYTE
    yield Figure(f"upload one file of {size:.0f} MiB, own SDK", size / taken[0], "MiB/s")
    yield Figure(f"download one file of {size:.0f} MiB, own SDK", size / taken[1], "MiB/s")


def _sdk(ground: Ground, name: str, sizes: list[int]) -> tuple[float, float]:
    """Seconds that the side's own client takes to log a folder and to download it."""
    folder = ground.scratch / name
    folder.mkdir()
    for number, size in enumerate(sizes):
        make_big(folder / f"{number}.bin", size, os.urandom(16))
    configuration = ground.server.configuration
    program = _SDK.format(
        library=configuration.side,
        url=ground.server.url,
        run=ground.content.run_id(1),
        folder=str(folder),
        name=name,
        scratch=str(ground.scratch),
    )
    done = subprocess.run(
        [configuration.python, "-c", program],
        capture_output=True,
        text=True,
        check=False,
        env=environment(configuration.side),
    )
    for file in folder.iterdir():
        file.unlink()
    folder.rmdir()
    if done.returncode:
        sys.exit(f"the SDK of {configuration.side} failed:\n{done.stderr[-3000:]}")
    up, down = done.stdout.split()[-2:]
    return float(up), float(down)
