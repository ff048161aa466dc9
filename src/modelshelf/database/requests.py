"""Rows of requests for promotion, of the approvals they got, and of what was said about them."""

import json
from collections.abc import Mapping, Sequence

from modelshelf.database import arrays
from modelshelf.database.database import Row, Transaction
from modelshelf.domain.access import Role
from modelshelf.domain.governance import Slot
from modelshelf.domain.requests import (
    PromotionRequest,
    RequestApproval,
    RequestComment,
    RequestState,
)

_SELECT = """
    SELECT r.id, r.model_id, COALESCE(m.name, r.model) AS model, r.version, r.slot, r.name, r.state, r.reason, r.author,
        r.before_value, r.if_current, r.created_ms, r.updated_ms, r.expires_ms, r.closed_by, r.closing, r.refusal,
        r.move_id
    FROM promotion_requests r LEFT JOIN registered_models m ON m.id = r.model_id
"""


def insert(tx: Transaction, request: PromotionRequest) -> int | None:
    """Open a request; its id, or None where one for the same is open."""
    row = tx.one(
        """
        INSERT INTO promotion_requests
            (model_id, model, version, slot, name, state, reason, author, before_value, if_current, created_ms,
             updated_ms, expires_ms, closed_by, closing, refusal)
        VALUES
            (:model_id, :model, :version, :slot, :name, 'open', :reason, :author, :before, :if_current, :created_ms,
             :created_ms, :expires_ms, '', '', '')
        ON CONFLICT DO NOTHING
        RETURNING id
        """,
        model_id=request.model_id,
        model=request.model,
        version=request.version,
        slot=request.slot.value,
        name=request.name,
        reason=request.reason,
        author=request.author,
        before=request.before,
        if_current=request.if_current,
        created_ms=request.created_ms,
        expires_ms=request.expires_ms,
    )
    return row["id"] if row else None


def request(tx: Transaction, request_id: int) -> PromotionRequest | None:
    row = tx.one(f"{_SELECT} WHERE r.id = :request_id", request_id=request_id)
    return _with_approvals(tx, [row])[0] if row else None


def lock_open(tx: Transaction, request_id: int, *, now_ms: int) -> PromotionRequest | None:
    """Lock a request until the commit and note that it changed; None where it is not open (any more).

    Whoever needs the model's row, too, locks that first.
    """
    found = tx.execute(
        "UPDATE promotion_requests SET updated_ms = :now_ms WHERE id = :request_id AND state = 'open'",
        request_id=request_id,
        now_ms=now_ms,
    )
    return request(tx, request_id) if found else None


def open_for(tx: Transaction, *, model_id: int, slot: Slot, name: str, number: int) -> int | None:
    """The id of the open request for a version to come to a place."""
    row = tx.one(
        """
        SELECT id FROM promotion_requests
        WHERE model_id = :model_id AND slot = :slot AND name = :name AND version = :version AND state = 'open'
        """,
        model_id=model_id,
        slot=slot.value,
        name=name,
        version=number,
    )
    return row["id"] if row else None


def open_of_model(tx: Transaction, model_id: int, *, number: int | None = None) -> list[int]:
    """The ids of a model's open requests, or of those for one version."""
    rows = tx.all(
        f"""
        SELECT id FROM promotion_requests
        WHERE model_id = :model_id AND state = 'open' {"" if number is None else "AND version = :number"}
        ORDER BY id
        """,
        model_id=model_id,
        **({} if number is None else {"number": number}),
    )
    return [row["id"] for row in rows]


def overdue(tx: Transaction, *, now_ms: int, limit: int) -> list[int]:
    """The ids of open requests whose time is over, the longest first."""
    rows = tx.all(
        """
        SELECT id FROM promotion_requests
        WHERE state = 'open' AND expires_ms <= :now_ms
        ORDER BY expires_ms, id LIMIT :limit
        """,
        now_ms=now_ms,
        limit=limit,
    )
    return [row["id"] for row in rows]


def page(
    tx: Transaction,
    *,
    before_id: int,
    limit: int,
    now_ms: int,
    model_ids: Sequence[int] | None = None,
    state: RequestState | None = None,
) -> list[PromotionRequest]:
    """Requests below an id, the newest first; an overdue one counts as expired."""
    wanted = ["r.id < :before_id"]
    given: dict[str, object] = {"before_id": before_id, "limit": limit}
    if model_ids is not None:
        wanted.append(f"r.model_id IN (SELECT value FROM {arrays.numbers(tx, 'ids')})")
        given["ids"] = json.dumps(list(model_ids))
    if state is not None:
        wanted.append(_STATES.get(state, "r.state = :state"))
        given |= {"now_ms": now_ms} if state in _STATES else {"state": state.value}
    rows = tx.all(f"{_SELECT} WHERE {' AND '.join(wanted)} ORDER BY r.id DESC LIMIT :limit", **given)
    return _with_approvals(tx, rows)


_STATES: Mapping[RequestState, str] = {
    RequestState.OPEN: "r.state = 'open' AND (r.expires_ms IS NULL OR r.expires_ms > :now_ms)",
    RequestState.EXPIRED: "(r.state = 'expired' OR r.state = 'open' AND r.expires_ms <= :now_ms)",
}


def close(
    tx: Transaction, request_id: int, state: RequestState, *, closed_by: str, closing: str, move: int | None = None
) -> None:
    """End a request that is locked."""
    tx.execute(
        """
        UPDATE promotion_requests
        SET state = :state, closed_by = :closed_by, closing = :closing, move_id = :move, refusal = ''
        WHERE id = :request_id
        """,
        request_id=request_id,
        state=state.value,
        closed_by=closed_by,
        closing=closing,
        move=move,
    )


def set_refusal(tx: Transaction, request_id: int, refusal: str) -> None:
    """Note why a request could not be carried out."""
    tx.execute(
        "UPDATE promotion_requests SET refusal = :refusal WHERE id = :request_id",
        request_id=request_id,
        refusal=refusal,
    )


def approve(tx: Transaction, request_id: int, approval: RequestApproval) -> bool:
    """Add a person's yes; False where it was given before."""
    added = tx.execute(
        """
        INSERT INTO request_approvals (request_id, person, actor, role, reason, time_ms)
        VALUES (:request_id, :person, :actor, :role, :reason, :time_ms)
        ON CONFLICT (request_id, person) DO NOTHING
        """,
        request_id=request_id,
        person=approval.person,
        actor=approval.actor,
        role=approval.role.value,
        reason=approval.reason,
        time_ms=approval.time_ms,
    )
    return added == 1


def drop_approvals(tx: Transaction, person: str) -> int:
    """Take back what a person said of requests that are open; how many they were."""
    return tx.execute(
        """
        DELETE FROM request_approvals
        WHERE person = :person AND request_id IN (SELECT id FROM promotion_requests WHERE state = 'open')
        """,
        person=person,
    )


def comment(tx: Transaction, request_id: int, *, actor: str, text: str, now_ms: int) -> RequestComment:
    """Add a comment."""
    row = tx.one(
        """
        INSERT INTO request_comments (request_id, actor, text, time_ms) VALUES (:request_id, :actor, :text, :now_ms)
        RETURNING id
        """,
        request_id=request_id,
        actor=actor,
        text=text,
        now_ms=now_ms,
    )
    assert row is not None
    return RequestComment(row["id"], actor, text, now_ms)


def comments(tx: Transaction, request_id: int) -> list[RequestComment]:
    """What was said, the oldest first."""
    rows = tx.all(
        "SELECT id, actor, text, time_ms FROM request_comments WHERE request_id = :request_id ORDER BY id",
        request_id=request_id,
    )
    return [RequestComment(**row) for row in rows]


def comment_count(tx: Transaction, request_id: int) -> int:
    row = tx.one("SELECT COUNT(*) AS count FROM request_comments WHERE request_id = :request_id", request_id=request_id)
    assert row is not None
    return int(row["count"])


def _with_approvals(tx: Transaction, rows: Sequence[Row]) -> list[PromotionRequest]:
    given: dict[int, list[RequestApproval]] = {row["id"]: [] for row in rows}
    if given:
        found = tx.all(
            f"""
            SELECT request_id, person, actor, role, reason, time_ms FROM request_approvals
            WHERE request_id IN (SELECT value FROM {arrays.numbers(tx, "ids")})
            ORDER BY request_id, time_ms, person
            """,
            ids=json.dumps(list(given)),
        )
        for each in found:
            approval = RequestApproval(
                each["person"], each["actor"], Role(each["role"]), each["reason"], each["time_ms"]
            )
            given[each["request_id"]].append(approval)
    return [_request(row, given[row["id"]]) for row in rows]


def _request(row: Row, approvals: Sequence[RequestApproval]) -> PromotionRequest:
    return PromotionRequest(
        id=row["id"],
        model_id=row["model_id"],
        model=row["model"],
        version=row["version"],
        slot=Slot(row["slot"]),
        name=row["name"],
        state=RequestState(row["state"]),
        reason=row["reason"],
        author=row["author"],
        before=row["before_value"],
        if_current=row["if_current"],
        created_ms=row["created_ms"],
        updated_ms=row["updated_ms"],
        expires_ms=row["expires_ms"],
        closed_by=row["closed_by"],
        closing=row["closing"],
        refusal=row["refusal"],
        move=row["move_id"],
        approvals=tuple(approvals),
    )
