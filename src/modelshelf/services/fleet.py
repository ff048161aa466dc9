"""Which loaders run what: heartbeats, and wanted against seen."""

from collections.abc import Sequence

from modelshelf.database import catalog, fleet, governance, rollouts
from modelshelf.domain.access import Permission
from modelshelf.domain.errors import Conflict
from modelshelf.domain.fleet import EXPIRY_MS, Heartbeat, Placement, checked_beats
from modelshelf.domain.rollouts import Route
from modelshelf.services import refusals
from modelshelf.services.rollout_part import RolloutPart

LOADERS_LIMIT = 20_000
"""Loaders that a shelf keeps: each is one process that follows one alias."""


class Fleet(RolloutPart):
    """Processes that load by an alias, as they were last heard of."""

    def beat(self, beats: Sequence[Heartbeat]) -> int:
        """Tell what loaders run; how many were noted. Who is silent for a while is taken to be gone.

        Raises Invalid for what can't be, and for more than a thousand at once, Conflict where the shelf has too many.
        """
        self._actor.require(Permission.READ)
        checked = checked_beats(beats)
        if checked:
            with self._database.write() as tx:
                fleet.put(tx, checked, actor=self._actor.name, now_ms=self._clock())
                if fleet.count(tx) > LOADERS_LIMIT:
                    raise Conflict(
                        f"the shelf keeps at most {LOADERS_LIMIT} loaders; those that are silent leave by themselves",
                        limit=LOADERS_LIMIT,
                    )
        return len(checked)

    def forget_loaders(self) -> int:
        """Drop those that were not heard of for a while; how many. The server calls it now and then."""
        self._actor.require(Permission.ADMINISTER)
        before_ms = self._clock() - EXPIRY_MS
        with self._database.read() as tx:
            if not fleet.any_before(tx, before_ms=before_ms):
                return 0
        with self._database.write() as tx:
            return fleet.forget(tx, before_ms=before_ms)

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
