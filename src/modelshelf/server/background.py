"""What a server does by itself, behind the requests: each duty in turn, in one thread of every worker.

Workers and servers that share a shelf all do all duties: a duty that must not run twice at once takes a lease, or an
exclusive transaction, for as long as it needs. One of them leads, by the lease of the rollouts, and looks as often as a
duty asks for; the others look seldom, so that what a leader leaves behind that was killed is done soon, too.
"""

import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from modelshelf.domain.access import SYSTEM, Actor, Role
from modelshelf.domain.errors import ShelfError
from modelshelf.services.registry import Registry

SELDOM_SECONDS = 2.0
"""How often those look that don't lead."""

_log = logging.getLogger("modelshelf.server")


@dataclass(frozen=True, slots=True)
class Duty:
    """Something to look after: `work` is called every so many seconds, and tells whether there may be more at once.

    `on_change`: it is called only where something was committed since it last had nothing to do. Where the database
    can't tell that cheaply, it is called all the same.
    `elects`: what it tells is whether this process leads.
    """

    name: str
    seconds: float
    work: Callable[[Registry], object]
    on_change: bool = False
    elects: bool = False


def _holder() -> str:
    return f"{socket.gethostname()}:{os.getpid()}"


DUTIES: Sequence[Duty] = (
    Duty("rollouts", 1.0, lambda registry: registry.rollouts.step_rollouts(_holder()), elects=True),
    Duty("positions", 0.1, lambda registry: registry.events.settle(), on_change=True),
    Duty("silent loaders", 60, lambda registry: registry.rollouts.forget_loaders()),
    Duty("automatic gates", 0.5, lambda registry: registry.governance.look_at_evidence(), on_change=True),
    Duty("expiry of requests", 10, lambda registry: registry.governance.expire_requests()),
)


class Background:
    """One thread that does the duties until it is closed. A duty that fails is logged, and tried again in its time."""

    def __init__(self, registry: Registry, duties: Sequence[Duty] = DUTIES) -> None:
        self._registry = registry.acting_as(Actor(SYSTEM, Role.ADMIN))
        self._due = dict.fromkeys(duties, 0.0)
        self._seen: dict[Duty, int | None] = {}
        self._leads = not any(duty.elects for duty in duties)
        self._ending = threading.Event()
        self._thread: threading.Thread | None = None

    def leads(self) -> bool:
        """Whether this is the process that looks often."""
        return self._leads

    def start(self) -> None:
        """Begin; call it in the worker, since threads don't survive a fork."""
        self._thread = threading.Thread(target=self._run, name="background", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End after the duty that is being done."""
        self._ending.set()
        if self._thread is not None:
            self._thread.join()
        if self._leads:
            self._make_way()

    def _run(self) -> None:
        while not self._ending.is_set():
            now = time.monotonic()
            for duty, due in self._due.items():
                if due <= now and not self._ending.is_set():
                    has_more = self._has_cause(duty) and self._do(duty)
                    self._due[duty] = time.monotonic() + (0 if has_more else self._pause(duty))
            self._ending.wait(max(0.0, min(self._due.values()) - time.monotonic()))

    def _pause(self, duty: Duty) -> float:
        return duty.seconds if self._leads else max(duty.seconds, SELDOM_SECONDS)

    def _make_way(self) -> None:
        try:
            self._registry.rollouts.leave_steps(_holder())
        except ShelfError as error:
            _log.warning("another server steps rollouts only in a while: %s", error.message)

    def _has_cause(self, duty: Duty) -> bool:
        """Whether there may be something to do. The state is read before the work, so that nothing later is missed."""
        if not duty.on_change:
            return True
        try:
            state = self._registry.state()
        except ShelfError:
            return True  # the work fails likewise, and says so
        known, self._seen[duty] = self._seen.get(duty), state
        return state is None or state != known

    def _do(self, duty: Duty) -> bool:
        try:
            told = bool(duty.work(self._registry))
        except ShelfError as error:
            _log.warning("%s: %s", duty.name, error.message)
        except Exception:
            _log.exception("%s failed", duty.name)
        else:
            if duty.elects:
                self._leads = told
            return told and not duty.elects
        self._seen.pop(duty, None)  # it is still to be done
        return False
