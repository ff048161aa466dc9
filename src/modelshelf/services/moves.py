"""The one road on which an alias or a stage moves: the appended row, what it makes true, and the event, together."""

from modelshelf.database import events, governance
from modelshelf.database.database import Transaction
from modelshelf.domain.events import Event, EventName
from modelshelf.domain.governance import Cause, Move, Slot
from modelshelf.domain.rollouts import CANARY
from modelshelf.services import rollout_ends


def append(tx: Transaction, move: Move) -> Move:
    """Make a move that has been judged; answers it with its id."""
    made = governance.append_move(tx, move)
    data = {
        "before": made.before,
        "after": made.after,
        "reason": made.reason,
        "cause": made.cause.value,
        "move": made.id,
    }
    subject = f"models/{made.model}"
    if made.slot is Slot.STAGE:
        name, subject, data["version"] = EventName.STAGE_MOVED, f"{subject}/{made.version}", made.version
    else:
        name = EventName.ALIAS_CLEARED if made.after is None else EventName.ALIAS_MOVED
        data["alias"] = made.alias
    events.append(tx, Event(name, made.actor, made.time_ms, subject, data, model_id=made.model_id))
    aborted = rollout_ends.abort_for(tx, made)
    if aborted is not None and made.alias != CANARY and made.cause is not Cause.MODEL_DELETED:  # all of its aliases end
        append(tx, rollout_ends.canary_gone(aborted, made))
    return made
