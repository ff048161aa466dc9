"""Searches of any size: page after page up to a limit, and whether there is more."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

import click

from modelshelf.cli.blocks import Note
from modelshelf.domain.pages import Page

T = TypeVar("T")

_PAGE = 1000
_LIMIT = 100

limit_option = click.option(
    "--limit",
    type=click.IntRange(1),
    default=_LIMIT,
    show_default=True,
    metavar="N",
    help="Answer at most N.",
)
order_option = click.option(
    "--order-by",
    "order_by",
    multiple=True,
    metavar="FIELD",
    help="Sort by a field, e.g. 'name' or 'created DESC'; may be given several times.",
)


@dataclass(frozen=True, slots=True)
class Found(Generic[T]):
    """What was found, and whether the limit left anything out."""

    items: tuple[T, ...]
    more: bool

    @property
    def notes(self) -> tuple[Note, ...]:
        """What to say below a table."""
        return (Note(f"the first {len(self.items)}; there are more: --limit N"),) if self.more else ()


def found(page: Callable[[int, str | None], Page[T]], limit: int) -> Found[T]:
    """Ask for pages, each of a size and after a token, until there are `limit` items or no more."""
    items: list[T] = []
    token: str | None = None
    while True:
        got = page(min(_PAGE, limit - len(items)), token)
        items += got.items
        token = got.next_token
        if token is None or len(items) >= limit:
            return Found(tuple(items), more=token is not None)
