"""Requests for promotion as somebody sees them: which wait for this person, and what the person may do about one."""

from collections.abc import Sequence
from typing import Final

from modelshelf.domain.errors import ShelfError
from modelshelf.domain.requests import Need, PromotionRequest, RequestState
from modelshelf.ui.exchange import Asked

MOST_COUNTED: Final = 100


def person(name: str) -> str:
    """Who an actor is: a token acts for its user."""
    return name.partition("/")[0]


def waits_for(asked: Asked, request: PromotionRequest) -> bool:
    """Whether the viewer could approve a request, and has not."""
    if not asked.user or not asked.may("approve") or request.state is not RequestState.OPEN:
        return False
    me = person(asked.user)
    return person(request.author) != me and me not in {each.person for each in request.approvals}


def waiting(asked: Asked) -> int:
    """How many open requests, of the newest hundred, wait for the viewer."""
    if not asked.signs_in or not asked.user or not asked.may("approve"):
        return 0
    try:
        found = asked.registry.governance.requests(state="open", limit=MOST_COUNTED).items
    except ShelfError:
        return 0  # the page itself tells what is wrong
    return sum(waits_for(asked, request) for request in found)


def choices(asked: Asked, request: PromotionRequest, needs: Sequence[Need]) -> dict[str, bool]:
    """What the viewer may do about a request."""
    is_open = request.state is RequestState.OPEN
    is_own = bool(asked.user) and person(request.author) == person(asked.user)
    is_agreed = all(need.met for need in needs)
    return {
        "approve": waits_for(asked, request),
        "carry_out": is_open and is_agreed and asked.may("move"),
        "reject": is_open and bool(asked.user) and asked.may("approve"),
        "withdraw": is_open and (is_own or asked.may("administer")) and asked.may("write"),
        "comment": asked.may("write"),
    }
