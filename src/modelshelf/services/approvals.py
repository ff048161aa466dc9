"""Approvals of requests, and the promotion that the last of them brings about, in the same transaction."""

from typing import Any

from modelshelf.database import access, gates, versions
from modelshelf.database import governance as positions
from modelshelf.database import requests as rows
from modelshelf.database.database import Transaction
from modelshelf.domain.access import Permission, Role, lesser
from modelshelf.domain.errors import AlreadyExists, Conflict, NotFound, ShelfError
from modelshelf.domain.events import EventName
from modelshelf.domain.gates import Approval
from modelshelf.domain.governance import Move, Slot
from modelshelf.domain.names import REASON_LIMIT, bounded
from modelshelf.domain.requests import (
    Need,
    PromotionRequest,
    RequestApproval,
    RequestState,
    approver_of,
    counted,
    move_reason,
    own_approval,
)
from modelshelf.services import superseding
from modelshelf.services.governance_part import GovernancePart
from modelshelf.services.mover import move_alias_in, move_stage_in


class Approvals(GovernancePart):
    """Who agrees to a request, and what follows."""

    def approve_request(self, request_id: int, *, reason: str = "") -> PromotionRequest:
        """Agree to a request, once and not to one's own; with the last approval that it needs the move is made.

        The gates are judged again at that moment, and protection asks whether this actor may make the move. Where it is
        refused the approval counts all the same: the request stays open, tells why (`refusal`), and is carried out with
        the next approval, or by `carry_out_request`. Raises NotFound, Conflict where it is not open any more, Forbidden
        for its author, AlreadyExists for a second approval by the same person.
        """
        self._actor.require(Permission.APPROVE)
        person, reason = approver_of(self._actor.name), bounded(reason, "reason", REASON_LIMIT)
        with self._database.write() as tx:
            found, now_ms = self._locked_request(tx, request_id)
            if own := own_approval(found, self._actor.name):
                raise own
            refusal = self._lapsed(tx, found, now_ms)
            if refusal is None:
                approval = RequestApproval(person, self._actor.name, self._actor.role, reason, now_ms)
                self._add(tx, found, approval)
                agreed = self._request(tx, request_id)
                if all(need.met for need in self._needs(tx, agreed)):
                    self._carry_out(tx, agreed, now_ms)
                return self._request(tx, request_id)
        raise refusal

    def carry_out_request(self, request_id: int) -> PromotionRequest:
        """Make the move of a request that has all its approvals, but was refused when the last of them came.

        For everybody who may make the move. Raises NotFound, Conflict where it is not open any more or approvals are
        missing, and what refuses the move (GateFailed, Protected, AliasMoved), which is noted on the request.
        """
        self._actor.require(Permission.MOVE)
        refusal: ShelfError | None
        with self._database.write() as tx:
            found, now_ms = self._locked_request(tx, request_id)
            refusal = self._lapsed(tx, found, now_ms)
            if refusal is None:
                if missing := [need for need in self._needs(tx, found) if not need.met]:
                    raise _not_approved(found, missing)
                refusal = self._carry_out(tx, found, now_ms)
            if refusal is None:
                return self._request(tx, request_id)
        raise refusal

    def _add(self, tx: Transaction, found: PromotionRequest, approval: RequestApproval) -> None:
        if not rows.approve(tx, found.id, approval):
            raise AlreadyExists(
                f"{approval.person} has approved request {found.id} already; another person has to",
                request=found.id,
                person=approval.person,
            )
        superseding.record(
            tx,
            EventName.REQUEST_APPROVED,
            found,
            actor=approval.actor,
            now_ms=approval.time_ms,
            person=approval.person,
            role=approval.role.value,
            reason=approval.reason,
        )

    def _request(self, tx: Transaction, request_id: int) -> PromotionRequest:
        found = rows.request(tx, request_id)
        if found is None:
            raise NotFound(
                f"no request {request_id}; modelshelf request list shows those there are", request=request_id
            )
        return found

    def _open_request(self, tx: Transaction, request_id: int, now_ms: int) -> PromotionRequest:
        """An open request, locked until the commit."""
        found = rows.lock_open(tx, request_id, now_ms=now_ms)
        if found is None:
            closed = self._request(tx, request_id)
            raise Conflict(
                f"request {request_id} is {closed.state.value} and not open any more; open another one",
                request=request_id,
                state=closed.state.value,
            )
        return found

    def _locked_request(self, tx: Transaction, request_id: int) -> tuple[PromotionRequest, int]:
        """An open request and the time of what is about to happen; its model is locked, and then the request."""
        found = self._request(tx, request_id)
        if found.state is not RequestState.OPEN:
            self._open_request(tx, request_id, self._clock())
        model_id, now_ms = self._locked(tx, found.model)
        if model_id != found.model_id:
            raise Conflict(f"{found.model} was renamed at the same moment; try again", request=request_id)
        return self._open_request(tx, request_id, now_ms), now_ms

    def _lapsed(self, tx: Transaction, found: PromotionRequest, now_ms: int) -> Conflict | None:
        """What is wrong with a request whose time is over; notes that it has expired."""
        if not found.overdue(now_ms):
            return None
        superseding.close(
            tx, found, RequestState.EXPIRED, actor=self._actor.name, now_ms=now_ms, expires_ms=found.expires_ms
        )
        return Conflict(f"request {found.id} has expired; open another one", request=found.id, state="expired")

    @staticmethod
    def _current(tx: Transaction, model_id: int, slot: Slot, name: str) -> int | None:
        """The version that is there now."""
        if slot is Slot.ALIAS:
            return positions.alias_target(tx, model_id, name)
        return versions.newest(tx, model_id, stage=name)

    def _needs(self, tx: Transaction, found: PromotionRequest) -> tuple[Need, ...]:
        """The approvals that the gates ask for, or else one; and how many of them there are."""
        asked = [
            Need(gate.approvals.count, gate.approvals.role, gate=gate.name)
            for gate in gates.guarding(tx, found.model, found.slot, found.name)
            if gate.approvals is not None
        ]
        return counted(asked or [Need(1, Role.APPROVER)], given(tx, found))

    def _carry_out(self, tx: Transaction, found: PromotionRequest, now_ms: int) -> ShelfError | None:
        """Make the move; why not, where it is refused, which is noted."""
        actor = self._actor.name
        if self._is_there(tx, found):
            why = f"version {found.version} came there by another move"
            superseding.close(tx, found, RequestState.SUPERSEDED, actor=actor, now_ms=now_ms, why=why)
            return None
        moved = self._move_to(tx, found)
        if isinstance(moved, ShelfError):
            rows.set_refusal(tx, found.id, moved.message)
            name = EventName.REQUEST_REFUSED
            superseding.record(tx, name, found, actor=actor, now_ms=now_ms, refusal=moved.message, code=moved.code)
            return moved
        approvals = [each.actor for each in found.approvals]
        superseding.close(
            tx, found, RequestState.PROMOTED, actor=actor, now_ms=now_ms, move=moved.id, approvals=approvals
        )
        return None

    def _move_to(self, tx: Transaction, found: PromotionRequest) -> Move | ShelfError:
        road: dict[str, Any] = {
            "actor": self._actor,
            "clock": self._clock,
            "model": found.model,
            "version": found.version,
            "reason": move_reason(found),
            "if_current": found.if_current,
            "approvals": given(tx, found),
        }
        if found.slot is Slot.ALIAS:
            return move_alias_in(tx, self._blobs, alias=found.name, **road)
        return move_stage_in(tx, self._blobs, stage=found.name, **road)

    @staticmethod
    def _is_there(tx: Transaction, found: PromotionRequest) -> bool:
        if found.slot is Slot.ALIAS:
            return positions.alias_target(tx, found.model_id, found.name) == found.version
        return positions.stage_of(tx, found.model_id, found.version) == found.name


def given_to(tx: Transaction, *, model_id: int, slot: Slot, name: str, version: int) -> tuple[Approval, ...]:
    """The approvals that count now of the open request for a version to come to a place, if there is one."""
    open_id = rows.open_for(tx, model_id=model_id, slot=slot, name=name, number=version)
    found = rows.request(tx, open_id) if open_id is not None else None
    return given(tx, found) if found is not None else ()


def given(tx: Transaction, found: PromotionRequest) -> tuple[Approval, ...]:
    """The approvals of a request that count now: of persons who still are users, by what they may now at most."""
    roles = {each.person: access.user(tx, each.person) for each in found.approvals}
    return tuple(
        Approval(each.actor, lesser(each.role, user.role))
        for each in found.approvals
        if (user := roles[each.person]) is not None
    )


def _not_approved(found: PromotionRequest, missing: list[Need]) -> Conflict:
    lacking = ", ".join(f"{need.count - need.given} of {need.role.value}s" for need in missing)
    return Conflict(f"request {found.id} still needs approvals: {lacking}", request=found.id)
