"""Requests for promotion: the inbox, and each with what speaks for it and against it beside the decision."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from modelshelf.domain.errors import NotFound
from modelshelf.domain.gates import ClauseResult, GateResult, Judgement
from modelshelf.domain.requests import PromotionRequest, RequestDetails, RequestState
from modelshelf.ui import formatting, inbox
from modelshelf.ui.exchange import Answer, Asked, Routes
from modelshelf.ui.rendering import page

_SIZE = 50
_LOOKED_THROUGH = 500
_MOST_METRICS = 200
_MOST_EVALUATIONS = 20
_TABS = {"waiting": "Waiting for me", "open": "Open", "mine": "Mine", "closed": "Closed", "all": "All"}


@dataclass(frozen=True, slots=True)
class Said:
    """Something that somebody did or said about a request; `kind` picks the mark in front of it."""

    kind: str
    actor: str
    what: str
    text: str
    time_ms: int


@dataclass(frozen=True, slots=True)
class Measured:
    """A metric of the version that is there and of the one that is to come."""

    key: str
    current: float | None
    candidate: float | None

    @property
    def delta(self) -> str:
        """How it changes."""
        if self.current is None or self.candidate is None:
            return ""
        return formatting.delta(self.current, self.candidate)


def promotions(asked: Asked) -> Answer:
    """The inbox."""
    tabs = _tabs(asked)
    shown = asked.one("show") if asked.one("show") in tabs else next(iter(tabs))
    found, token = _found(asked, shown)
    return page(
        asked,
        "promotions.html",
        title="Promotions",
        tabs=tabs,
        shown=shown,
        requests=found,
        next_token=token,
        waiting=inbox.waiting(asked),
    )


def _tabs(asked: Asked) -> dict[str, str]:
    hidden = set() if asked.user and asked.may("approve") else {"waiting"}
    hidden |= set() if asked.user else {"mine"}
    return {key: label for key, label in _TABS.items() if key not in hidden}


def _found(asked: Asked, shown: str) -> tuple[list[PromotionRequest], str | None]:
    """A page of those that a tab is about; where the registry can't choose them, so many are looked through."""
    state = "open" if shown in {"open", "waiting"} else None
    size = _SIZE if shown in {"open", "all"} else _LOOKED_THROUGH
    found = asked.registry.governance.requests(
        asked.one("model") or None, state=state, limit=size, page_token=asked.one("page") or None
    )
    return [each for each in found.items if _belongs(asked, each, shown)], found.next_token


def _belongs(asked: Asked, request: PromotionRequest, shown: str) -> bool:
    """Whether a request is one of those that a tab is about."""
    if shown == "waiting":
        return inbox.waits_for(asked, request)
    if shown == "mine":
        return inbox.person(request.author) == inbox.person(asked.user)
    return shown != "closed" or request.state is not RequestState.OPEN


def request(asked: Asked) -> Answer:
    """One request."""
    details = asked.registry.governance.request(asked.number("request"))
    asking = details.request
    judged = _judged(asked, details)
    return page(
        asked,
        "request.html",
        title=f"Request {asking.id}",
        request=asking,
        details=details,
        may=inbox.choices(asked, asking, details.needs),
        is_own=bool(asked.user) and inbox.person(asked.user) == inbox.person(asking.author),
        judged=judged,
        measured=measured(judged.evidence) if judged else [],
        evaluations=_evaluations(asked, asking),
        said=_said(details),
    )


def _judged(asked: Asked, details: RequestDetails) -> Judgement | None:
    """What the gates say now, with the approvals that it has; None for what is closed, or gone."""
    asking = details.request
    if asking.state is not RequestState.OPEN:
        return None
    try:
        found = asked.registry.governance.judge(asking.model, asking.version, alias=asking.alias, stage=asking.stage)
    except NotFound:
        return None
    return replace(found, gates=tuple(_with_approvals(gate, details) for gate in found.gates))


def _with_approvals(gate: GateResult, details: RequestDetails) -> GateResult:
    """A gate's result where its approvals are those of the request."""
    need = next((each for each in details.needs if each.gate == gate.gate), None)
    if need is None:
        return gate
    seen = {"approvals": [each.person for each in details.request.approvals]}
    lacking = "" if need.met else f"{need.count - need.given} more to come"
    *others, asked_for = gate.clauses
    agreed = ClauseResult(asked_for.clause, need.met, name=asked_for.name, note=lacking, seen=seen)
    return GateResult(gate.gate, (*others, agreed))


def measured(evidence: Mapping[str, Any]) -> list[Measured]:
    """The metrics in a document of evidence, side by side: those of both versions first."""
    candidate = (evidence.get("candidate") or {}).get("metrics", {})
    current = (evidence.get("current") or {}).get("metrics", {})
    keys = sorted({*candidate, *current}, key=lambda key: (key not in candidate or key not in current, key))
    return [Measured(key, current.get(key), candidate.get(key)) for key in keys[:_MOST_METRICS]]


def _evaluations(asked: Asked, asking: PromotionRequest) -> list[Any]:
    try:
        return asked.registry.governance.evaluations(asking.model, asking.version, limit=_MOST_EVALUATIONS)
    except NotFound:
        return []


def _said(details: RequestDetails) -> list[Said]:
    asking = details.request
    found = [Said("opened", asking.author, "asked for it", asking.reason, asking.created_ms)]
    found += [
        Said("approved", each.actor, f"approved, as {each.role.value}", each.reason, each.time_ms)
        for each in asking.approvals
    ]
    found += [Said("comment", each.actor, "said", each.text, each.time_ms) for each in details.comments]
    if asking.state is not RequestState.OPEN:
        by = asking.closed_by or "system"
        found.append(Said(asking.state.value, by, f"{asking.state.value} it", asking.closing, asking.updated_ms))
    return sorted(found, key=lambda each: each.time_ms)


ROUTES: Routes = {
    ("GET", "/promotions"): promotions,
    ("GET", "/promotions/{request}"): request,
}
