"""Requests that are done once, however often they are sent: the answer is kept in the transaction of the change."""

from collections.abc import Callable

from modelshelf.database import idempotency
from modelshelf.database.database import Database
from modelshelf.database.nested import NestedDatabase
from modelshelf.domain.errors import Invalid, ShelfError

KEY_LIMIT = 255
KEPT_MS = 24 * 60 * 60 * 1000
"""For so long a repetition is recognised."""


def once(
    database: Database, work: Callable[[Database], str], *, actor: str, key: str, request: str, now_ms: int
) -> str:
    """What `work` answers, or what it answered when the actor sent the same key before.

    Change and answer are one transaction, so there is never one without the other; a repetition that comes while the
    first is under way waits for it. A refusal leaves the key free. Raises Invalid for a key of another request.
    """
    _check(key)
    refusal: ShelfError
    with database.write() as tx:
        idempotency.forget(tx, before_ms=now_ms - KEPT_MS)
        if not idempotency.claim(tx, actor, key, request=request, now_ms=now_ms):
            return _repeated(idempotency.answered(tx, actor, key), request, key)
        nested = NestedDatabase(tx)
        try:
            answer = work(nested)
        except ShelfError as error:
            if not nested.has_written:
                raise
            refusal = error  # and it is in the ledger, which has to be committed
            idempotency.release(tx, actor, key)
        else:
            idempotency.keep(tx, actor, key, answer=answer)
            return answer
    raise refusal


def _check(key: str) -> None:
    if not 1 <= len(key) <= KEY_LIMIT or not key.isascii() or not key.isprintable():
        raise Invalid(f"an Idempotency-Key is 1 to {KEY_LIMIT} printable ASCII characters, such as a UUID")


def _repeated(found: tuple[str, str] | None, request: str, key: str) -> str:
    if found is None or found[0] != request:
        raise Invalid(f"the Idempotency-Key {key!r} was used for another request; take a new one for this one", key=key)
    return found[1]
