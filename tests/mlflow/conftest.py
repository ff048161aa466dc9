"""One server per database for all tests with MLflow's client and protocol."""

from collections.abc import Iterator

import pytest

from places import PostgresServer
from servers import Server, serving


@pytest.fixture(scope="session", params=["sqlite", "postgres"])
def shelf_server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server on each of the two databases, shared by tests, which take names of their own."""
    folder = tmp_path_factory.mktemp(f"served-{request.param}")
    if request.param == "sqlite":
        with serving(f"sqlite:///{folder}/shelf.db", folder) as server:
            yield server
        return
    postgres: PostgresServer = request.getfixturevalue("postgres")
    name = f"{postgres.template}_served"
    postgres.execute(f'CREATE DATABASE "{name}" TEMPLATE "{postgres.template}" STRATEGY file_copy')
    with serving(postgres.uri(name), folder) as server:
        yield server
    postgres.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
