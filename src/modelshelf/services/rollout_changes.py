"""What people and the steps of a rollout alike do to it, inside a transaction that holds its model's lock."""

from collections.abc import Callable
from dataclasses import dataclass

from modelshelf.blobs.store import BlobStore
from modelshelf.database import governance, rollouts
from modelshelf.database.database import Transaction
from modelshelf.domain.access import Actor
from modelshelf.domain.errors import ShelfError
from modelshelf.domain.events import EventName
from modelshelf.domain.governance import Cause, Move, Slot
from modelshelf.domain.rollouts import CANARY, Rollout, RolloutState
from modelshelf.services import moves, rollout_ends
from modelshelf.services.mover import Intent, Mover


@dataclass(frozen=True, slots=True)
class Change:
    """Who changes what, why, and when: `now_ms` is the time of moves, which the model's lock gave."""

    tx: Transaction
    actor: Actor
    now_ms: int
    why: str


def pause(change: Change, rollout: Rollout, *, clock_ms: int) -> None:
    """Leave the weights as they are until it is resumed."""
    rollouts.pause(change.tx, rollout.id, why=change.why, clock_ms=clock_ms)
    _record(change, EventName.ROLLOUT_PAUSED, rollout)


def resume(change: Change, rollout: Rollout, *, clock_ms: int) -> None:
    """Go on with what was left of the step."""
    rollouts.resume(change.tx, rollout.id, clock_ms=clock_ms)
    _record(change, EventName.ROLLOUT_RESUMED, rollout)


def give_up(change: Change, rollout: Rollout, state: RolloutState, **data: object) -> None:
    """Send everyone back to the old version at once."""
    rollout_ends.end(change.tx, rollout, state, actor=change.actor.name, now_ms=change.now_ms, why=change.why, **data)
    put_canary(change, rollout, None)


def finish(change: Change, rollout: Rollout, *, blobs: BlobStore, clock: Callable[[], int]) -> ShelfError | None:
    """Move the alias, if its gates still let it; why not, where it is refused, which is recorded."""
    why = f"rollout {rollout.id}" + (f": {change.why}" if change.why else "")
    intent = Intent(
        rollout.model, Cause.ROLLOUT, why, alias=rollout.alias, version=rollout.target, if_current=rollout.stable
    )
    moved = Mover(change.tx, blobs, change.actor, clock).move(intent)
    if isinstance(moved, ShelfError):
        return moved
    put_canary(change, rollout, None)
    rollout_ends.end(
        change.tx, rollout, RolloutState.FINISHED, actor=change.actor.name, now_ms=change.now_ms, why=change.why
    )
    return None


def put_canary(change: Change, rollout: Rollout, after: int | None) -> None:
    """Let `@canary` name the new version, or nothing."""
    before = governance.alias_target(change.tx, rollout.model_id, CANARY)
    if before == after:
        return
    moves.append(
        change.tx,
        Move(
            model_id=rollout.model_id,
            model=rollout.model,
            slot=Slot.ALIAS,
            alias=CANARY,
            before=before,
            after=after,
            time_ms=change.now_ms,
            actor=change.actor.name,
            reason=change.why,
            cause=Cause.ROLLOUT,
        ),
    )


def _record(change: Change, name: str, rollout: Rollout) -> None:
    rollout_ends.record(
        change.tx, name, rollout, actor=change.actor.name, now_ms=change.now_ms, why=change.why, weight=rollout.weight
    )
