"""The local blob store in processes of its own: killed, racing, on disks that are full, read-only or forbidden."""

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from modelshelf.blobs.local import LocalBlobStore
from modelshelf.blobs.store import CHUNK
from modelshelf.domain import errors

SOURCES = str(Path(errors.__file__).parents[2])


def digest_of(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def unfinished(store: LocalBlobStore) -> list[Path]:
    return list((store.root / "incoming").iterdir())


def visible(store: LocalBlobStore) -> list[str]:
    return [held.digest for held in store.all_digests()]


def command(script: str, *arguments: object) -> list[str]:
    return [sys.executable, "-c", script, *map(str, arguments)]


def run(script: str, *arguments: object, cwd: Path, before: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*before, *command(script, *arguments)],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": SOURCES},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def answer(result: subprocess.CompletedProcess[str]) -> Any:
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


@pytest.fixture
def store(tmp_path: Path) -> LocalBlobStore:
    return LocalBlobStore(tmp_path / "blobs")


# Every step of a put that touches a file is reported to an audit hook; at the n-th one the process dies, or is
# interrupted, or the disk is full. One process tries each n in a fork of itself, until a put meets no n-th step.
AT_EVERY_STEP = """
import errno, itertools, os, signal, sys
from pathlib import Path
from modelshelf.blobs.local import LocalBlobStore

STEPS = {"open", "os.rename", "os.mkdir", "os.utime", "os.remove", "os.scandir"}

def fail_at(step, fault):
    count = itertools.count()
    def hook(event, arguments):
        if event in STEPS and next(count) == step:
            if fault == "kill":
                os.kill(os.getpid(), signal.SIGKILL)
            raise KeyboardInterrupt if fault == "interrupt" else OSError(errno.ENOSPC, "No space left on device")
    sys.addaudithook(hook)

fault, content = sys.argv[1], b"weights" * 300_000
for step in itertools.count():
    child = os.fork()
    if child == 0:
        store = LocalBlobStore(Path(str(step)))
        fail_at(step, fault)
        try:
            store.put([content[:1_000_000], content[1_000_000:]])
        except BaseException as error:
            print(type(error).__name__, flush=True)
            os._exit(1)
        os._exit(0)
    if os.waitpid(child, 0)[1] == 0:
        break
"""


@pytest.mark.parametrize("fault", ["kill", "interrupt", "full"])
def test_a_put_that_ends_at_any_step_leaves_a_whole_blob_or_none_and_can_be_repeated(
    tmp_path: Path, fault: str
) -> None:
    content = b"weights" * 300_000

    result = run(AT_EVERY_STEP, fault, cwd=tmp_path)

    assert result.returncode == 0, result.stderr
    assert (
        set(result.stdout.split())
        == {"kill": set(), "interrupt": {"KeyboardInterrupt"}, "full": {"StorageFull"}}[fault]
    )
    stores = [LocalBlobStore(folder) for folder in tmp_path.iterdir()]
    assert len(stores) >= 8
    for store in stores:
        if fault != "kill" and (store.root / "incoming").exists():
            assert unfinished(store) == []
        assert visible(store) in ([], [digest_of(content)])
        store.put([content])
        with store.open(digest_of(content)) as reader:
            assert reader.read() == content


KILLED_IN_THE_STREAM = """
import os, signal, sys
from pathlib import Path
from modelshelf.blobs.local import LocalBlobStore

def chunks(last):
    for number in range(10):
        if number == last:
            os.kill(os.getpid(), signal.SIGKILL)
        yield bytes([number]) * 300_000

LocalBlobStore(Path("blobs")).put(chunks(int(sys.argv[1])))
"""


@pytest.mark.parametrize("last", [0, 3, 4, 9])
def test_a_process_killed_in_mid_upload_leaves_only_a_temporary_file(
    store: LocalBlobStore, tmp_path: Path, last: int
) -> None:
    content = b"".join(bytes([number]) * 300_000 for number in range(10))

    result = run(KILLED_IN_THE_STREAM, last, cwd=tmp_path)

    assert result.returncode == -signal.SIGKILL
    assert visible(store) == []
    held_in_memory = last * 300_000 < CHUNK
    assert [path.stat().st_size for path in unfinished(store)] == ([] if held_in_memory else [last * 300_000])
    assert store.put([content]).digest == digest_of(content)


LIMITED_FILE_SIZE = """
import json, resource
from pathlib import Path
from modelshelf.blobs.local import LocalBlobStore
from modelshelf.domain.errors import StorageFull

store = LocalBlobStore(Path("blobs"))
small = store.put([b"small"]).digest
resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, resource.RLIM_INFINITY))
try:
    store.put([b"x" * 200_000] * 3)
except StorageFull as error:
    refusal = [error.code, error.message, error.details["folder"]]
left = len(list(Path("blobs/incoming").iterdir()))
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
again = store.put([b"x" * 200_000] * 3)
print(json.dumps([refusal, left, store.open(small).read().decode(), again.size]))
"""


def test_a_limit_on_file_size_is_reported_with_its_folder_and_heals_without_a_restart(tmp_path: Path) -> None:
    result = run(LIMITED_FILE_SIZE, cwd=tmp_path)

    (code, message, folder), left, small, size = answer(result)
    assert code == "storage_full"
    assert folder == "blobs/incoming"
    assert "blobs/incoming" in message
    assert "raise the limit" in message
    assert (left, small, size) == (0, "small", 600_000)


ON_A_SMALL_DISK = """
import json, os, subprocess
from pathlib import Path
from modelshelf.blobs.local import LocalBlobStore
from modelshelf.blobs.tree import materialise, upload
from modelshelf.domain.errors import StorageFull

subprocess.run(["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", "disk"], check=True)
store, refusals = LocalBlobStore(Path("disk/blobs")), []

def refused(attempt):
    try:
        attempt()
    except StorageFull as error:
        refusals.append([error.message, error.details["folder"]])

small = store.put([b"small"])
for size in (200_000, 500_000):
    Path("source").mkdir(exist_ok=True)
    Path(f"source/{size}").write_bytes(os.urandom(size))
refused(lambda: upload(Path("source"), store))
refused(lambda: store.put_file(Path("source/500000")))
left = len(list(Path("disk/blobs/incoming").iterdir()))
seen = [held.digest for held in store.all_digests()] == [small.digest]
other = LocalBlobStore(Path("other"))
manifest = upload(Path("source"), other)
refused(lambda: materialise(manifest, other, Path("disk/copies/model")))
left += len(list(Path("disk/copies").iterdir()))
again = store.put_file(Path("source/200000")).size
subprocess.run(["mount", "-o", "remount,ro", "disk"], check=True)
refused(lambda: store.put([b"more"]))
refused(lambda: store.delete(small.digest))
print(json.dumps([refusals, left, seen, again, store.open(small.digest).read().decode()]))
"""


def test_a_full_and_a_read_only_disk_are_reported_and_leave_nothing_half_visible(tmp_path: Path) -> None:
    attempt = ["unshare", "--mount", "mount", "-t", "tmpfs", "none", str(tmp_path)]
    if shutil.which("unshare") is None or subprocess.run(attempt, capture_output=True, check=False).returncode:
        pytest.skip("only root may mount a small disk here")
    (tmp_path / "disk").mkdir()

    result = run(ON_A_SMALL_DISK, cwd=tmp_path, before=("unshare", "--mount"))

    (batch, single, copies, put, delete), left, seen, again, small = answer(result)
    assert [folder for _, folder in (batch, single)] == ["disk/blobs/incoming"] * 2
    assert copies[1].startswith("disk/copies/.partial-")
    assert all("is full; free some space" in message for message, _ in (batch, single, copies))
    assert all("read-only" in message for message, _ in (put, delete))
    assert (left, seen, again, small) == (0, True, 200_000, "small")


AS_NOBODY = """
import json, os
from pathlib import Path
from modelshelf.blobs.local import LocalBlobStore
from modelshelf.domain.errors import StorageFull

old = LocalBlobStore(Path("open"), clock=lambda: 1_000)
shared = old.put([b"shared"]).digest
for folder in ("open", "open/incoming", "open/sha256", f"open/sha256/{shared[7:9]}"):
    os.chmod(folder, 0o777)
LocalBlobStore(Path("closed")).put([b"first"])
os.chmod("closed", 0o755)
os.mkdir("sealed", 0o755)
if os.getuid() == 0:
    os.setuid(65534)
else:
    for folder in ("closed/incoming", "sealed"):
        os.chmod(folder, 0o555)
refusals = []
for root in ("closed", "sealed/blobs"):
    try:
        LocalBlobStore(Path(root)).put([b"content"])
    except StorageFull as error:
        refusals.append(error.message)
store = LocalBlobStore(Path("open"), clock=lambda: 2_000)
store.touch(shared)
print(json.dumps([refusals, [held.touched_ms for held in store.all_digests()], store.open(shared).read().decode()]))
os.chmod("sealed", 0o755) if os.getuid() != 65534 else None
"""


def test_a_folder_closed_to_this_user_is_reported_and_a_shared_blob_can_still_be_kept_young(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)

    result = run(AS_NOBODY, cwd=tmp_path)

    refusals, touched, shared = answer(result)
    assert len(refusals) == 2
    assert all("is closed to this user; grant access" in message for message in refusals)
    assert refusals[0].startswith("the folder closed/incoming ")
    assert (touched, shared) == ([2_000], "shared")


PUT_THE_SAME = """
from pathlib import Path
from modelshelf.blobs.local import LocalBlobStore
store = LocalBlobStore(Path("blobs"))
for number in range(20):
    store.put([b"same%d" % number * 50_000])
"""


def test_processes_that_put_the_same_content_do_not_disturb_each_other(store: LocalBlobStore, tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": SOURCES}
    expected = sorted(digest_of(b"same%d" % number * 50_000) for number in range(20))

    processes = [subprocess.Popen(command(PUT_THE_SAME), cwd=tmp_path, env=environment) for _ in range(4)]
    codes = [process.wait(60) for process in processes]

    assert codes == [0] * 4
    assert visible(store) == expected
    assert unfinished(store) == []
    for digest in expected:
        with store.open(digest) as reader:
            assert digest_of(reader.read()) == digest
