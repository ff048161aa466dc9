"""Every kind of shelf: in this process or behind HTTP, each on SQLite and on PostgreSQL."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import cast
from urllib.parse import quote

import pytest

from modelshelf.domain.access import Actor, Role
from modelshelf.native.remote import RemoteRegistry
from modelshelf.services.registry import Registry
from served import ServedShelves
from shelves import AsActor, Clock, open_shelf


@pytest.fixture
def embedded(database_uri: str, tmp_path: Path, clock: Clock) -> Iterator[Registry]:
    """The shelf itself, which has a database to reach into, also where the test's registry is behind HTTP."""
    with open_shelf(database_uri, tmp_path, clock) as shelf:
        yield shelf


@pytest.fixture(params=["embedded", "http"])
def registry(request: pytest.FixtureRequest, embedded: Registry) -> Iterator[Registry]:
    """An empty shelf, acted on by alice."""
    if request.param == "embedded":
        yield embedded
        return
    server: ServedShelves = request.getfixturevalue("served")
    with server.serve(embedded) as url, RemoteRegistry(url) as remote:
        yield cast("Registry", remote)


@pytest.fixture
def as_actor(registry: Registry) -> Iterator[AsActor]:
    """The same shelf for somebody else."""
    with ExitStack() as opened:

        def acting_as(name: str, role: Role) -> Registry:
            if isinstance(registry, RemoteRegistry):
                url = f"{registry.uri}~{quote(name, safe='')}~{role.value}"
                return cast("Registry", opened.enter_context(RemoteRegistry(url)))
            return registry.acting_as(Actor(name, role))

        yield acting_as
