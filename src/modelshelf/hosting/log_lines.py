"""Lines of log on their way out: whoever adds one doesn't wait for it to be written."""

import os
import select
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any, Final

GATHER_SECONDS: Final = 0.1
MOST_WAITING: Final = 10_000
"""Lines beyond that are dropped, and counted: memory must not grow where nobody reads them."""
CLOSING_SECONDS: Final = 2.0
_WHOLE: Final = select.PIPE_BUF
"""So many bytes of several processes never get mixed up in a pipe."""


class LineWriter:
    """Writes what it is given, a tenth of a second later and many lines at once, in a thread of its own.

    `shown` makes an entry a line, in that thread. A blocked reader costs lines, not memory, and stops nobody.
    """

    def __init__(self, descriptor: int, shown: Callable[[Any], bytes], lost: Callable[[int], Any]) -> None:
        self._descriptor, self._shown, self._lost = descriptor, shown, lost
        self._entries: deque[Any] = deque()
        self._dropped = 0
        self._awake, self._soon, self._ending = threading.Event(), threading.Event(), threading.Event()
        self._writing = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="log", daemon=True)
        self._thread.start()

    def add(self, entry: Any, *, urgent: bool = False) -> None:
        """Take an entry; `urgent` asks for it to be written at once."""
        if len(self._entries) >= MOST_WAITING:
            self._dropped += 1
            return
        self._entries.append(entry)
        if urgent:
            self._soon.set()
        if not self._awake.is_set():
            self._awake.set()
        if self._ending.is_set():
            self._flush()

    def close(self) -> None:
        """Write what is there, for at most two seconds; what comes later is written by whoever adds it."""
        self._ending.set()
        self._soon.set()
        self._awake.set()
        self._thread.join(CLOSING_SECONDS)

    def _run(self) -> None:
        while not self._ending.is_set():
            self._awake.wait()
            self._soon.wait(GATHER_SECONDS)
            self._soon.clear()
            self._awake.clear()
            self._flush()
        self._flush()

    def _flush(self) -> None:
        """Write all that is there, unless another thread is at it."""
        while (self._entries or self._dropped) and self._writing.acquire(blocking=False):
            try:
                self._write(self._gathered())
            finally:
                self._writing.release()

    def _gathered(self) -> bytes:
        """Whole lines, as many as can be written in one piece, and at least one."""
        lines, size = [], 0
        if self._dropped:
            dropped, self._dropped = self._dropped, 0
            lines.append(self._shown(self._lost(dropped)))
        while self._entries and (not lines or size < _WHOLE):
            line = self._line(self._entries[0])
            if lines and size + len(line) > _WHOLE:
                break
            self._entries.popleft()
            lines.append(line)
            size += len(line)
        return b"".join(lines)

    def _line(self, entry: Any) -> bytes:
        try:
            return self._shown(entry)
        except Exception:
            self._dropped += 1
            return b""

    def _write(self, content: bytes) -> None:
        """Nothing can be told where the log itself cannot be written: it is left out then."""
        while content:
            try:
                content = content[os.write(self._descriptor, content) :]
            except BlockingIOError:
                time.sleep(GATHER_SECONDS)
            except OSError:
                self._entries.clear()
                return
