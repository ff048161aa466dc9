"""A lock between processes on one machine: the kernel queues the waiters and frees it when its holder dies."""

import fcntl
import os
import threading
from pathlib import Path

from modelshelf.domain.errors import Busy, StorageFull


class FileLock:
    """An exclusive lock on a file beside the database; one thread at a time may hold it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None

    def acquire(self, seconds: float) -> None:
        """Wait at most so long; raises Busy then."""
        descriptor = self._opened()
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._wait(descriptor, seconds)

    def _opened(self) -> int:
        if self._descriptor is None:
            try:
                self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
            except OSError as error:
                raise StorageFull(
                    f"cannot write {self._path}: {error.strerror}; choose a folder you may write in",
                    path=str(self._path),
                ) from error
        return self._descriptor

    def _wait(self, descriptor: int, seconds: float) -> None:
        """Block in a thread, as flock has no time-out; a waiter that gave up frees the lock when its thread gets it."""
        got, state = threading.Event(), threading.Lock()
        abandoned = False

        def block() -> None:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            with state:
                if abandoned:
                    os.close(descriptor)
                got.set()

        threading.Thread(target=block, name="modelshelf-file-lock", daemon=True).start()
        try:
            finished = got.wait(seconds)
        except BaseException:
            finished = False
            raise
        finally:
            with state:
                abandoned = not got.is_set()
                if got.is_set() and not finished:
                    fcntl.flock(descriptor, fcntl.LOCK_UN)
            if abandoned:
                self._descriptor = None  # the thread's: a lock belongs to the open file, so a retry opens another
        if not finished:
            raise Busy(f"waited {seconds:.0f} s for another process that writes the same database; try again")

    def release(self) -> None:
        if self._descriptor is not None:
            fcntl.flock(self._descriptor, fcntl.LOCK_UN)

    def close(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
