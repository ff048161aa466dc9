"""PostgreSQL: a psycopg pool that any number of servers may have beside each other."""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, cast

import psycopg
from psycopg import errors as pg
from psycopg.rows import dict_row
from psycopg_pool import ConnectionPool, PoolTimeout

from modelshelf.database.database import Row
from modelshelf.domain.errors import Busy, ShelfError, StorageFull, Unavailable

WAIT_SECONDS = 60.0
_NAMED = re.compile(r"(?<![:\w]):([a-z_]\w*)")


@lru_cache(maxsize=2048)
def _translated_sql(sql: str) -> str:
    """`:name` parameters as psycopg writes them."""
    return _NAMED.sub(r"%(\1)s", sql.replace("%", "%%"))


class PostgresTransaction:
    """Statements on one connection inside an open transaction."""

    dialect = "postgres"

    def __init__(self, connection: psycopg.Connection[Row]) -> None:
        self._connection = connection

    def execute(self, sql: str, /, **parameters: Any) -> int:
        return self._connection.execute(_translated_sql(sql).encode(), parameters).rowcount

    def one(self, sql: str, /, **parameters: Any) -> Row | None:
        return self._connection.execute(_translated_sql(sql).encode(), parameters).fetchone()

    def all(self, sql: str, /, **parameters: Any) -> list[Row]:
        return self._connection.execute(_translated_sql(sql).encode(), parameters).fetchall()

    def many(self, sql: str, rows: Sequence[Mapping[str, Any]], /) -> None:
        with self._connection.cursor() as cursor:
            cursor.executemany(_translated_sql(sql).encode(), rows)


class PostgresDatabase:
    """One PostgreSQL database."""

    dialect = "postgres"

    def __init__(self, conninfo: str, *, connections: int = 10) -> None:
        self._pool = ConnectionPool(
            conninfo,
            min_size=0,
            max_size=connections,
            timeout=WAIT_SECONDS,
            open=False,
            kwargs={"row_factory": dict_row, "connect_timeout": 10},
            check=ConnectionPool.check_connection,
        )
        self._probe(conninfo)
        self._pool.open()

    @staticmethod
    def _probe(conninfo: str) -> None:
        """Fail at once, and with the server's own reason, instead of after the pool's time-out."""
        try:
            psycopg.connect(conninfo, connect_timeout=10).close()
        except psycopg.OperationalError as error:
            reason = next((line.strip() for line in str(error).splitlines() if "failed" in line), str(error).strip())
            raise Unavailable(
                f"cannot connect to PostgreSQL: {reason}; check the host, the database and the password"
            ) from None

    @contextmanager
    def _transaction(self, begin: str) -> Iterator[PostgresTransaction]:
        try:
            with self._pool.connection() as connection, connection.transaction():
                if begin:
                    connection.execute(begin.encode())
                yield PostgresTransaction(cast("psycopg.Connection[Row]", connection))
        except PoolTimeout:
            raise Busy(f"waited {WAIT_SECONDS:.0f} s for a database connection; try again") from None
        except psycopg.Error as error:
            raise _translated(error) from error

    @contextmanager
    def read(self) -> Iterator[PostgresTransaction]:
        with self._transaction("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY") as tx:
            yield tx

    @contextmanager
    def write(self) -> Iterator[PostgresTransaction]:
        with self._transaction("") as tx:
            yield tx

    @contextmanager
    def exclusive(self, name: str) -> Iterator[PostgresTransaction]:
        with self._transaction("") as tx:
            tx.one("SELECT pg_advisory_xact_lock(hashtextextended(CAST(:name AS TEXT), 0))", name=f"modelshelf {name}")
            yield tx

    def close(self) -> None:
        self._pool.close()


def _translated(error: psycopg.Error) -> ShelfError | psycopg.Error:
    """What a failure of PostgreSQL itself means to a caller."""
    if isinstance(error, pg.DiskFull | pg.ReadOnlySqlTransaction):
        return StorageFull(f"PostgreSQL cannot write: {error.diag.message_primary}; nothing was written")
    if isinstance(error, pg.LockNotAvailable | pg.DeadlockDetected | pg.TooManyConnections | pg.SerializationFailure):
        return Busy(f"PostgreSQL is busy: {error.diag.message_primary}; try again")
    if isinstance(error, psycopg.OperationalError):
        return Unavailable("the connection to PostgreSQL was lost; try again")
    return error
