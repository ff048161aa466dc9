"""What the parts of access share: their tools, who may do what to whom, and the one way to record an event."""

import threading
from collections.abc import Callable, Mapping
from typing import Any

from modelshelf.database import access, events
from modelshelf.database.database import Database, Transaction
from modelshelf.domain.access import ANONYMOUS, Actor, Permission
from modelshelf.domain.errors import Forbidden, NotFound
from modelshelf.domain.events import Event
from modelshelf.domain.names import did_you_mean


class Changes:
    """How often users and tokens changed in this process: who remembers credentials forgets them when it grows."""

    def __init__(self) -> None:
        self.count = 0
        self._lock = threading.Lock()

    def note(self) -> None:
        """Call it after the commit."""
        with self._lock:
            self.count += 1


class AccessPart:
    """Bound to a database and an actor; `clock` tells milliseconds since the epoch, `entropy(n)` n random bytes."""

    def __init__(
        self,
        database: Database,
        *,
        actor: Actor,
        clock: Callable[[], int],
        entropy: Callable[[int], bytes],
        changes: Changes,
    ) -> None:
        self._database = database
        self._actor, self._clock, self._entropy = actor, clock, entropy
        self.changes = changes

    def _administer(self) -> None:
        """Raise Forbidden for all but administrators who are known: users are never made by just anybody."""
        self._actor.require(Permission.ADMINISTER)
        if self._actor.name == ANONYMOUS:
            raise Forbidden(
                "users and tokens are managed by somebody who is known: use modelshelf user and modelshelf token on "
                "the database itself, or start the server with --auth required",
                actor=ANONYMOUS,
                permission=Permission.ADMINISTER.value,
            )

    def _administer_unless_own(self, user: str) -> None:
        """Users manage what is their own; a token of theirs (`alice/ci`) does not count as the user."""
        if self._actor.name == user:
            self._actor.require(Permission.READ)
        else:
            self._administer()

    def _append(self, tx: Transaction, name: str, subject: str, data: Mapping[str, Any], now_ms: int) -> None:
        events.append(tx, Event(name, self._actor.name, now_ms, subject, dict(data)))

    @staticmethod
    def _no_user(tx: Transaction, name: object) -> NotFound:
        names = [user.name for user in access.users(tx)]
        near = did_you_mean(name, names) if isinstance(name, str) else ""
        return NotFound(f"no user {name!r}{near}; modelshelf user list shows those there are", user=name)
