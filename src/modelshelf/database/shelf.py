"""Rows about the shelf itself: its identity, and where its blobs are."""

from modelshelf.database.database import Transaction


def setting(tx: Transaction, key: str) -> str | None:
    """One setting of the shelf."""
    row = tx.one("SELECT value FROM settings WHERE key = :key", key=key)
    return row["value"] if row else None


def put_setting(tx: Transaction, key: str, value: str) -> None:
    """Keep one setting of the shelf."""
    tx.execute(
        """
        INSERT INTO settings (key, value) VALUES (:key, :value)
        ON CONFLICT (key) DO UPDATE SET value = excluded.value
        """,
        key=key,
        value=value,
    )


def put_setting_once(tx: Transaction, key: str, value: str) -> str:
    """Keep one setting of the shelf unless it has one already; the one it has now."""
    row = tx.one(
        """
        INSERT INTO settings (key, value) VALUES (:key, :value)
        ON CONFLICT (key) DO UPDATE SET value = settings.value
        RETURNING value
        """,
        key=key,
        value=value,
    )
    assert row is not None
    return str(row["value"])
