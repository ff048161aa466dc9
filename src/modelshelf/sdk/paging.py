"""All pages of a search, one after the other."""

from collections.abc import Callable
from typing import TypeVar

from modelshelf.domain.pages import Page

T = TypeVar("T")

PAGE_SIZE = 1_000


def every(search: Callable[[int, str | None], Page[T]], most: int | None = None) -> list[T]:
    """The results of `search(limit, page_token)`, page by page, until there are no more or `most` are there."""
    found: list[T] = []
    token: str | None = None
    while most is None or len(found) < most:
        page = search(PAGE_SIZE if most is None else min(PAGE_SIZE, most - len(found)), token)
        found.extend(page.items)
        token = page.next_token
        if not token:
            break
    return found
