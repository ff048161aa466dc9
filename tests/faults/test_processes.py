"""Several processes on one shelf, and what is left when one is killed."""

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from modelshelf.connect import connect

_REGISTER = """
import sys
from modelshelf.connect import connect
from modelshelf.domain.artifacts import FileEntry, Manifest

uri, artifacts, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
shelf = connect(uri, artifacts=artifacts)
print("ready", flush=True)
for n in range(count):
    digest, size = shelf.artifacts.upload([f"{sys.argv[4]}-{n}".encode() * 50])
    version = shelf.catalog.create_version("fraud", manifest=Manifest((FileEntry("weights", digest, size),)))
    shelf.governance.set_alias("fraud", "production", version.number)
    print(version.number, flush=True)
"""


def _start(uri: str, folder: Path, count: int, name: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", _REGISTER, uri, str(folder / "blobs"), str(count), name]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def _acknowledged(process: subprocess.Popen[str]) -> list[int]:
    output, _ = process.communicate(timeout=120)
    return [int(line) for line in output.splitlines() if line.isdigit()]


def test_processes_share_one_shelf_and_nothing_is_lost_or_repeated(database_uri: str, tmp_path: Path) -> None:
    with connect(database_uri, artifacts=str(tmp_path / "blobs")) as shelf:
        shelf.catalog.create_model("fraud")

        writers = [_start(database_uri, tmp_path, 15, f"writer{n}") for n in range(4)]
        numbers = [number for writer in writers for number in _acknowledged(writer)]

        assert sorted(numbers) == list(range(1, 61))
        assert len(shelf.governance.history("fraud")) == 60
        assert [event.position for event in shelf.events.after(0)] == list(range(1, 122))
        assert list(shelf.artifacts.verify()) == []


def test_a_killed_writer_leaves_every_acknowledged_version_and_no_half_one(database_uri: str, tmp_path: Path) -> None:
    seed = random.randrange(10_000)
    dice = random.Random(seed)
    print(f"seed {seed}")
    with connect(database_uri, artifacts=str(tmp_path / "blobs")) as shelf:
        shelf.catalog.create_model("fraud")
    acknowledged = 0

    for round_number in range(4):
        writer = _start(database_uri, tmp_path, 10_000, f"round{round_number}")
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n"
        for _ in range(dice.randrange(1, 40)):
            acknowledged = int(writer.stdout.readline())
        os.kill(writer.pid, signal.SIGKILL)
        rest = [int(line) for line in writer.stdout if line.strip().isdigit() and line.endswith("\n")]
        acknowledged = max([acknowledged, *rest])
        writer.wait()
        writer.stdout.close()

        with connect(database_uri, artifacts=str(tmp_path / "blobs")) as shelf:
            newest = shelf.catalog.latest_versions("fraud")[0].number
            for number in range(1, newest + 1):
                assert shelf.catalog.manifest("fraud", number) is not None
            assert newest in (acknowledged, acknowledged + 1)
            assert list(shelf.artifacts.verify()) == []
            assert shelf.catalog.model("fraud").aliases["production"] == shelf.governance.history("fraud")[0].after


def test_a_forked_child_writes_beside_its_parent(tmp_path: Path) -> None:
    with connect(f"sqlite:///{tmp_path}/shelf.db") as shelf:
        shelf.catalog.create_model("parent")
        child = os.fork()
        if child == 0:
            try:
                shelf.catalog.create_model("child")
                os._exit(0)
            finally:
                os._exit(1)

        _, status = os.waitpid(child, 0)

        assert os.waitstatus_to_exitcode(status) == 0
        shelf.catalog.create_model("parent again")
        assert shelf.catalog.model("child").name == "child"


@pytest.mark.parametrize("limit", [20_000, 60_000, 120_000])
def test_a_full_disk_is_named_and_leaves_older_data_whole(tmp_path: Path, limit: int) -> None:
    """A limit on the size of a file stands for a full disk: the kernel refuses the write in the same way."""
    uri = f"sqlite:///{tmp_path}/shelf.db"
    connect(uri).close()
    program = f"""
import resource, signal, sys
from modelshelf.connect import connect
from modelshelf.domain.errors import ShelfError
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
shelf = connect({uri!r})
shelf.catalog.create_model("before")
resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))
failed = None
for n in range(2000):
    try:
        shelf.catalog.create_model(f"model {{n}}", description="x" * 2000)
    except ShelfError as error:
        failed = error
        break
print(type(failed).__name__)
resource.setrlimit(resource.RLIMIT_FSIZE, (limit := resource.getrlimit(resource.RLIMIT_FSIZE)[1], limit))
print(shelf.catalog.model("before").name)
"""
    finished = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)

    assert finished.stdout.split() == ["StorageFull", "before"], finished.stderr
    with connect(uri) as shelf:
        shelf.catalog.create_model("after")
        assert shelf.catalog.model("before").name == "before"
