"""PostgreSQL: a psycopg pool that any number of servers may have beside each other."""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import lru_cache
from typing import Any

import psycopg
from psycopg import errors as pg
from psycopg.pq import TransactionStatus
from psycopg.rows import dict_row
from psycopg_pool import ConnectionPool, PoolTimeout

from modelshelf.database.database import Row
from modelshelf.domain.errors import Busy, Invalid, ShelfError, StorageFull, Unavailable

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
        self._pool: ConnectionPool[psycopg.Connection[Row]] = ConnectionPool(
            conninfo,
            connection_class=psycopg.Connection[Row],
            min_size=0,
            max_size=connections,
            timeout=WAIT_SECONDS,
            open=False,
            kwargs={"row_factory": dict_row, "connect_timeout": 10, "autocommit": True},
        )
        self._connections = connections
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
        connection = self._begun(begin)
        try:
            yield PostgresTransaction(connection)
            _commit(connection)
        except BaseException as error:
            with suppress(psycopg.Error):
                if not connection.closed:
                    connection.execute(b"ROLLBACK")
            if isinstance(error, psycopg.Error):
                raise _translated(error) from error
            if isinstance(error, UnicodeEncodeError):
                raise Invalid(f"not valid Unicode: {error.reason} at position {error.start}") from None
            raise
        finally:
            self._pool.putconn(connection)

    def _begun(self, begin: str) -> psycopg.Connection[Row]:
        """A connection with an open transaction.

        One that the server closed since it was last used (a restart, a failover) fails at its BEGIN and is replaced:
        nothing has been executed on it yet.
        """
        for attempt in range(self._connections + 1):
            try:
                connection = self._pool.getconn()
            except PoolTimeout:
                raise Busy(f"waited {WAIT_SECONDS:.0f} s for a database connection; try again") from None
            try:
                connection.execute(begin.encode())
            except psycopg.Error as error:
                self._pool.putconn(connection)
                if attempt == self._connections or not isinstance(error, psycopg.OperationalError):
                    raise _translated(error) from error
            else:
                return connection
        raise AssertionError("unreachable")

    @contextmanager
    def read(self) -> Iterator[PostgresTransaction]:
        with self._transaction("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY") as tx:
            yield tx

    @contextmanager
    def write(self) -> Iterator[PostgresTransaction]:
        with self._transaction("BEGIN") as tx:
            yield tx

    @contextmanager
    def exclusive(self, name: str) -> Iterator[PostgresTransaction]:
        with self._transaction("BEGIN") as tx:
            tx.one("SELECT pg_advisory_xact_lock(hashtextextended(CAST(:name AS TEXT), 0))", name=f"modelshelf {name}")
            yield tx

    @contextmanager
    def together(self) -> Iterator[None]:
        """Here each write is a transaction of its own: PostgreSQL's own writers share their syncs."""
        yield

    def state(self) -> None:
        return None

    def close(self) -> None:
        self._pool.close()


def _commit(connection: psycopg.Connection[Row]) -> None:
    if connection.info.transaction_status == TransactionStatus.INERROR:  # its COMMIT would be a silent ROLLBACK
        raise Unavailable("PostgreSQL gave the transaction up; nothing was written, try again")
    connection.execute(b"COMMIT")


def _translated(error: psycopg.Error) -> ShelfError | psycopg.Error:
    """What a failure of PostgreSQL itself means to a caller."""
    if isinstance(error, pg.DiskFull | pg.ReadOnlySqlTransaction):
        return StorageFull(f"PostgreSQL cannot write: {error.diag.message_primary}; nothing was written")
    if isinstance(error, pg.LockNotAvailable | pg.DeadlockDetected | pg.TooManyConnections | pg.SerializationFailure):
        return Busy(f"PostgreSQL is busy: {error.diag.message_primary}; try again")
    if isinstance(error, pg.ProgramLimitExceeded):
        return Invalid(f"too large for PostgreSQL: {error.diag.message_primary}")
    if isinstance(error, psycopg.OperationalError):
        return Unavailable("the connection to PostgreSQL was lost; try again")
    not_stored = isinstance(error, pg.NumericValueOutOfRange | pg.UntranslatableCharacter)
    if not_stored or (type(error) is psycopg.DataError and error.sqlstate is None):
        return Invalid("a text with the character NUL in it, or a number beyond 64 bits, is nowhere to be found here")
    return error
