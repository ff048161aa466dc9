"""How long the processes of a server live: no worker longer than the parent that listens for signals."""

import logging
import multiprocessing
import os
import signal
import threading
import time

GRACE_SECONDS = 25
"""How long workers may take to finish what is in flight before they are ended."""

_log = logging.getLogger("modelshelf.server")


def default_signals() -> None:
    """A worker begins with its parent's way with signals, by which it would outlive an early end of the parent."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)


def end_with_parent() -> None:
    """End this worker in order when its parent is gone, however that went."""
    watch = threading.Thread(target=_watch, args=(os.getppid(),), name="parent-watch", daemon=True)
    watch.start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(0.5)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(GRACE_SECONDS)
    os.kill(os.getpid(), signal.SIGKILL)


def end_alone() -> None:
    """Where there is no parent to see to it: when a signal comes, tell the application, and don't wait for ever.

    The event loop, which has set its own way with these signals before, goes on ending by it: Python calls what is set
    here besides.
    """
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _begin_to_end)


def _begin_to_end(_number: int, _frame: object) -> None:
    signal.alarm(GRACE_SECONDS)  # which ends the process
    os.kill(os.getpid(), signal.SIGUSR1)


def end_workers() -> None:
    """In the parent, when it no longer serves: see that no worker is left."""
    for worker in multiprocessing.active_children():
        _log.error("a worker was still there at the end", extra={"fields": {"worker": worker.pid}})
        worker.kill()
