"""Requests for promotion: opened, discussed, approved or rejected, and carried out."""

import sys

from modelshelf.database import access, catalog, governance
from modelshelf.database import requests as rows
from modelshelf.database.database import Transaction
from modelshelf.domain.access import Permission
from modelshelf.domain.errors import AlreadyExists, Conflict, Forbidden, Invalid
from modelshelf.domain.events import EventName
from modelshelf.domain.governance import Slot
from modelshelf.domain.names import REASON_LIMIT, alias_name, bounded, stage_name, version_number
from modelshelf.domain.pages import Page, page_start
from modelshelf.domain.pages import page_token as make_token
from modelshelf.domain.requests import (
    COMMENT_LIMIT,
    COMMENTS_LIMIT,
    REQUEST_PAGE_LIMIT,
    PromotionRequest,
    RequestComment,
    RequestDetails,
    RequestState,
    expiry,
    person_of,
    request_state,
)
from modelshelf.services import refusals, superseding
from modelshelf.services.approval_status import ApprovalStatuses
from modelshelf.services.approvals import Approvals
from modelshelf.services.moving import ANYTHING

_EXPIRED_AT_ONCE = 100


class Requests(Approvals, ApprovalStatuses):
    """Requests for promotion: opened, discussed, approved or rejected, and carried out."""

    def open_request(
        self,
        model: str,
        version: int,
        *,
        alias: str | None = None,
        stage: str | None = None,
        reason: str = "",
        if_current: int | None = ANYTHING,
        expires_ms: int | None = None,
    ) -> PromotionRequest:
        """Ask that an alias, or else a stage, moves to a version; it does when enough others have approved.

        `if_current`: only where this version is there then (None: none); `expires_ms`: the instant when it ends by
        itself. Raises Invalid, NotFound, AlreadyExists where the same is asked for already (`details["request"]`),
        Conflict where the version is there, Forbidden for the anonymous and on a shelf without users.
        """
        self._actor.require(Permission.WRITE)
        person_of(self._actor.name)
        (slot, name), number = _slot(alias, stage), version_number(version)
        with self._database.write() as tx:
            model_id, now_ms = self._locked(tx, model)
            self._require_requestable(tx, model, model_id, number, slot, name)
            wanted = PromotionRequest(
                id=0,
                model_id=model_id,
                model=model,
                version=number,
                slot=slot,
                name=name,
                state=RequestState.OPEN,
                reason=bounded(reason, "reason", REASON_LIMIT),
                author=self._actor.name,
                before=self._current(tx, model_id, slot, name),
                if_current=if_current,
                created_ms=now_ms,
                updated_ms=now_ms,
                expires_ms=expiry(expires_ms, now_ms=self._clock()),
            )
            return self._open(tx, wanted)

    def request(self, request_id: int) -> RequestDetails:
        """A request with its approvals and comments, and what it waits for. Raises NotFound."""
        self._actor.require(Permission.READ)
        with self._database.read() as tx:
            found = self._request(tx, request_id).as_of(self._clock())
            return RequestDetails(
                request=found,
                comments=tuple(rows.comments(tx, request_id)),
                needs=self._needs(tx, found),
                current=self._current(tx, found.model_id, found.slot, found.name),
            )

    def requests(
        self, model: str | None = None, *, state: str | None = None, limit: int = 100, page_token: str | None = None
    ) -> Page[PromotionRequest]:
        """Requests of the whole shelf or of one model, in any state or in one, the newest first.

        `limit` is 1 to 1,000. Raises Invalid for a bad state, limit or page token, NotFound for an unknown model.
        """
        self._actor.require(Permission.READ)
        wanted, query = None if state is None else request_state(state), ["requests", model, state]
        if not 1 <= limit <= REQUEST_PAGE_LIMIT:
            raise Invalid(f"a page holds 1 to {REQUEST_PAGE_LIMIT:,} requests, not {limit}", limit=REQUEST_PAGE_LIMIT)
        (before,) = page_start(page_token, query=query, kinds=(int,)) or (sys.maxsize,)
        now_ms = self._clock()
        with self._database.read() as tx:
            ids = None if model is None else self._model_ids(tx, model)
            found = rows.page(tx, before_id=before, limit=limit + 1, now_ms=now_ms, model_ids=ids, state=wanted)
        items = tuple(each.as_of(now_ms) for each in found[:limit])
        return Page(items, make_token([items[-1].id], query=query) if len(found) > limit else None)

    def comment_request(self, request_id: int, text: str) -> RequestComment:
        """Say something about a request, at most 10,000 characters; a request holds 200 comments. Raises NotFound."""
        self._actor.require(Permission.WRITE)
        text, now_ms = bounded(text, "comment", COMMENT_LIMIT), self._clock()
        if not text.strip():
            raise Invalid("an empty comment says nothing", field="text")
        with self._database.write() as tx:
            found = self._request(tx, request_id)
            if rows.comment_count(tx, request_id) >= COMMENTS_LIMIT:
                raise Conflict(
                    f"request {request_id} has {COMMENTS_LIMIT} comments, which is the limit", limit=COMMENTS_LIMIT
                )
            made = rows.comment(tx, request_id, actor=self._actor.name, text=text, now_ms=now_ms)
            name = EventName.REQUEST_COMMENTED
            superseding.record(tx, name, found, actor=made.actor, now_ms=now_ms, text=text, comment=made.id)
            return made

    def reject_request(self, request_id: int, *, reason: str = "") -> PromotionRequest:
        """Turn a request down; it can be opened again. Raises NotFound, Conflict where it is not open any more."""
        self._actor.require(Permission.APPROVE)
        person_of(self._actor.name)
        return self._end(request_id, RequestState.REJECTED, reason)

    def withdraw_request(self, request_id: int, *, reason: str = "") -> PromotionRequest:
        """Take a request back: for its author, also with a token, and for administrators.

        Raises NotFound, Conflict where it is not open any more.
        """
        self._actor.require(Permission.WRITE)
        return self._end(request_id, RequestState.WITHDRAWN, reason)

    def expire_requests(self) -> int:
        """Note of some requests whose time is over that they have expired; how many they were."""
        self._actor.require(Permission.ADMINISTER)
        now_ms = self._clock()
        with self._database.read() as tx:
            if not rows.overdue(tx, now_ms=now_ms, limit=1):
                return 0
        with self._database.write() as tx:
            locked = (
                rows.lock_open(tx, each, now_ms=now_ms)
                for each in sorted(rows.overdue(tx, now_ms=now_ms, limit=_EXPIRED_AT_ONCE))  # as all lock them
            )
            return sum(self._lapsed(tx, each, now_ms) is not None for each in locked if each is not None)

    def _end(self, request_id: int, state: RequestState, reason: str) -> PromotionRequest:
        reason, now_ms = bounded(reason, "reason", REASON_LIMIT), self._clock()
        with self._database.write() as tx:
            found = self._open_request(tx, request_id, now_ms)
            if state is RequestState.WITHDRAWN and person_of(found.author) != person_of(self._actor.name):
                self._require_admin(found)
            refusal = self._lapsed(tx, found, now_ms)
            if refusal is None:
                superseding.close(tx, found, state, actor=self._actor.name, now_ms=now_ms, why=reason)
                return self._request(tx, request_id)
        raise refusal

    def _require_admin(self, found: PromotionRequest) -> None:
        try:
            self._actor.require(Permission.ADMINISTER)
        except Forbidden:
            raise Forbidden(
                f"request {found.id} is {found.author}'s; only they, or an administrator, withdraw it. "
                "Approvers reject requests",
                actor=self._actor.name,
                request=found.id,
            ) from None

    def _open(self, tx: Transaction, wanted: PromotionRequest) -> PromotionRequest:
        earlier = rows.open_for(tx, model_id=wanted.model_id, slot=wanted.slot, name=wanted.name, number=wanted.version)
        if earlier is not None and (locked := rows.lock_open(tx, earlier, now_ms=wanted.created_ms)) is not None:
            self._lapsed(tx, locked, wanted.created_ms)
        request_id = rows.insert(tx, wanted)
        if request_id is None:
            raise AlreadyExists(
                f"request {earlier} asks for version {wanted.version} of {wanted.target} already; "
                "comment on that one, or withdraw it first",
                request=earlier,
            )
        made = self._request(tx, request_id)
        superseding.record(
            tx,
            EventName.REQUEST_OPENED,
            made,
            actor=made.author,
            now_ms=made.created_ms,
            reason=made.reason,
            before=made.before,
            expires_ms=made.expires_ms,
        )
        return made

    def _require_requestable(
        self, tx: Transaction, model: str, model_id: int, number: int, slot: Slot, name: str
    ) -> None:
        if not access.users(tx):
            raise Forbidden(
                "without users nobody could approve it: make some with modelshelf user create, and start the server "
                "with --auth required; or promote right away",
                actor=self._actor.name,
            )
        stage = governance.stage_of(tx, model_id, number)
        if stage is None:
            raise refusals.no_version(tx, model, model_id, number)
        there = stage == name if slot is Slot.STAGE else governance.alias_target(tx, model_id, name) == number
        if there:
            place = f"{model}@{name}" if slot is Slot.ALIAS else f"{model} in {name}"
            raise Conflict(f"version {number} is {place} already; there is nothing to ask for", model=model)

    @staticmethod
    def _model_ids(tx: Transaction, model: str) -> list[int]:
        current = catalog.model_id(tx, model)
        ids = [current] if current is not None else catalog.model_ids_ever(tx, model)
        if not ids:
            raise refusals.no_model(tx, model)
        return ids


def _slot(alias: str | None, stage: str | None) -> tuple[Slot, str]:
    if (alias is None) == (stage is None):
        raise Invalid("name either an alias or a stage to ask for, and not both", field="alias")
    return (Slot.ALIAS, alias_name(alias)) if alias is not None else (Slot.STAGE, stage_name(stage).value)
