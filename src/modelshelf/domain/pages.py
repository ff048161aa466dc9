"""A page of results, and the opaque token that asks for the next one."""

import base64
import binascii
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeAlias, TypeVar

from modelshelf.domain.errors import Invalid
from modelshelf.domain.names import storable

T = TypeVar("T")
Kind: TypeAlias = type | tuple[type, ...]

TOKEN_LIMIT = 20_000

_DIGEST_LENGTH = 16


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some of the results in their order; `next_token` asks for those after them, None where these are the last."""

    items: tuple[T, ...] = ()
    next_token: str | None = None


def page_token(after: Sequence[Any], *, query: Any) -> str:
    """The token of the page that starts after the row with these order values.

    `after` and `query` (all that settles which rows come, in which order) are JSON values.
    """
    text = json.dumps([_digest(query), *after], separators=(",", ":"), ensure_ascii=False)
    return base64.urlsafe_b64encode(text.encode()).decode()


def page_start(token: str | None, *, query: Any, kinds: Sequence[Kind]) -> tuple[Any, ...] | None:
    """The order values that the token was made of, one of each of `kinds`; None for the first page (no token, or "").

    Raises Invalid for a token that was made by another query, or by nobody: what comes back is fit to be bound to SQL.
    """
    if not token:
        return None
    digest, *after = _decoded(token)
    if digest != _digest(query):
        raise Invalid(
            "the page token belongs to another query; repeat the query that returned it, or leave the token out"
        )
    if len(after) != len(kinds) or not all(_is_a(value, kind) for value, kind in zip(after, kinds, strict=True)):
        raise _unreadable()
    return tuple(after)


def _is_a(value: Any, kind: Kind) -> bool:
    if isinstance(value, bool) or not isinstance(value, kind):
        return False
    if isinstance(value, str):
        storable(value, "page token")
    return not isinstance(value, int) or abs(value) < 2**63


def _decoded(token: str) -> list[Any]:
    if len(token) > TOKEN_LIMIT:
        raise _unreadable()
    try:
        values = json.loads(base64.b64decode(token.encode("ascii"), altchars=b"-_", validate=True))
    except (binascii.Error, UnicodeError, ValueError, RecursionError):
        raise _unreadable() from None
    if not isinstance(values, list) or not values:
        raise _unreadable()
    return values


def _unreadable() -> Invalid:
    return Invalid("not a page token of ours; pass on the token as it was returned, or leave it out for the first page")


def _digest(query: Any) -> str:
    text = json.dumps(query, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:_DIGEST_LENGTH]
