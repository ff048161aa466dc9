"""A shelf behind HTTP, spoken to without the client that belongs to it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest

from asking import Ask, Told
from modelshelf.native.remote import RemoteRegistry
from modelshelf.native.transport import HttpTransport
from modelshelf.services.registry import Registry
from served import ServedShelves
from shelves import Clock, open_shelf


@pytest.fixture
def embedded(tmp_path: Path, clock: Clock) -> Iterator[Registry]:
    """The shelf on the server's side: one model, two versions, and an alias."""
    with open_shelf(f"sqlite:///{tmp_path}/shelf.db", tmp_path, clock) as shelf:
        shelf.catalog.create_model("churn")
        for _ in range(2):
            shelf.catalog.create_version("churn", source="s3://bucket/model")
        shelf.governance.set_alias("churn", "champion", 1)
        yield shelf


@pytest.fixture
def url(served: ServedShelves, embedded: Registry) -> Iterator[str]:
    with served.serve(embedded) as address:
        yield address


@pytest.fixture
def remote(url: str) -> Iterator[Registry]:
    with RemoteRegistry(url) as registry:
        yield cast("Registry", registry)


@pytest.fixture
def ask(url: str) -> Iterator[Ask]:
    """`ask("PUT", "/models/churn/description", {"description": "x"}, **{"If-Match": "..."})` below `/api/v1`."""
    transport = HttpTransport(url)

    def asking(verb: str, path: str, json: Any = None, *, body: bytes | None = None, **headers: str) -> Told:
        content = body if json is None else msgspec.json.encode(json)
        given = {"Content-Type": "application/json", **headers}
        answer = transport.send(verb, f"/api/v1{path}", headers=given, body=content, repeatable=False)
        return Told(answer.status, dict(answer.headers), answer.read())

    yield asking
    transport.close()
