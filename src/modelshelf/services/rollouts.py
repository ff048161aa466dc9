"""Rollouts as one area: looked at, held and ended; started, stepped, and the fleet that they serve (by inheritance)."""

import sys
from collections.abc import Callable

from modelshelf.database import catalog, governance, rollouts
from modelshelf.domain.access import Permission
from modelshelf.domain.errors import Conflict, ShelfError
from modelshelf.domain.governance import Cause
from modelshelf.domain.names import REASON_LIMIT, alias_name, bounded
from modelshelf.domain.rollouts import Rollout, RolloutState, Route
from modelshelf.services import protection, refusals, rollout_changes
from modelshelf.services.fleet import Fleet
from modelshelf.services.mover import Intent, Mover
from modelshelf.services.rollout_changes import Change
from modelshelf.services.rollout_starts import Starting
from modelshelf.services.rollout_steps import Stepping


class Rollouts(Starting, Stepping, Fleet):
    """Which versions serve an alias while traffic goes over from one to another."""

    def route(self, model: str, alias: str) -> Route:
        """Which versions serve an alias now, and who gets which. Raises NotFound."""
        self._actor.require(Permission.READ)
        alias = alias_name(alias)
        with self._database.read() as tx:
            model_id = catalog.model_id(tx, model)
            if model_id is None:
                raise refusals.no_model(tx, model)
            stable = governance.alias_target(tx, model_id, alias)
            if stable is None:
                raise refusals.no_alias(tx, model, model_id, alias)
            live = rollouts.live(tx, model_id, alias)
        return live.route if live is not None else Route(model, alias, stable)

    def rollout(self, rollout_id: int) -> Rollout:
        """One rollout by its id, with what was last found. Raises NotFound."""
        self._actor.require(Permission.READ)
        with self._database.read() as tx:
            return self._rollout(tx, rollout_id)

    def rollouts(self, model: str, *, before: int | None = None, limit: int = 100) -> list[Rollout]:
        """The rollouts of a model, the newest first, below an id; also of a deleted or a renamed model."""
        self._actor.require(Permission.READ)
        with self._database.read() as tx:
            ids = catalog.model_ids_ever(tx, model)
            if not ids:
                raise refusals.no_model(tx, model)
            bound = before if before is not None else sys.maxsize
            return rollouts.of_models(tx, ids, before=bound, limit=max(1, min(limit, 1000)))

    def pause(self, rollout_id: int, *, reason: str = "") -> Rollout:
        """Leave the weights as they are until it is resumed. Raises NotFound, Conflict where it is not running."""

        def pause(change: Change, rollout: Rollout) -> None:
            _require_state(rollout, RolloutState.RUNNING)
            rollout_changes.pause(change, rollout, clock_ms=self._clock())

        return self._change(rollout_id, reason, pause)

    def resume(self, rollout_id: int, *, reason: str = "") -> Rollout:
        """Go on with a paused rollout. Raises NotFound, Conflict where it is not paused."""

        def resume(change: Change, rollout: Rollout) -> None:
            _require_state(rollout, RolloutState.PAUSED)
            rollout_changes.resume(change, rollout, clock_ms=self._clock())

        return self._change(rollout_id, reason, resume)

    def abort(self, rollout_id: int, *, reason: str = "") -> Rollout:
        """Send everyone back to the old version at once. Raises NotFound, Conflict where it is over."""

        def give_up(change: Change, rollout: Rollout) -> None:
            rollout_changes.give_up(change, rollout, RolloutState.ABORTED)

        return self._change(rollout_id, reason, give_up)

    def finish(self, rollout_id: int, *, reason: str = "") -> Rollout:
        """Move the alias to the new version now, if its gates let it. Raises NotFound, Conflict, GateFailed."""

        def finish(change: Change, rollout: Rollout) -> ShelfError | None:
            return rollout_changes.finish(change, rollout, blobs=self._blobs, clock=self._clock)

        return self._change(rollout_id, reason, finish)

    def _change(self, rollout_id: int, reason: str, change: Callable[[Change, Rollout], ShelfError | None]) -> Rollout:
        """Change a rollout that is under way. A refusal is recorded, and committed before it is raised."""
        self._actor.require(Permission.MOVE)
        reason = bounded(reason, "reason", REASON_LIMIT)
        with self._database.write() as tx:
            rollout, now_ms = self._locked_rollout(tx, rollout_id)
            refusal: ShelfError | None = protection.refusal(tx, self._actor, rollout.model, alias=rollout.alias)
            if refusal is not None:
                intent = Intent(rollout.model, Cause.ROLLOUT, reason, alias=rollout.alias, version=rollout.target)
                Mover(tx, self._blobs, self._actor, self._clock).refuse(intent, rollout.model_id, now_ms, refusal)
            else:
                refusal = change(Change(tx, self._actor, now_ms, reason), rollout)
            if refusal is None:
                return self._rollout(tx, rollout_id)
        raise refusal


def _require_state(rollout: Rollout, wanted: RolloutState) -> None:
    if rollout.state is not wanted:
        raise Conflict(f"rollout {rollout.id} is {rollout.state.value}, not {wanted.value}", rollout=rollout.id)
