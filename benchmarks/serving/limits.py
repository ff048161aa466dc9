"""What the machine itself can do: the bounds that no server passes."""

import hashlib
import os
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from serving.artifact_loads import make_big
from serving.figures import Figure
from serving.ground import MEBIBYTE, Effort

SHARED = 32
_PAGE = b"x" * 4096


def of_disk(folder: Path, effort: Effort) -> Iterator[Figure]:
    """Syncs, commits, and a copy."""
    yield Figure("fdatasync after a 4 KiB append", _syncs(folder / "syncs", effort.seconds), "/s")
    yield Figure("SQLite commit, synchronous=FULL, one row", _commits(folder / "one.db", effort.seconds, 1), "/s")
    shared = _commits(folder / "shared.db", effort.seconds, SHARED) * SHARED
    yield Figure(f"SQLite rows, synchronous=FULL, {SHARED} rows to a commit", shared, "/s")
    yield from _copies(folder, effort.file_bytes)


def _rate(action: Callable[[], None], seconds: float) -> float:
    start, count = time.perf_counter(), 0
    while time.perf_counter() - start < seconds:
        action()
        count += 1
    return count / (time.perf_counter() - start)


def _syncs(path: Path, seconds: float) -> float:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def append() -> None:
        os.write(descriptor, _PAGE)
        os.fdatasync(descriptor)

    try:
        return _rate(append, seconds)
    finally:
        os.close(descriptor)


def _commits(path: Path, seconds: float, rows: int) -> float:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("CREATE TABLE entries (id INTEGER PRIMARY KEY, text TEXT)")

    def commit() -> None:
        connection.execute("BEGIN IMMEDIATE")
        for _ in range(rows):
            connection.execute("INSERT INTO entries (text) VALUES (?)", ("a row of some length, as rows are",))
        connection.execute("COMMIT")

    try:
        return _rate(commit, seconds)
    finally:
        connection.close()


def _copies(folder: Path, size: int) -> Iterator[Figure]:
    source, copy, mebibytes = folder / "big.bin", folder / "copy.bin", size / MEBIBYTE
    make_big(source, size, os.urandom(16))
    subprocess.run(["sync", str(source)], check=True)
    for name, commands in {
        f"cp of {mebibytes:.0f} MiB": [["cp", str(source), str(copy)]],
        f"cp and sync of {mebibytes:.0f} MiB": [["cp", str(source), str(copy)], ["sync", "-d", str(copy)]],
    }.items():
        start = time.perf_counter()
        for command in commands:
            subprocess.run(command, check=True)
        yield Figure(name, mebibytes / (time.perf_counter() - start), "MiB/s")
        copy.unlink(missing_ok=True)
    start = time.perf_counter()
    with source.open("rb") as file:
        hashlib.file_digest(file, "sha256")
    yield Figure(f"SHA-256 of {mebibytes:.0f} MiB", mebibytes / (time.perf_counter() - start), "MiB/s")
    source.unlink()
