"""Pages as MLflow's clients ask for them: a size with its own limits, and a token."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from modelshelf.domain.pages import Page
from modelshelf.mlflow_api.errors import Refusal
from modelshelf.mlflow_api.routing import Body

T = TypeVar("T")

_FIRST = "Zmlyc3Q="
"""The token of the first page, given with an empty page that somebody asked for."""


@dataclass(frozen=True, slots=True)
class Paging:
    """The size of a page unless given; without a least size an empty page may be asked for.

    Where more is asked for than a page can hold, it holds as many as it can.
    """

    default: int
    holds: int
    at_least: int | None = 1
    at_most: int | None = None


@dataclass(frozen=True, slots=True)
class Paged(Generic[T]):
    """What is on a page, and the token of the next one."""

    items: tuple[T, ...]
    token: str | None

    def answer(self, name: str, written: Callable[[T], dict[str, Any]]) -> Body:
        """The page as JSON; an empty list is left out."""
        body: Body = {}
        if self.items:
            body[name] = [written(item) for item in self.items]
        if self.token:
            body["next_page_token"] = self.token
        return body


def page_of(body: Body, paging: Paging, search: Callable[[int, str | None], Page[T]]) -> Paged[T]:
    """The page that a body asks for; `search` takes its size and our own token."""
    size = body.get("max_results", paging.default)
    if paging.at_least is not None and size < paging.at_least:
        raise Refusal.invalid(f"Invalid value {size} for parameter 'max_results': the least is {paging.at_least}")
    if paging.at_most is not None and size > paging.at_most:
        raise Refusal.invalid(f"Invalid value {size} for parameter 'max_results': the most is {paging.at_most}")
    token = body.get("page_token") or None
    if token == _FIRST:
        token = None
    found = search(min(max(size, 1), paging.holds), token)
    if size < 1:
        return Paged((), (token or _FIRST) if found.items else None)
    return Paged(found.items, found.next_token)
