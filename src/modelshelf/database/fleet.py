"""Rows of loaders: what they last said of themselves."""

from collections.abc import Sequence

from modelshelf.database.database import Row, Transaction
from modelshelf.domain.fleet import Heartbeat, Loader

_COLUMNS = "loader, host, model, alias, version, digest, kind, loaded_ms, stale_since_ms, last_error, seen_ms, actor"


def put(tx: Transaction, beats: Sequence[Heartbeat], *, actor: str, now_ms: int) -> None:
    """What loaders say now, in place of what they said before; in one order, so that writers don't wait in a circle."""
    tx.many(
        f"""
        INSERT INTO loaders ({_COLUMNS})
        VALUES (:loader, :host, :model, :alias, :version, :digest, :kind, :loaded_ms, :stale_since_ms, :last_error,
                :now_ms, :actor)
        ON CONFLICT (loader, model, alias) DO UPDATE SET
            host = excluded.host, version = excluded.version, digest = excluded.digest, kind = excluded.kind,
            loaded_ms = excluded.loaded_ms, stale_since_ms = excluded.stale_since_ms,
            last_error = excluded.last_error, seen_ms = excluded.seen_ms, actor = excluded.actor
        """,
        [
            {
                "loader": each.loader,
                "host": each.host,
                "model": each.model,
                "alias": each.alias,
                "version": each.version,
                "digest": each.digest,
                "kind": each.kind,
                "loaded_ms": each.loaded_ms,
                "stale_since_ms": each.stale_since_ms,
                "last_error": each.last_error,
                "now_ms": now_ms,
                "actor": actor,
            }
            for each in sorted(beats, key=lambda beat: (beat.loader, beat.model, beat.alias))
        ],
    )


def of_model(tx: Transaction, model: str, *, since_ms: int, limit: int) -> list[Loader]:
    """The loaders of a model that were heard of since an instant."""
    rows = tx.all(
        f"""
        SELECT {_COLUMNS} FROM loaders WHERE model = :model AND seen_ms >= :since_ms
        ORDER BY alias, host, loader LIMIT :limit
        """,
        model=model,
        since_ms=since_ms,
        limit=limit,
    )
    return [_loader(row) for row in rows]


def hosts_on(tx: Transaction, model: str, version: int, *, since_ms: int) -> list[str]:
    """Where a version is running, as far as was heard since an instant."""
    rows = tx.all(
        """
        SELECT DISTINCT host FROM loaders
        WHERE model = :model AND version = :version AND seen_ms >= :since_ms ORDER BY host LIMIT 100
        """,
        model=model,
        version=version,
        since_ms=since_ms,
    )
    return [row["host"] for row in rows]


def count(tx: Transaction) -> int:
    """How many loaders there are."""
    row = tx.one("SELECT COUNT(*) AS count FROM loaders")
    return int(row["count"]) if row else 0


def any_before(tx: Transaction, *, before_ms: int) -> bool:
    """Whether there are any that were not heard of since an instant."""
    return tx.one("SELECT 1 AS found FROM loaders WHERE seen_ms < :before_ms LIMIT 1", before_ms=before_ms) is not None


def forget(tx: Transaction, *, before_ms: int) -> int:
    """Drop those not heard of since an instant; how many."""
    return tx.execute("DELETE FROM loaders WHERE seen_ms < :before_ms", before_ms=before_ms)


def _loader(row: Row) -> Loader:
    seen_ms, actor = row.pop("seen_ms"), row.pop("actor")
    return Loader(Heartbeat(**row), seen_ms, actor)
