"""How a rollout changes traffic, each change recorded in the same transaction: its weights are moves like others."""

from dataclasses import replace
from typing import Any

from modelshelf.database import events, governance, rollouts
from modelshelf.database.database import Transaction
from modelshelf.domain.events import Event, EventName
from modelshelf.domain.governance import Cause, Move, Slot
from modelshelf.domain.rollouts import CANARY, Rollout, RolloutState

_ENDS = {
    RolloutState.FINISHED: EventName.ROLLOUT_FINISHED,
    RolloutState.ABORTED: EventName.ROLLOUT_ABORTED,
    RolloutState.ROLLED_BACK: EventName.ROLLOUT_ROLLED_BACK,
}

_ENDED_BY = {Cause.MODEL_DELETED: "the model was deleted", Cause.VERSION_DELETED: "version {version} was deleted"}


def record(tx: Transaction, name: str, rollout: Rollout, *, actor: str, now_ms: int, **data: Any) -> None:
    """Append an event about a rollout."""
    about = {"rollout": rollout.id, "model": rollout.model, "alias": rollout.alias, "stable": rollout.stable}
    data = {**about, "target": rollout.target, **data}
    subject = f"models/{rollout.model}"
    events.append(tx, Event(name, actor, now_ms, subject, data, model_id=rollout.model_id))


def move_weight(
    tx: Transaction, rollout: Rollout, before: float, after: float, *, actor: str, now_ms: int, reason: str
) -> None:
    """Append the move of a share of the traffic, in percent."""
    if before == after:
        return
    move = governance.append_move(
        tx,
        Move(
            model_id=rollout.model_id,
            model=rollout.model,
            slot=Slot.ROUTE,
            alias=rollout.alias,
            version=rollout.target,
            before=f"{before:g}",
            after=f"{after:g}",
            time_ms=now_ms,
            actor=actor,
            reason=reason,
            cause=Cause.ROLLOUT,
        ),
    )
    record(
        tx,
        EventName.ROLLOUT_WEIGHT_MOVED,
        rollout,
        actor=actor,
        now_ms=now_ms,
        before=before,
        after=after,
        shadow=rollout.plan.shadow,
        reason=reason,
        move=move.id,
    )


def end(
    tx: Transaction, rollout: Rollout, state: RolloutState, *, actor: str, now_ms: int, why: str, **data: Any
) -> None:
    """End a rollout that is under way; nobody is sent to the new version by it any more. `@canary` is not touched."""
    weight = rollout.weight
    rollouts.end(tx, rollout.id, state, why=why, now_ms=now_ms)
    move_weight(tx, rollout, weight, 0.0, actor=actor, now_ms=now_ms, reason=why)
    record(tx, _ENDS[state], rollout, actor=actor, now_ms=now_ms, why=why, **data)


def abort_for(tx: Transaction, move: Move) -> Rollout | None:
    """Abort the rollout whose alias, or whose `@canary`, somebody has just moved by hand; which it was."""
    if move.slot is not Slot.ALIAS or move.cause is Cause.ROLLOUT or move.alias is None:
        return None
    for rollout in rollouts.live_of_model(tx, move.model_id):
        if move.alias in {rollout.alias, CANARY}:
            why = _ENDED_BY.get(move.cause, f"{move.alias} was moved by hand").format(version=move.before)
            end(tx, rollout, RolloutState.ABORTED, actor=move.actor, now_ms=move.time_ms, why=why)
            return rollout
    return None


def canary_gone(aborted: Rollout, move: Move) -> Move:
    """The end of the `@canary` of a rollout that a move aborted."""
    return replace(
        move,
        id=0,
        alias=CANARY,
        before=aborted.target,
        after=None,
        reason=f"rollout {aborted.id} was aborted",
        cause=Cause.ROLLOUT,
    )
