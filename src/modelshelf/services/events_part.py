"""What the parts of the events share: their tools."""

from collections.abc import Callable

from modelshelf.database import events
from modelshelf.database.database import Database
from modelshelf.domain.access import Actor
from modelshelf.services.keys import Keys
from modelshelf.services.outlet import Outlet


class EventsPart:
    """Bound to a database, an actor and the shelf's keys; `clock` tells milliseconds, `entropy(n)` n random bytes."""

    def __init__(
        self,
        database: Database,
        *,
        actor: Actor,
        clock: Callable[[], int],
        entropy: Callable[[int], bytes],
        keys: Keys,
        outlet: Outlet | None = None,
    ) -> None:
        self._database, self._outlet = database, outlet
        self._actor, self._clock, self._entropy, self._keys = actor, clock, entropy, keys

    def settle(self) -> int:
        """Give every committed event its position; how many were waiting for one."""
        with self._database.read() as tx:
            if not events.waiting(tx):
                return 0
        with self._database.exclusive("positions") as tx:
            return events.assign_positions(tx)
