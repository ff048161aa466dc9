"""Databases to test with: a fresh SQLite file or a fresh database of one shared PostgreSQL, per test."""

import contextlib
import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from buckets import KINDS, BucketServer
from buckets import serving as serving_buckets
from modelshelf.services.registry import Registry
from places import PostgresServer, start_postgres
from served import ServedShelves
from shelves import Clock, open_shelf

_count = itertools.count(1)


@pytest.fixture(scope="session", autouse=True)
def cache_of_the_tests(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Whatever a test downloads from a server stays out of the user's own cache."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MODELSHELF_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Iterator[PostgresServer]:
    """A real PostgreSQL from a wheel, one for all workers, with an empty migrated template database for each worker."""
    base = tmp_path_factory.getbasetemp()
    shared = base if worker_id == "master" else base.parent
    yield from start_postgres(shared / "postgres", worker_id)


@pytest.fixture(scope="session")
def bucket_servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, BucketServer]]:
    """Object stores of each kind, whose buckets are folders."""
    with contextlib.ExitStack() as running:
        yield {kind: running.enter_context(serving_buckets(kind, tmp_path_factory.mktemp(kind))) for kind in KINDS}


@pytest.fixture(params=["sqlite", "postgres"])
def database_uri(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URI of a database that nobody has used yet, on each of the two engines."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/shelf.db"
        return
    server: PostgresServer = request.getfixturevalue("postgres")
    name = f"{server.template}_{next(_count)}"
    server.execute(f'CREATE DATABASE "{name}" TEMPLATE "{server.template}" STRATEGY file_copy')
    yield server.uri(name)
    server.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture(scope="session", autouse=True)
def _own_configuration(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Whatever is kept for a user, e.g. keys, is not kept for whoever runs the tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.mktemp("config")))
        yield


@pytest.fixture(scope="session")
def served() -> Iterator[ServedShelves]:
    """One server for all shelves of a session."""
    server = ServedShelves()
    yield server
    server.close()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def registry(database_uri: str, tmp_path: Path, clock: Clock) -> Iterator[Registry]:
    """An empty shelf on each of the two databases, acted on by alice."""
    with open_shelf(database_uri, tmp_path, clock) as shelf:
        yield shelf
