"""What the parts of the events share: their tools."""

from collections.abc import Callable

from modelshelf.database.database import Database
from modelshelf.domain.access import Actor
from modelshelf.services.keys import Keys


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
    ) -> None:
        self._database = database
        self._actor, self._clock, self._entropy, self._keys = actor, clock, entropy, keys
