"""Requests for promotion: who asks for what, who agreed, and what became of it."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

from modelshelf.domain.access import ANONYMOUS, SYSTEM, Role, at_least
from modelshelf.domain.errors import Forbidden, Invalid
from modelshelf.domain.gates import Approval
from modelshelf.domain.governance import Slot
from modelshelf.domain.names import REASON_LIMIT

COMMENT_LIMIT = 10_000
"""Characters of one comment."""
COMMENTS_LIMIT = 200
"""Comments on one request."""
REQUEST_PAGE_LIMIT = 1000
"""Requests on one page."""


class RequestState(StrEnum):
    """What became of a request."""

    OPEN = "open"
    PROMOTED = "promoted"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"
    SUPERSEDED = "superseded"  # what it was about is gone


class ApprovalStatus(StrEnum):
    """What SageMaker's registry says of a version; empty where nobody said anything."""

    NONE = ""
    PENDING = "PendingManualApproval"
    APPROVED = "Approved"
    REJECTED = "Rejected"


@dataclass(frozen=True, slots=True)
class RequestApproval:
    """A person's yes."""

    person: str
    """The user, also where it was said with a token."""
    actor: str
    role: Role
    reason: str
    time_ms: int


@dataclass(frozen=True, slots=True)
class RequestComment:
    """What somebody said about a request."""

    id: int
    actor: str
    text: str
    time_ms: int


@dataclass(frozen=True, slots=True)
class Need:
    """How many approvals of a role, or a higher one, a request needs, and how many it has."""

    count: int
    role: Role
    given: int = 0
    gate: str = ""
    """The gate that asks for them; empty for the one approval that every request needs."""

    @property
    def met(self) -> bool:
        return self.given >= self.count


@dataclass(frozen=True, slots=True)
class PromotionRequest:
    """The wish that an alias or a stage moves to a version, with those who agree to it."""

    id: int
    model_id: int
    model: str
    """The model's name now, or the last it had."""
    version: int
    slot: Slot
    name: str
    """The alias, or the stage."""
    state: RequestState
    reason: str
    author: str
    before: int | None
    """The version that was there when it was opened."""
    if_current: int | None
    """Only where this version is there still: -1 is any, None is none."""
    created_ms: int
    updated_ms: int
    expires_ms: int | None = None
    closed_by: str = ""
    closing: str = ""
    """Why it was closed."""
    refusal: str = ""
    """Why it could not be carried out when last that was tried; it stays open."""
    move: int | None = None
    """The move that fulfilled it."""
    approvals: tuple[RequestApproval, ...] = ()

    @property
    def alias(self) -> str | None:
        return self.name if self.slot is Slot.ALIAS else None

    @property
    def stage(self) -> str | None:
        return self.name if self.slot is Slot.STAGE else None

    @property
    def target(self) -> str:
        """Where it wants the version: `fraud@champion`, or `fraud in Production`."""
        return f"{self.model}@{self.name}" if self.slot is Slot.ALIAS else f"{self.model} in {self.name}"

    def overdue(self, now_ms: int) -> bool:
        return self.state is RequestState.OPEN and self.expires_ms is not None and self.expires_ms <= now_ms

    def as_of(self, now_ms: int) -> "PromotionRequest":
        """How it counts at an instant: an overdue one has expired, though nobody has noted it yet."""
        return replace(self, state=RequestState.EXPIRED) if self.overdue(now_ms) else self


@dataclass(frozen=True, slots=True)
class RequestDetails:
    """A request with all that was said, and what it waits for."""

    request: PromotionRequest
    comments: tuple[RequestComment, ...]
    needs: tuple[Need, ...]
    current: int | None
    """The version that is there now."""


def person_of(actor: str) -> str:
    """Who an actor is: a token acts for its user. Raises Forbidden for those who are nobody."""
    if actor in {ANONYMOUS, SYSTEM} or actor.startswith("policy:"):
        raise Forbidden(
            f"{actor} is nobody in particular, and requests are made and approved by persons: start the server with "
            "--auth required, and come in with a user's password or token",
            actor=actor,
        )
    return actor.partition("/")[0]


def approver_of(actor: str) -> str:
    """Who agrees; raises Forbidden also for the system user of an embedded shelf, whom nobody has asked for a proof."""
    person = person_of(actor)
    if person.startswith("local:"):
        raise Forbidden(
            f"{actor} uses the database directly, where nobody proves who they are; approve over a server with "
            "--auth required",
            actor=actor,
        )
    return person


def own_approval(request: PromotionRequest, actor: str) -> Forbidden | None:
    """Why an actor may not approve a request: it is their own, or that of another token of theirs."""
    if person_of(request.author) != person_of(actor):
        return None
    return Forbidden(
        f"request {request.id} is {request.author}'s own, and nobody approves their own; ask somebody else",
        actor=actor,
        request=request.id,
    )


def counted(needs: Iterable[Need], approvals: Collection[Approval]) -> tuple[Need, ...]:
    """The needs with how far they are met."""
    return tuple(
        replace(need, given=sum(at_least(approval.role, need.role) for approval in approvals)) for need in needs
    )


def move_reason(request: PromotionRequest) -> str:
    """The reason of the move that fulfils a request: it names the request and its author."""
    said = f": {request.reason}" if request.reason else ""
    return f"request {request.id} of {request.author}{said}"[:REASON_LIMIT]


def request_state(text: object) -> RequestState:
    """A state by its name; raises Invalid with those that there are."""
    try:
        return RequestState(str(text))
    except ValueError:
        known = ", ".join(state.value for state in RequestState)
        raise Invalid(f"unknown state {text!r}: a request is {known}", field="state") from None


def approval_status(text: object) -> ApprovalStatus:
    """An approval status in any case, none where the text is empty; raises Invalid with those that there are."""
    found = {status.value.lower(): status for status in ApprovalStatus}.get(str(text).lower())
    if found is None:
        known = ", ".join(status.value for status in ApprovalStatus if status.value)
        raise Invalid(f"unknown approval status {text!r}: it is {known}, or empty for none", field="status")
    return found


def expiry(expires_ms: int | None, *, now_ms: int) -> int | None:
    """When a request ends by itself, checked: an instant to come, in milliseconds since the epoch."""
    if expires_ms is not None and not now_ms < expires_ms < 2**63:
        raise Invalid(
            f"a request can't expire at {expires_ms}: that is no instant to come, in milliseconds since the epoch",
            field="expires_ms",
        )
    return expires_ms
