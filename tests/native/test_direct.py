"""Files that go to and from a bucket past the server."""

import itertools
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from buckets import BucketServer
from modelshelf.blobs import tree
from modelshelf.connect import connect
from modelshelf.domain.artifacts import FileEntry, Manifest
from modelshelf.native import direct, remote_blobs, remote_uploads
from modelshelf.native.remote import RemoteRegistry
from modelshelf.services.registry import Registry
from served import ServedShelves

_count = itertools.count(1)


@pytest.fixture
def embedded(
    bucket_servers: dict[str, BucketServer], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Registry]:
    """A shelf whose files are in a bucket of a server that checks signatures."""
    server, name = bucket_servers["nanio"], f"direct-{next(_count)}"
    server.make_bucket(name)
    with monkeypatch.context() as patched:
        for variable, value in server.environment.items():
            patched.setenv(variable, value)
        shelf = connect(f"sqlite:///{tmp_path}/shelf.db", artifacts=f"s3://{name}/team")
    with shelf:
        yield shelf


@pytest.fixture
def remote(served: ServedShelves, embedded: Registry, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setattr(direct, "_PART", 5 << 20)
    for module in (direct, remote_blobs, remote_uploads):
        monkeypatch.setattr(module, "DIRECT", 1 << 20)
    with served.serve(embedded) as url, RemoteRegistry(url) as registry:
        yield registry


def test_a_large_file_goes_to_the_bucket_and_back_past_the_server(
    remote: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[str] = []
    genuine = direct.DirectBytes._send

    def noting(self: direct.DirectBytes, verb: str, *others: Any) -> Any:
        sent.append(verb)
        return genuine(self, verb, *others)

    monkeypatch.setattr(direct.DirectBytes, "_send", noting)
    path = tmp_path / "weights"
    path.write_bytes(random.Random(3).randbytes(12_000_000))
    told: list[int] = []

    stored = remote.artifacts.upload_files([path], progress=told.append)[0]
    manifest = Manifest((FileEntry("weights", *stored),))
    remote.artifacts.fetch(manifest, tmp_path / "out")

    tree.verify_tree(manifest, tmp_path / "out")
    assert sent == ["PUT", "PUT", "PUT", "GET"]
    assert sum(told) == stored.size


def test_small_files_go_through_the_server(remote: Any, tmp_path: Path) -> None:
    path = tmp_path / "notes"
    path.write_bytes(b"small")

    stored = remote.artifacts.upload_files([path])[0]

    with remote.artifacts.open(stored.digest) as reader:
        assert reader.read() == b"small"
    assert remote._direct._transports == {}


def test_where_the_bucket_cannot_be_reached_files_go_through_the_server(
    remote: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: Any) -> None:
        raise direct._Unreachable("no route to the bucket")

    monkeypatch.setattr(direct.DirectBytes, "_send", refused)
    path = tmp_path / "weights"
    path.write_bytes(random.Random(3).randbytes(3_000_000))
    told: list[int] = []

    stored = remote.artifacts.upload_files([path], progress=told.append)[0]
    remote.artifacts.fetch(Manifest((FileEntry("weights", *stored),)), tmp_path / "out")

    assert (tmp_path / "out" / "weights").read_bytes() == path.read_bytes()
    assert sum(told) == stored.size
    assert not remote._direct.offers_uploads
    assert not remote._direct.offers_downloads
