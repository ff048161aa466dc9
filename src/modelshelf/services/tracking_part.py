"""What the parts of tracking share: their tools, the one way to record an event, and what may be written to."""

from collections.abc import Callable, Mapping
from typing import Any

from modelshelf.blobs.store import BlobStore
from modelshelf.database import events, experiments, tracking
from modelshelf.database.database import Database, Transaction
from modelshelf.domain.access import Actor
from modelshelf.domain.errors import Conflict, NotFound
from modelshelf.domain.events import Event
from modelshelf.domain.tracking import Experiment, Lifecycle, Run, experiment_number


class TrackingPart:
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

    def _append(self, tx: Transaction, name: str, subject: str, data: Mapping[str, Any], now_ms: int) -> None:
        events.append(tx, Event(name, self._actor.name, now_ms, subject, dict(data)))

    @staticmethod
    def _experiment(tx: Transaction, experiment_id: str) -> Experiment:
        number = experiment_number(experiment_id)
        found = None if number is None else experiments.experiment_by_id(tx, number)
        if found is None:
            raise NotFound(
                f"no experiment with the id {experiment_id}; search_experiments lists those there are",
                experiment_id=experiment_id,
            )
        return found

    @classmethod
    def _writable_experiment(cls, tx: Transaction, experiment_id: str) -> Experiment:
        found = cls._experiment(tx, experiment_id)
        if found.lifecycle is not Lifecycle.ACTIVE:
            raise Conflict(
                f"the experiment {found.name!r} (id {found.id}) is deleted and can't be written to; restore it first",
                experiment_id=found.id,
                lifecycle=found.lifecycle.value,
            )
        return found

    @classmethod
    def _writable_run(cls, tx: Transaction, run_id: str) -> Run:
        """The run without all that it logged."""
        found = tracking.run_head(tx, run_id)
        if found is None:
            raise cls._no_run(run_id)
        if found.lifecycle is not Lifecycle.ACTIVE:
            raise Conflict(
                f"the run {run_id} is deleted and can't be written to; restore it first",
                run_id=run_id,
                lifecycle=found.lifecycle.value,
            )
        return found

    @staticmethod
    def _no_run(run_id: str) -> NotFound:
        return NotFound(f"no run with the id {run_id!r}; search_runs lists those there are", run_id=run_id)
