"""What the parts of governance share: their tools, and the one way to lock a model."""

from collections.abc import Callable

from modelshelf.blobs.store import BlobStore
from modelshelf.database import governance
from modelshelf.database.database import Database, Transaction
from modelshelf.domain.access import Actor
from modelshelf.services import refusals


class GovernancePart:
    """Bound to a database and an actor; `clock` tells milliseconds since the epoch, `entropy(n)` n random bytes."""

    def __init__(
        self,
        database: Database,
        blobs: BlobStore,
        *,
        actor: Actor,
        clock: Callable[[], int],
        entropy: Callable[[int], bytes],
    ) -> None:
        self._database, self._blobs = database, blobs
        self._actor, self._clock, self._entropy = actor, clock, entropy

    def _locked(self, tx: Transaction, model: str) -> tuple[int, int]:
        """A model's id and the time of what is about to happen to it, its row locked until the commit."""
        locked = governance.lock_model(tx, model, self._clock())
        if locked is None:
            raise refusals.no_model(tx, model)
        return locked
