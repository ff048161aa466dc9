"""A limit to how often something may be tried in vain, in memory of a fixed size."""

import math
import threading
import time
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass

from modelshelf.domain.errors import Throttled

WINDOW_S = 300.0
_SIZE = 10_000


@dataclass(slots=True)
class _Window:
    """The attempts since a moment."""

    began: float
    count: int


class Throttle:
    """Counts attempts by keys; those that were no failures are forgiven.

    An attempt is counted before it is made, so that a thousand at once are a thousand. Where there are more keys than
    fit, the oldest are forgotten.
    """

    def __init__(
        self, *, window_s: float = WINDOW_S, size: int = _SIZE, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._window_s, self._size, self._monotonic = window_s, size, monotonic
        self._lock = threading.Lock()
        self._windows: dict[Hashable, _Window] = {}

    def admit(self, limits: Mapping[Hashable, int]) -> None:
        """Count an attempt for each of the keys; raises Throttled, and counts nothing, where one is at its limit."""
        now = self._monotonic()
        with self._lock:
            waits = [self._wait(key, limit, now) for key, limit in limits.items()]
            if any(waits):
                raise Throttled(
                    f"too many failed attempts; try again in {max(waits)} seconds, with the right password",
                    retry_after=max(waits),
                )
            for key in limits:
                self._window(key, now).count += 1

    def forgive(self, limits: Mapping[Hashable, int]) -> None:
        """Take one attempt back for each of the keys: it was none in vain."""
        with self._lock:
            for key in limits:
                window = self._windows.get(key)
                if window is not None:
                    window.count = max(0, window.count - 1)

    def forget(self, key: Hashable) -> None:
        """Take all attempts back."""
        with self._lock:
            self._windows.pop(key, None)

    def _wait(self, key: Hashable, limit: int, now: float) -> int:
        """Seconds until the key's window ends, if it is full."""
        window = self._windows.get(key)
        if window is None or window.count < limit or now - window.began >= self._window_s:
            return 0
        return max(1, math.ceil(window.began + self._window_s - now))

    def _window(self, key: Hashable, now: float) -> _Window:
        window = self._windows.get(key)
        if window is not None and now - window.began < self._window_s:
            return window
        self._windows.pop(key, None)  # so that the order of the keys is that of the windows' beginnings
        while len(self._windows) >= self._size:
            del self._windows[next(iter(self._windows))]
        window = self._windows[key] = _Window(now, 0)
        return window
