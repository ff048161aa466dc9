"""Rows of browsers' sessions."""

import hashlib
from dataclasses import dataclass

from modelshelf.database.database import Transaction
from modelshelf.domain.access import Role


@dataclass(frozen=True, slots=True)
class StoredSession:
    """A session with what it stands for now: its user, and the token that opened it, if one did."""

    user: str
    role: Role
    expires_ms: int
    token: str = ""
    token_role: Role | None = None
    token_expires_ms: int | None = None
    is_stale: bool = False
    """Whether the password that opened it is not the user's any more."""


def insert_session(tx: Transaction, digest: str, *, user: str, token: str, created_ms: int, expires_ms: int) -> bool:
    """Add a session of a user, opened by the token of that name or, where it is empty, by the password."""
    row = tx.one(
        """
        SELECT u.id, u.password_hash, t.id AS token_id
        FROM users u LEFT JOIN tokens t ON t.user_id = u.id AND t.name = :token
        WHERE u.name = :user
        """,
        user=user,
        token=token,
    )
    if row is None or (token and row["token_id"] is None):
        return False
    tx.execute(
        """
        INSERT INTO ui_sessions (digest, user_id, token_id, password_mark, created_ms, expires_ms)
        VALUES (:digest, :user_id, :token_id, :mark, :created_ms, :expires_ms)
        """,
        digest=digest,
        user_id=row["id"],
        token_id=row["token_id"],
        mark="" if token else _mark(row["password_hash"]),
        created_ms=created_ms,
        expires_ms=expires_ms,
    )
    return True


def session(tx: Transaction, digest: str) -> StoredSession | None:
    row = tx.one(
        """
        SELECT u.name, u.role, u.password_hash, s.password_mark, s.expires_ms,
            t.name AS token, t.role AS token_role, t.expires_ms AS token_expires_ms
        FROM ui_sessions s JOIN users u ON u.id = s.user_id LEFT JOIN tokens t ON t.id = s.token_id
        WHERE s.digest = :digest
        """,
        digest=digest,
    )
    if row is None:
        return None
    return StoredSession(
        user=row["name"],
        role=Role(row["role"]),
        expires_ms=row["expires_ms"],
        token=row["token"] or "",
        token_role=Role(row["token_role"]) if row["token_role"] else None,
        token_expires_ms=row["token_expires_ms"],
        is_stale=row["token"] is None and row["password_mark"] != _mark(row["password_hash"]),
    )


def delete_session(tx: Transaction, digest: str) -> bool:
    """Whether it was there."""
    return tx.execute("DELETE FROM ui_sessions WHERE digest = :digest", digest=digest) > 0


def delete_expired(tx: Transaction, *, now_ms: int) -> int:
    """Delete the sessions that are over; how many they were."""
    return tx.execute("DELETE FROM ui_sessions WHERE expires_ms <= :now_ms", now_ms=now_ms)


def _mark(password_hash: str) -> str:
    return hashlib.sha256(password_hash.encode()).hexdigest()
