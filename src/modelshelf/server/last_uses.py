"""When tokens were last used: noted behind the requests' backs, so that no request waits for a write."""

import logging
import threading
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor

from modelshelf.domain.errors import ShelfError

_log = logging.getLogger("modelshelf.server")


class LastUses:
    """Gathers ids of tokens while a write is on its way, and writes them together in one thread."""

    def __init__(self, write: Callable[[Collection[str]], None]) -> None:
        self._write = write
        self._lock = threading.Lock()
        self._waiting: set[str] = set()
        self._executor: ThreadPoolExecutor | None = None

    def note(self, token_id: str) -> None:
        """Have a token's use written soon. It is lost where the database refuses: a read must not fail for it."""
        with self._lock:
            is_scheduled = bool(self._waiting)
            self._waiting.add(token_id)
            if is_scheduled:
                return
            if self._executor is None:  # made late: threads don't survive the fork of a worker
                self._executor = ThreadPoolExecutor(1, thread_name_prefix="token-uses")
            self._executor.submit(self._flush)

    def _flush(self) -> None:
        with self._lock:
            ids, self._waiting = self._waiting, set()
        try:
            self._write(ids)
        except ShelfError as error:
            _log.warning("the last use of %d tokens was not noted: %s", len(ids), error.message)

    def close(self) -> None:
        """Write what is waiting."""
        with self._lock:
            executor, self._executor = self._executor, None
        if executor is not None:
            executor.shutdown()
