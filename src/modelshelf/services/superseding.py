"""The end of open requests: whoever ends one records it in the same transaction."""

from typing import Any

from modelshelf.database import events, requests
from modelshelf.database.database import Transaction
from modelshelf.domain.events import Event, EventName
from modelshelf.domain.requests import PromotionRequest, RequestState

_EVENTS = {
    RequestState.PROMOTED: EventName.REQUEST_FULFILLED,
    RequestState.REJECTED: EventName.REQUEST_REJECTED,
    RequestState.WITHDRAWN: EventName.REQUEST_WITHDRAWN,
    RequestState.EXPIRED: EventName.REQUEST_EXPIRED,
    RequestState.SUPERSEDED: EventName.REQUEST_SUPERSEDED,
}


def record(tx: Transaction, name: str, request: PromotionRequest, *, actor: str, now_ms: int, **data: Any) -> None:
    """Append an event about a request."""
    about = {
        "request": request.id,
        "model": request.model,
        "version": request.version,
        request.slot.value: request.name,
    }
    subject = f"requests/{request.id}"
    events.append(tx, Event(name, actor, now_ms, subject, {**about, **data}, model_id=request.model_id))


def close(
    tx: Transaction,
    request: PromotionRequest,
    state: RequestState,
    *,
    actor: str,
    now_ms: int,
    why: str = "",
    **data: Any,
) -> None:
    """End a request that is locked."""
    requests.close(tx, request.id, state, closed_by=actor, closing=why, move=data.get("move"))
    record(tx, _EVENTS[state], request, actor=actor, now_ms=now_ms, reason=why, author=request.author, **data)


def close_requests(tx: Transaction, model_id: int, *, actor: str, now_ms: int, number: int | None = None) -> None:
    """A version, or the whole model, is about to be deleted: what was asked for it is moot."""
    why = "the model was deleted" if number is None else f"version {number} was deleted"
    for request_id in requests.open_of_model(tx, model_id, number=number):
        request = requests.lock_open(tx, request_id, now_ms=now_ms)
        if request is not None:
            close(tx, request, RequestState.SUPERSEDED, actor=actor, now_ms=now_ms, why=why)
