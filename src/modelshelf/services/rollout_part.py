"""What the parts of the rollouts area share: their tools, and how a rollout is found and locked."""

from collections.abc import Callable

from modelshelf.blobs.store import BlobStore
from modelshelf.database import governance, rollouts
from modelshelf.database.database import Database, Transaction
from modelshelf.domain.access import Actor
from modelshelf.domain.errors import Conflict, NotFound
from modelshelf.domain.rollouts import Rollout


class RolloutPart:
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

    def _locked_rollout(self, tx: Transaction, rollout_id: int) -> tuple[Rollout, int]:
        """A rollout that is under way, its model locked until the commit, and the time of what happens to it."""
        found = self._rollout(tx, rollout_id)
        now_ms = governance.lock_model_id(tx, found.model_id, self._clock())
        rollout = self._rollout(tx, rollout_id)
        if not rollout.state.is_live or now_ms is None:
            raise Conflict(f"rollout {rollout_id} is over ({rollout.state.value})", rollout=rollout_id)
        return rollout, now_ms

    @staticmethod
    def _rollout(tx: Transaction, rollout_id: int) -> Rollout:
        found = rollouts.rollout(tx, rollout_id)
        if found is None:
            raise NotFound(f"no rollout {rollout_id}; modelshelf rollout list MODEL shows those there were")
        return found
