"""Rows of users and of their tokens."""

from dataclasses import dataclass

from modelshelf.database.database import Row, Transaction
from modelshelf.domain.access import Role, User
from modelshelf.domain.credentials import USE_INTERVAL_MS, Token

_SELECT_USERS = "SELECT name, role, password_hash <> '' AS has_password, created_ms, created_by, updated_ms FROM users"
_SELECT_TOKENS = """
    SELECT t.id, u.name AS user_name, t.name, t.role, t.created_ms, t.created_by, t.expires_ms, t.used_ms,
        t.digest, u.role AS user_role
    FROM tokens t JOIN users u ON u.id = t.user_id
"""


@dataclass(frozen=True, slots=True)
class StoredToken:
    """A token with what checks it, and what its user may do now."""

    token: Token
    digest: str
    user_role: Role


def insert_user(tx: Transaction, user: User, *, password_hash: str) -> bool:
    """Add a user; False where the name is taken."""
    added = tx.execute(
        """
        INSERT INTO users (name, role, password_hash, created_ms, created_by, updated_ms)
        VALUES (:name, :role, :password_hash, :created_ms, :created_by, :updated_ms)
        ON CONFLICT (name) DO NOTHING
        """,
        name=user.name,
        role=user.role.value,
        password_hash=password_hash,
        created_ms=user.created_ms,
        created_by=user.created_by,
        updated_ms=user.updated_ms,
    )
    return added == 1


def user(tx: Transaction, name: str) -> User | None:
    row = tx.one(f"{_SELECT_USERS} WHERE name = :name", name=name)
    return _user(row) if row else None


def users(tx: Transaction) -> list[User]:
    """All of them, by name."""
    return [_user(row) for row in tx.all(f"{_SELECT_USERS} ORDER BY name")]


def lock_user(tx: Transaction, name: str, *, now_ms: int) -> int | None:
    """Lock a user's row until the commit and note that it changed; its id."""
    row = tx.one("UPDATE users SET updated_ms = :now_ms WHERE name = :name RETURNING id", name=name, now_ms=now_ms)
    return row["id"] if row else None


def set_role(tx: Transaction, user_id: int, role: Role) -> None:
    tx.execute("UPDATE users SET role = :role WHERE id = :user_id", user_id=user_id, role=role.value)


def set_password_hash(tx: Transaction, user_id: int, password_hash: str) -> None:
    tx.execute(
        "UPDATE users SET password_hash = :password_hash WHERE id = :user_id",
        user_id=user_id,
        password_hash=password_hash,
    )


def password_of(tx: Transaction, name: str) -> tuple[Role, str] | None:
    """A user's role and the hash of the password, which is empty where there is no password."""
    row = tx.one("SELECT role, password_hash FROM users WHERE name = :name", name=name)
    return (Role(row["role"]), row["password_hash"]) if row else None


def delete_user(tx: Transaction, user_id: int) -> None:
    """Delete a user, and with it the tokens."""
    tx.execute("DELETE FROM users WHERE id = :user_id", user_id=user_id)


def insert_token(tx: Transaction, user_id: int, token: Token, *, digest: str) -> bool:
    """Add a token; False where the user has one of this name."""
    added = tx.execute(
        """
        INSERT INTO tokens (id, user_id, name, role, digest, created_ms, created_by, expires_ms)
        VALUES (:id, :user_id, :name, :role, :digest, :created_ms, :created_by, :expires_ms)
        ON CONFLICT (user_id, name) DO NOTHING
        """,
        id=token.id,
        user_id=user_id,
        name=token.name,
        role=token.role.value,
        digest=digest,
        created_ms=token.created_ms,
        created_by=token.created_by,
        expires_ms=token.expires_ms,
    )
    return added == 1


def token(tx: Transaction, token_id: str) -> StoredToken | None:
    row = tx.one(f"{_SELECT_TOKENS} WHERE t.id = :token_id", token_id=token_id)
    return StoredToken(_token(row), row["digest"], Role(row["user_role"])) if row else None


def token_by_name(tx: Transaction, user_name: str, name: str) -> Token | None:
    row = tx.one(f"{_SELECT_TOKENS} WHERE u.name = :user_name AND t.name = :name", user_name=user_name, name=name)
    return _token(row) if row else None


def tokens_of(tx: Transaction, user_name: str) -> list[Token]:
    """A user's tokens, by name."""
    rows = tx.all(f"{_SELECT_TOKENS} WHERE u.name = :user_name ORDER BY t.name", user_name=user_name)
    return [_token(row) for row in rows]


def tokens(tx: Transaction) -> list[Token]:
    """Everybody's tokens, by user and name."""
    return [_token(row) for row in tx.all(f"{_SELECT_TOKENS} ORDER BY u.name, t.name")]


def delete_token(tx: Transaction, token_id: str) -> bool:
    """Whether it was there."""
    return bool(tx.execute("DELETE FROM tokens WHERE id = :token_id", token_id=token_id))


def note_use(tx: Transaction, token_id: str, *, now_ms: int) -> None:
    """Note that a token was used, unless that was noted a moment ago."""
    tx.execute(
        """
        UPDATE tokens SET used_ms = :now_ms
        WHERE id = :token_id AND (used_ms IS NULL OR used_ms <= :moment_ago)
        """,
        token_id=token_id,
        now_ms=now_ms,
        moment_ago=now_ms - USE_INTERVAL_MS,
    )


def _user(row: Row) -> User:
    return User(
        name=row["name"],
        role=Role(row["role"]),
        has_password=bool(row["has_password"]),
        created_ms=row["created_ms"],
        created_by=row["created_by"],
        updated_ms=row["updated_ms"],
    )


def _token(row: Row) -> Token:
    return Token(
        id=row["id"],
        user=row["user_name"],
        name=row["name"],
        role=Role(row["role"]),
        created_ms=row["created_ms"],
        created_by=row["created_by"],
        expires_ms=row["expires_ms"],
        used_ms=row["used_ms"],
    )
