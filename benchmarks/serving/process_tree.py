"""A process and all that it started: CPU time, memory, and its end."""

import os
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_MEBIBYTE_IN_KIB = 1024


@dataclass(frozen=True, slots=True)
class Memory:
    """In MiB. `rss` counts a page once for each process that maps it, `pss` once in all."""

    rss: float
    pss: float


def members(root: int) -> list[int]:
    """The process and its descendants that are alive."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            fields = _stat(int(entry.name))
            if fields:
                children.setdefault(int(fields[1]), []).append(int(entry.name))
    found, waiting = [], [root]
    while waiting:
        pid = waiting.pop()
        found.append(pid)
        waiting += children.get(pid, [])
    return found


def cpu_seconds(root: int) -> float:
    """What the whole tree has used, in user mode and in the kernel."""
    used = [_stat(pid) for pid in members(root)]
    return sum(int(fields[11]) + int(fields[12]) for fields in used if fields) / _TICKS


def memory(root: int) -> Memory:
    """What the whole tree holds now."""
    rss = pss = 0
    for pid in members(root):
        try:
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        except OSError:
            continue
        amounts = {line.partition(":")[0]: line.split()[1] for line in lines[1:]}
        rss += int(amounts["Rss"])
        pss += int(amounts["Pss"])
    return Memory(rss / _MEBIBYTE_IN_KIB, pss / _MEBIBYTE_IN_KIB)


def end(process: "subprocess.Popen[bytes]", *, patience: float = 15) -> None:
    """Ask the process to end, and kill what of its tree is still there afterwards."""
    tree = members(process.pid)
    process.terminate()
    try:
        process.wait(patience)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    deadline = time.monotonic() + 2
    left = [pid for pid in tree if pid != process.pid]
    while left and time.monotonic() < deadline:
        time.sleep(0.05)
        left = [pid for pid in left if _is_running(pid)]
    for pid in left:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue


def _is_running(pid: int) -> bool:
    fields = _stat(pid)
    return bool(fields) and fields[0] != "Z"


def _stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat from the state on; nothing where the process is gone."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return []
    return text.rpartition(")")[2].split()
