"""Shelves to test with, and a clock that stands still until told."""

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

from modelshelf.blobs.local import LocalBlobStore
from modelshelf.connect import _database
from modelshelf.database import shelf
from modelshelf.database.migrations import migrate
from modelshelf.domain.access import Actor, Role
from modelshelf.domain.artifacts import FileEntry, Manifest
from modelshelf.mlflow_api import webhook_dialect
from modelshelf.sending.addresses import AllowedHosts
from modelshelf.sending.http_sender import HttpSender
from modelshelf.services.keys import Keys
from modelshelf.services.outlet import Outlet
from modelshelf.services.registry import Registry

START_MS = 1_800_000_000_000
ALICE = Actor("alice", Role.ADMIN)
AsActor: TypeAlias = Callable[[str, Role], Registry]
"""The same shelf for somebody else."""


class Clock:
    """Milliseconds since the epoch, moved by hand."""

    def __init__(self) -> None:
        self.now = START_MS

    def __call__(self) -> int:
        return self.now

    def tick(self, milliseconds: int = 1000) -> int:
        self.now += milliseconds
        return self.now


def open_shelf(uri: str, folder: Path, clock: Clock) -> Registry:
    """A shelf on a fresh database, with its own blobs, a clock moved by hand and ids that repeat from test to test."""
    database, _ = _database(uri)
    migrate(database, now_ms=clock(), place=uri)
    with database.write() as tx:
        shelf.put_setting_once(tx, "shelf_id", "0" * 32)
    count = itertools.count(1)
    return Registry(
        database,
        LocalBlobStore(folder / "blobs"),
        actor=ALICE,
        clock=clock,
        entropy=lambda size: next(count).to_bytes(size, "big"),
        uri=uri,
        keys=Keys(folder / "keys" / "key.json"),
        outlet=Outlet(HttpSender(AllowedHosts.parse("127.0.0.1"), timeout_seconds=5), webhook_dialect.DIALECTS),
    )


def stored(registry: Registry, **files: bytes) -> Manifest:
    """Upload some bytes and answer the manifest of them."""
    entries = []
    for name, content in files.items():
        digest, size = registry.artifacts.upload([content])
        entries.append(FileEntry(name, digest, size))
    return Manifest(tuple(entries))


def add_version(registry: Registry, model: str, content: bytes = b"weights") -> int:
    """Register a version with one file; its number."""
    return registry.catalog.create_version(model, manifest=stored(registry, weights=content)).number
