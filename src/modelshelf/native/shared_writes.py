"""Short writes of requests that wait together: one thread does them in turn, and they share one commit."""

import asyncio
import threading
import time
from collections import deque
from collections.abc import Awaitable, Callable
from concurrent.futures import Executor
from contextlib import AbstractContextManager
from typing import Any, Final

from modelshelf.domain.errors import Busy

MOST_WRITES: Final = 64
MOST_SECONDS: Final = 0.02
"""For so long a thread goes on before it commits, whoever else comes meanwhile."""

MOST_WAIT_SECONDS: Final = 60.0

PATIENT_SECONDS: Final = 0.2
"""For so long those gather whom nobody waits for: few commits for what thousands of loaders send by themselves."""

_Waiting = tuple["asyncio.Future[Any]", float, Callable[..., Any], tuple[Any, ...]]
_Done = tuple["asyncio.Future[Any]", Any, Exception | None]


class SharedWrites:
    """What waits to be written. A wake-up of a thread, a commit and a wake-up of the event loop serve all that do.

    `together` opens a block whose writes share a commit, see `Database.together`: nobody is answered before it ended.
    The first that comes to a thread at rest waits for `patience` seconds, so that others come too.
    """

    def __init__(
        self, pool: Executor, together: Callable[[], AbstractContextManager[None]], *, patience: float = 0.0
    ) -> None:
        self._pool, self._together, self._patience = pool, together, patience
        self._waiting: deque[_Waiting] = deque()
        self._is_served = False
        self._lock = threading.Lock()

    def do(self, work: Callable[..., Any], *arguments: Any) -> Awaitable[Any]:
        """What `work` answers to the arguments, once that is durable. Call it on the event loop.

        `work` is called in another thread, and writes no more than a few rows: others wait for it.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Any] = loop.create_future()
        self._waiting.append((future, time.monotonic(), work, arguments))
        with self._lock:
            is_served, self._is_served = self._is_served, True
        if not is_served and self._patience:
            loop.call_later(self._patience, self._pool.submit, self._serve, loop)
        elif not is_served:
            self._pool.submit(self._serve, loop)
        return future

    def _serve(self, loop: asyncio.AbstractEventLoop) -> None:
        while self._is_still_served():
            loop.call_soon_threadsafe(_answer, self._done_together())

    def _is_still_served(self) -> bool:
        """Asked under the lock: who comes later finds nobody at work, and starts it again."""
        with self._lock:
            self._is_served = bool(self._waiting)
            return self._is_served

    def _done_together(self) -> list[_Done]:
        done: list[_Done] = []
        end = time.monotonic() + MOST_SECONDS
        try:
            with self._together():
                while self._waiting and len(done) < MOST_WRITES and (not done or time.monotonic() < end):
                    future, since, work, arguments = self._waiting.popleft()
                    done.append((future, *_outcome(since, work, arguments)))
        except Exception as error:
            return [(future, None, error) for future, _, _ in done]
        return done


def _outcome(since: float, work: Callable[..., Any], arguments: tuple[Any, ...]) -> tuple[Any, Exception | None]:
    """Where the database is locked for long, all that wait give up after the same time, not one after the other."""
    if time.monotonic() - since > MOST_WAIT_SECONDS:
        return None, Busy(f"waited {MOST_WAIT_SECONDS:.0f} s for other writers; try again")
    try:
        return work(*arguments), None
    except Exception as error:
        return None, error


def _answer(done: list[_Done]) -> None:
    for future, answer, error in done:
        if future.done():  # nobody waits for it any more
            continue
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(answer)
