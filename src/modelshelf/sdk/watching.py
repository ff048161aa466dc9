"""One watch per registry and process: it tells those who follow a model that something about it moved.

Of a server the watch reads the stream of events, and goes on behind the last one when the stream breaks; of a
database it asks for them. While it can't, those who follow look by themselves from time to time. Heartbeats and
outcomes of all followers of the process leave together.
"""

import logging
import os
import random
import threading
import time
import weakref
from collections.abc import Iterator
from typing import Protocol, cast

from modelshelf.domain.errors import Forbidden
from modelshelf.domain.events import Event
from modelshelf.domain.fleet import HEARTBEAT_SECONDS, Heartbeat
from modelshelf.native.remote import RemoteRegistry
from modelshelf.services.registry import Registry

POLL_SECONDS = 30.0
"""How often followers look although nobody told them to; half as long again at random, so that they spread."""

NEAR_POLL_SECONDS = 0.5
"""The same of a shelf that is a database: asking it costs little."""

REPORT_SECONDS = 5.0
LONGEST_PAUSE = 10.0

_log = logging.getLogger("modelshelf.following")
_MOVES = ("alias.", "rollout.", "model.", "version.deleted", "stage.")


class Subscriber(Protocol):
    """Who follows a model."""

    model: str

    def look(self) -> None:
        """Something may have moved: look soon, and not in this thread."""
        ...

    def heartbeat(self) -> Heartbeat | None:
        """What it runs; None where it has nothing yet."""
        ...

    def report(self) -> None:
        """Tell what became of requests."""
        ...


class Watch:
    """Watches one registry for all who follow something in it, for as long as there are any."""

    def __init__(self, registry: Registry, first: Subscriber) -> None:
        self._registry = registry
        self._lock = threading.Lock()
        self._followers: weakref.WeakSet[Subscriber] = weakref.WeakSet()
        self._position: int | None = None
        self._ending = threading.Event()
        self._followers.add(first)
        self._is_far = isinstance(registry, RemoteRegistry)
        for work in (self._watch, self._beat):
            threading.Thread(target=work, name=f"modelshelf-{work.__name__[1:]}", daemon=True).start()

    def add(self, follower: Subscriber) -> bool:
        """Tell it from now on; False where the watch has ended meanwhile."""
        with self._lock:
            if self._ending.is_set():
                return False
            self._followers.add(follower)
        follower.look()  # what moved since it last looked
        return True

    def discard(self, follower: Subscriber) -> None:
        """Tell it no more; without any followers the watch ends when it next wakes up."""
        with self._lock:
            self._followers.discard(follower)

    def _has_ended(self) -> bool:
        with self._lock:
            if not self._followers:
                self._ending.set()
        return self._ending.is_set()

    @property
    def is_over(self) -> bool:
        return self._ending.is_set()

    def _all(self) -> list[Subscriber]:
        with self._lock:
            return list(self._followers)

    def _watch(self) -> None:
        pause, due = 0.0, time.monotonic() + _spread(POLL_SECONDS)
        while not self._ending.wait(pause) and not self._has_ended():
            is_blind = self._position is None
            try:
                for event in self._events():
                    pause = 0.0
                    if is_blind:  # what happened before the stream began is in no event of it
                        is_blind = False
                        self._look()
                    if event is not None:
                        self._position = event.position
                        self._tell(event)
                    if time.monotonic() >= due:
                        self._look()
                        due = time.monotonic() + _spread(POLL_SECONDS)
                    if self._has_ended():
                        return
            except Exception as error:  # whatever it is, those who follow must go on
                _log.info("the registry's events can't be read just now: %s", error)
                self._look()
            pause = min(LONGEST_PAUSE, _spread(pause * 2 or NEAR_POLL_SECONDS))

    def _events(self) -> Iterator[Event | None]:
        if self._is_far:
            yield from cast("RemoteRegistry", self._registry).events_behind(self._position)
            return
        while True:
            if self._position is None:
                newest = self._registry.events.latest(limit=1)
                self._position = (newest[0].position or 0) if newest else 0
            found = self._registry.events.after(self._position)
            yield from found
            yield None
            if not found and self._ending.wait(NEAR_POLL_SECONDS):
                return

    def _tell(self, event: Event) -> None:
        if event.name.startswith(_MOVES):
            model = event.subject.split("/")[1] if event.subject.startswith("models/") else ""
            for each in self._all():
                if each.model == model or event.name.startswith("model."):
                    each.look()

    def _look(self) -> None:
        for each in self._all():
            each.look()

    def _beat(self) -> None:
        due = 0.0
        while not self._ending.wait(_spread(REPORT_SECONDS)) and not self._has_ended():
            try:
                for each in self._all():
                    each.report()
                if time.monotonic() >= due:
                    due = time.monotonic() + HEARTBEAT_SECONDS - REPORT_SECONDS
                    self._registry.rollouts.beat([beat for each in self._all() if (beat := each.heartbeat())])
            except Forbidden as error:
                _log.warning("no heartbeats: %s", error.message)
                due = float("inf")
            except Exception as error:  # whatever it is, the next one may come through
                _log.info("the heartbeat did not reach the registry: %s", error)


def _spread(seconds: float) -> float:
    return seconds * (1 + random.random() / 2)  # noqa: S311 - so that not all come at once


_watches: dict[int, Watch] = {}
_lock = threading.Lock()


def watch(registry: Registry, follower: Subscriber) -> Watch:
    """The watch of a registry in this process, which tells the follower from now on."""
    with _lock:
        for known, each in list(_watches.items()):
            if each.is_over:
                del _watches[known]
        found = _watches.get(id(registry))
        if found is None or not found.add(follower):
            found = _watches[id(registry)] = Watch(registry, follower)
            follower.look()  # what moved since it last looked
        return found


def _forget_all() -> None:
    """In a forked process: the threads of the watches stayed behind."""
    global _lock  # noqa: PLW0603 - it may have been held by one of them
    _lock = threading.Lock()
    _watches.clear()


os.register_at_fork(after_in_child=_forget_all)
