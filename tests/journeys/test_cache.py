"""The local cache: what came once does not come again, what is altered is not loaded, and a server may be away."""

import logging
import os
import stat
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest

from modelshelf.domain.artifacts import Manifest
from modelshelf.domain.errors import AlreadyExists, Invalid, NotFound, Unavailable
from modelshelf.native.remote import RemoteRegistry
from modelshelf.native.transport import Answer, Body, HttpTransport
from modelshelf.sdk import cache, last_known, session
from modelshelf.sdk.cache import Cache
from modelshelf.services.registry import Registry
from served import ServedShelves
from shelves import Clock, add_version, open_shelf, stored


class CountingTransport(HttpTransport):
    """HTTP that counts requests for bytes, and can be cut off."""

    downloads = 0
    is_cut = False

    def send(self, verb: str, path: str, *, headers: object, body: Body = None, repeatable: bool) -> Answer:  # type: ignore[override]
        if self.is_cut:
            raise Unavailable("cannot reach the server")
        self.downloads += path.startswith("/api/v1/blobs/")
        return super().send(verb, path, headers=headers, body=body, repeatable=repeatable)  # type: ignore[arg-type]


@pytest.fixture(autouse=True)
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cache:
    """The cache that the SDK chooses, empty."""
    settings = replace(session.settings(), cache_dir=str(tmp_path / "cache"))
    monkeypatch.setattr(session, "settings", lambda: settings)
    made = Cache(tmp_path / "cache", most_bytes=1 << 20)
    made.prepare()
    return made


@pytest.fixture
def shelf(tmp_path: Path, clock: Clock) -> Iterator[Registry]:
    with open_shelf(f"sqlite:///{tmp_path}/shelf.db", tmp_path, clock) as opened:
        opened.catalog.create_model("fraud")
        yield opened


@pytest.fixture
def transport(shelf: Registry, served: ServedShelves) -> Iterator[CountingTransport]:
    with served.serve(shelf) as url:
        yield CountingTransport(url)


@pytest.fixture
def remote(transport: CountingTransport) -> Iterator[Registry]:
    with RemoteRegistry(transport.place, transport=transport) as opened:
        yield cast("Registry", opened)


def fetched(registry: Registry, manifest: Manifest, into: Path) -> dict[str, bytes]:
    found = cache.chosen(registry)
    assert found is not None
    cache.fetch(found, registry, manifest, into, progress=lambda _: None)
    return {str(path.relative_to(into)): path.read_bytes() for path in into.rglob("*") if path.is_file()}


def test_a_second_fetch_downloads_nothing(
    shelf: Registry, remote: Registry, transport: CountingTransport, tmp_path: Path
) -> None:
    manifest = stored(shelf, weights=b"w" * 1000, code=b"c" * 10)
    first = fetched(remote, manifest, tmp_path / "first")
    downloads = transport.downloads

    second = fetched(remote, manifest, tmp_path / "second")

    assert first == second == {"weights": b"w" * 1000, "code": b"c" * 10}
    assert downloads > 0
    assert transport.downloads == downloads


def test_of_a_version_that_differs_in_a_file_only_that_file_is_downloaded(
    shelf: Registry, remote: Registry, transport: CountingTransport, tmp_path: Path
) -> None:
    fetched(remote, stored(shelf, weights=b"one", code=b"same", more=b"same too"), tmp_path / "first")
    before = transport.downloads

    files = fetched(remote, stored(shelf, weights=b"two", code=b"same", more=b"same too"), tmp_path / "second")

    assert files == {"weights": b"two", "code": b"same", "more": b"same too"}
    assert transport.downloads == before + 1


def test_what_is_handed_out_can_be_changed_without_changing_the_cache(
    shelf: Registry, remote: Registry, tmp_path: Path
) -> None:
    manifest = stored(shelf, weights=b"right")
    fetched(remote, manifest, tmp_path / "first")
    (tmp_path / "first" / "weights").write_bytes(b"altered")
    fetched(remote, manifest, tmp_path / "second")
    (tmp_path / "second" / "weights").write_bytes(b"altered")

    assert fetched(remote, manifest, tmp_path / "third") == {"weights": b"right"}


def test_a_cached_file_that_was_altered_is_downloaded_again(
    kept: Cache, shelf: Registry, remote: Registry, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    manifest = stored(shelf, weights=b"right")
    fetched(remote, manifest, tmp_path / "first")
    (blob,) = (kept.folder / "blobs").glob("*/*")
    blob.chmod(0o600)
    blob.write_bytes(b"wrong")

    files = fetched(remote, manifest, tmp_path / "second")

    assert files == {"weights": b"right"}
    assert blob.read_bytes() == b"right"
    assert "not what it was" in caplog.text


def test_the_least_recently_used_goes_when_there_is_too_much(kept: Cache, shelf: Registry, tmp_path: Path) -> None:
    (tmp_path / "content").mkdir()
    for number in range(4):
        content = bytes([number]) * (300 << 10)
        source = tmp_path / "content" / str(number)
        source.write_bytes(content)
        (entry,) = stored(shelf, file=content).files
        kept.keep(entry, source)
        os.utime(kept._path(entry.digest), ns=(number, number))
    first, second = (stored(shelf, file=bytes([number]) * (300 << 10)).files[0] for number in (0, 1))
    kept.copy_out(first, tmp_path / "used")

    kept.trim()

    assert kept.size() == 900 << 10
    assert kept.copy_out(first, tmp_path / "again")
    assert not kept.copy_out(second, tmp_path / "gone")


def test_a_cache_that_others_could_write_to_is_refused(tmp_path: Path) -> None:
    (tmp_path / "open").mkdir(mode=0o755)

    with pytest.raises(Invalid, match="open to other users"):
        Cache(tmp_path / "open", most_bytes=1).prepare()


def test_the_cache_is_closed_to_others(kept: Cache) -> None:
    assert stat.S_IMODE(kept.folder.stat().st_mode) == 0o700


def test_fetches_at_the_same_time_do_not_disturb_each_other(
    kept: Cache, shelf: Registry, remote: Registry, tmp_path: Path
) -> None:
    manifest = stored(shelf, weights=os.urandom(1 << 16), code=b"code")

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda number: fetched(remote, manifest, tmp_path / f"{number}"), range(16)))

    assert all(files == found[0] for files in found)
    assert not list((kept.folder / "coming").iterdir())


def test_a_fetch_that_fails_leaves_nothing_behind(
    shelf: Registry, remote: Registry, transport: CountingTransport, tmp_path: Path
) -> None:
    manifest = stored(shelf, weights=b"w", code=b"c")
    fetched(remote, stored(shelf, code=b"c"), tmp_path / "first")
    transport.is_cut = True
    (tmp_path / "target").mkdir()

    with pytest.raises(Unavailable):
        fetched(remote, manifest, tmp_path / "target" / "model")

    assert list((tmp_path / "target").iterdir()) == []


def test_a_folder_with_something_in_it_is_left_alone(shelf: Registry, remote: Registry, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes").write_bytes(b"mine")

    with pytest.raises(AlreadyExists):
        fetched(remote, stored(shelf, weights=b"w"), tmp_path / "mine")

    assert (tmp_path / "mine" / "notes").read_bytes() == b"mine"


def test_while_the_server_is_away_a_uri_names_what_it_named_last(
    shelf: Registry,
    remote: Registry,
    transport: CountingTransport,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    add_version(shelf, "fraud", b"one")
    shelf.governance.set_alias("fraud", "production", 1)
    version, manifest = last_known.resolve(remote, "models:/fraud@production")
    assert manifest is not None
    fetched(remote, manifest, tmp_path / "first")
    transport.is_cut = True

    again, files = last_known.resolve(remote, "models:/fraud@production")

    assert (again, files) == (version, manifest)
    assert files is not None
    assert fetched(remote, files, tmp_path / "second") == {"weights": b"one"}
    assert "using version 1 of fraud, as of " in caplog.text


def test_what_was_never_resolved_is_unknown_while_the_server_is_away(
    remote: Registry, transport: CountingTransport
) -> None:
    transport.is_cut = True

    with pytest.raises(Unavailable, match="models:/fraud@production names was never learned"):
        last_known.resolve(remote, "models:/fraud@production")


def test_a_server_that_says_no_is_believed(shelf: Registry, remote: Registry) -> None:
    add_version(shelf, "fraud")
    last_known.resolve(remote, "models:/fraud/1")
    shelf.catalog.delete_version("fraud", 1)

    with pytest.raises(NotFound):
        last_known.resolve(remote, "models:/fraud/1")


def test_offline_asks_nobody(
    shelf: Registry, remote: Registry, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    add_version(shelf, "fraud", b"one")
    shelf.governance.set_alias("fraud", "production", 1)
    last_known.resolve(remote, "models:/fraud@production")
    add_version(shelf, "fraud", b"two")
    shelf.governance.set_alias("fraud", "production", 2)
    offline = replace(session.settings(), offline=True)
    monkeypatch.setattr(session, "settings", lambda: offline)

    version, _ = last_known.resolve(remote, "models:/fraud@production")

    assert version.number == 1
    assert "MODELSHELF_OFFLINE" in caplog.text


def test_one_registry_s_answer_is_not_taken_for_another_s(kept: Cache, shelf: Registry, remote: Registry) -> None:
    add_version(shelf, "fraud")
    last_known.resolve(remote, "models:/fraud/1")

    assert last_known.recall(kept.folder, remote.uri, "models:/fraud/1") is not None
    assert last_known.recall(kept.folder, "http://elsewhere:5000", "models:/fraud/1") is None


def test_a_note_that_lists_other_files_than_were_sealed_is_not_believed(
    kept: Cache, shelf: Registry, remote: Registry
) -> None:
    add_version(shelf, "fraud")
    last_known.resolve(remote, "models:/fraud/1")
    (note,) = (kept.folder / "known").glob("*/*")
    note.write_bytes(note.read_bytes().replace(b'"path":"weights"', b'"path":"malice"'))

    assert last_known.recall(kept.folder, remote.uri, "models:/fraud/1") is None


def test_a_shelf_of_this_machine_needs_no_cache(shelf: Registry) -> None:
    assert cache.chosen(shelf) is None


def test_what_a_killed_process_left_half_written_goes_after_a_day(kept: Cache) -> None:
    old, new = kept.folder / "coming" / "old", kept.folder / "coming" / "new"
    for path in (old, new):
        path.write_bytes(b"half")
    os.utime(old, (0, 0))

    kept.trim()

    assert (old.exists(), new.exists()) == (False, True)
