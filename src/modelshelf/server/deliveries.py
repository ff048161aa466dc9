"""What tells webhooks of events, behind the requests: one thread that looks for work, and a few that send."""

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from modelshelf.database.deliveries import Due, Lane
from modelshelf.domain.access import SYSTEM, Actor, Role
from modelshelf.domain.errors import ShelfError
from modelshelf.services.registry import Registry

THREADS = 16
PER_WEBHOOK = 2
"""Of these, at most so many send to one webhook: a slow receiver leaves threads for the others."""
SECONDS, SELDOM_SECONDS = 0.25, 1.0
"""How often the process that leads looks for work, and how often the others do: those only have to help."""
PRUNE_SECONDS = 300.0
LANE_TURN = 20
"""After so many rounds a thread leaves the lanes to whoever takes them next."""

_log = logging.getLogger("modelshelf.server")


class Deliveries:
    """Of one process; processes that share a shelf share the work, by leases."""

    def __init__(self, registry: Registry, *, leads: Callable[[], bool] = lambda: True) -> None:
        self._registry, self._leads = registry, leads
        self._dispatch = registry.acting_as(Actor(SYSTEM, Role.ADMIN)).dispatch
        self._state: int | None = None
        self._found: Due | None = None
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="delivery")
        self._busy: Counter[str] = Counter()
        self._count = threading.Lock()
        self._wake, self._ending = threading.Event(), threading.Event()
        self._thread: threading.Thread | None = None
        self._prune_at = 0.0

    def start(self) -> None:
        """Begin; call it in the worker, since threads don't survive a fork."""
        self._thread = threading.Thread(target=self._run, name="deliveries", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End when what is being sent was answered, or took too long."""
        self._ending.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join()
        self._pool.shutdown()

    def _run(self) -> None:
        while not self._ending.is_set():
            self._wake.clear()
            try:
                has_more = self._round()
            except ShelfError as error:
                has_more = False
                _log.warning("deliveries: %s", error.message)
            except Exception:
                has_more = False
                _log.exception("deliveries failed")
            if not has_more:
                self._wake.wait(SECONDS if self._leads() else SELDOM_SECONDS)

    def _round(self) -> bool:
        """One look; whether to look again at once."""
        found = self._look()
        has_more = self._dispatch.spread() if found.events else False
        if found.events or self._dispatch.is_due(found):
            self._take()
        if time.monotonic() >= self._prune_at:
            has_more = self._dispatch.prune() or has_more
            self._prune_at = time.monotonic() + PRUNE_SECONDS
        return has_more

    def _look(self) -> Due:
        """What there is to do, which is the same as before where nothing was committed since."""
        state = self._registry.state()
        if self._found is None or state is None or state != self._state:
            self._found, self._state = self._dispatch.due(), state
        return self._found

    def _take(self) -> None:
        with self._count:
            full = [webhook for webhook, jobs in self._busy.items() if jobs >= PER_WEBHOOK]
            free = THREADS - sum(self._busy.values())
        for lanes in self._dispatch.take(full=full, most=free) if free > 0 else ():
            with self._count:
                self._busy[lanes[0].webhook] += 1
            self._pool.submit(self._send, lanes)

    def _send(self, lanes: list[Lane]) -> None:
        webhook, held = lanes[0].webhook, lanes
        try:
            for _ in range(LANE_TURN):
                held = self._dispatch.deliver(held)
                if not held or self._ending.is_set():
                    break
            for lane in held:
                self._dispatch.release(lane)
        except ShelfError as error:
            _log.warning("deliveries to webhook %s: %s", webhook, error.message)
        except Exception:
            _log.exception("deliveries to webhook %s failed", webhook)
        finally:
            with self._count:
                self._busy[webhook] -= 1
                if not self._busy[webhook]:
                    del self._busy[webhook]
            self._wake.set()
