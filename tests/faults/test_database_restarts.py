"""A PostgreSQL that is restarted, or closes its connections, under a shelf in use."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg

from places import PostgresServer
from shelves import Clock, open_shelf


def test_connections_that_the_server_closed_are_replaced_unseen(
    postgres: PostgresServer, tmp_path: Path, clock: Clock
) -> None:
    name = f"{postgres.template}_restarts"
    postgres.execute(f'CREATE DATABASE "{name}" TEMPLATE "{postgres.template}"')
    with open_shelf(postgres.uri(name), tmp_path, clock) as shelf:
        shelf.catalog.create_model("fraud")
        with ThreadPoolExecutor(16) as pool:
            list(pool.map(lambda _: shelf.catalog.model("fraud"), range(64)))
        with psycopg.connect(postgres.base_uri, autocommit=True) as other:
            other.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])

        found = shelf.catalog.model("fraud")
        shelf.catalog.describe_model("fraud", "still here")

    postgres.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
    assert found.name == "fraud"
