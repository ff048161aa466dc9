"""Rows of answered requests, by the key that their sender chose."""

from modelshelf.database.database import Transaction


def claim(tx: Transaction, actor: str, key: str, *, request: str, now_ms: int) -> bool:
    """Take a key; False where the actor used it before. Waits for a transaction that is taking it just now."""
    return (
        tx.execute(
            """
            INSERT INTO idempotency_keys (actor, key, request, answer, created_ms)
            VALUES (:actor, :key, :request, '', :now_ms)
            ON CONFLICT (actor, key) DO NOTHING
            """,
            actor=actor,
            key=key,
            request=request,
            now_ms=now_ms,
        )
        == 1
    )


def answered(tx: Transaction, actor: str, key: str) -> tuple[str, str] | None:
    """The request that a key was used for, and what was answered."""
    row = tx.one(
        "SELECT request, answer FROM idempotency_keys WHERE actor = :actor AND key = :key", actor=actor, key=key
    )
    return (row["request"], row["answer"]) if row else None


def keep(tx: Transaction, actor: str, key: str, *, answer: str) -> None:
    """Note what was answered."""
    tx.execute(
        "UPDATE idempotency_keys SET answer = :answer WHERE actor = :actor AND key = :key",
        answer=answer,
        actor=actor,
        key=key,
    )


def release(tx: Transaction, actor: str, key: str) -> None:
    """Give a key back: nothing was done under it."""
    tx.execute("DELETE FROM idempotency_keys WHERE actor = :actor AND key = :key", actor=actor, key=key)


def forget(tx: Transaction, *, before_ms: int) -> None:
    """Remove what is old."""
    tx.execute("DELETE FROM idempotency_keys WHERE created_ms < :before_ms", before_ms=before_ms)
