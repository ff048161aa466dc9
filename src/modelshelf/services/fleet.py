"""Which loaders run what: heartbeats, and wanted against seen."""

from collections.abc import Callable, Sequence

from modelshelf.blobs.store import BlobStore
from modelshelf.database import catalog, fleet, governance, rollouts
from modelshelf.database.database import Database
from modelshelf.domain.access import Actor, Permission
from modelshelf.domain.fleet import EXPIRY_MS, Heartbeat, Placement, checked_beats
from modelshelf.domain.rollouts import Route
from modelshelf.services import refusals

LOADERS_LIMIT = 20_000
"""Loaders of one model that are looked at."""


class Fleet:
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

    def beat(self, beats: Sequence[Heartbeat]) -> int:
        """Tell what loaders run; how many were noted. Who is silent for a while is taken to be gone.

        Raises Invalid for what can't be, and for more than a thousand at once.
        """
        self._actor.require(Permission.READ)
        checked = checked_beats(beats)
        if checked:
            with self._database.write() as tx:
                fleet.put(tx, checked, actor=self._actor.name, now_ms=self._clock())
        return len(checked)

    def fleet(self, model: str) -> list[Placement]:
        """Each alias of a model that has loaders or a rollout: what they should run, and what they do run."""
        self._actor.require(Permission.READ)
        since_ms = self._clock() - EXPIRY_MS
        with self._database.read() as tx:
            model_id = catalog.model_id(tx, model)
            if model_id is None:
                raise refusals.no_model(tx, model)
            aliases = governance.aliases_of_model(tx, model_id)
            loaders = fleet.of_model(tx, model, since_ms=since_ms, limit=LOADERS_LIMIT)
            live = {each.alias: each for each in rollouts.live_of_model(tx, model_id)}
        names = sorted({*(each.beat.alias for each in loaders), *live})
        return [
            Placement(
                route=live[name].route if name in live else Route(model, name, aliases.get(name, 0)),
                loaders=tuple(each for each in loaders if each.beat.alias == name),
                rollout=live.get(name),
            )
            for name in names
        ]
