"""Files of runs, sealed trees, verification and the sweep, on every kind of shelf."""

import os
from pathlib import Path

import pytest

from modelshelf.domain.artifacts import Digest, FileEntry
from modelshelf.domain.errors import Corrupt, Invalid, NotFound
from modelshelf.services.artifacts import SWEEP_AGE_MS
from modelshelf.services.registry import Registry
from shelves import Clock, add_version, stored


def _blob(tmp_path: Path, digest: str) -> Path:
    hexadecimal = Digest.parse(digest).hex
    return tmp_path / "blobs" / "sha256" / hexadecimal[:2] / hexadecimal


def _flip_a_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.chmod(0o644)
    path.write_bytes(content)


def test_files_are_put_listed_replaced_and_deleted(registry: Registry) -> None:
    registry.artifacts.put("0/run/artifacts", stored(registry, model=b"1", notes=b"2").files)
    registry.artifacts.put("0/run/artifacts/deep/er", stored(registry, plot=b"3").files)
    registry.artifacts.put("0/run/artifacts", stored(registry, model=b"4444").files)

    listing = registry.artifacts.listing("0/run/artifacts")
    below = registry.artifacts.listing("0/run/artifacts/deep")
    registry.artifacts.delete("0/run/artifacts/deep")

    assert listing.folders == ("0/run/artifacts/deep",)
    assert [(file.path, file.size) for file in listing.files] == [
        ("0/run/artifacts/model", 4),
        ("0/run/artifacts/notes", 1),
    ]
    assert below.folders == ("0/run/artifacts/deep/er",)
    assert registry.artifacts.listing("0/run/artifacts").folders == ()
    assert registry.artifacts.listing("").folders == ("0",)


def test_a_name_with_percent_and_unicode_is_listed_as_it_is(registry: Registry) -> None:
    registry.artifacts.put("0/r", stored(registry, **{"50% größe_.txt": b"x"}).files)
    registry.artifacts.put("0/r_x", stored(registry, other=b"x").files)

    assert [file.path for file in registry.artifacts.listing("0/r").files] == ["0/r/50% größe_.txt"]


def test_a_file_is_never_a_folder_too(registry: Registry) -> None:
    registry.artifacts.put("0/r", stored(registry, model=b"1").files)

    with pytest.raises(Invalid, match="is a file, not a folder"):
        registry.artifacts.put("0/r/model", stored(registry, weights=b"2").files)
    with pytest.raises(Invalid, match="it is a folder"):
        registry.artifacts.put("0", stored(registry, r=b"2").files)


@pytest.mark.parametrize("path", ["..", "../x", "/x", "a/../b", "a//b", "a\\b", "a\0b", "C:/x", "."])
def test_a_hostile_path_is_refused_everywhere(registry: Registry, path: str) -> None:
    for attempt in (
        lambda: registry.artifacts.put(path, stored(registry, w=b"1").files),
        lambda: registry.artifacts.listing(path),
        lambda: registry.artifacts.tree(path),
        lambda: registry.artifacts.delete(path),
    ):
        with pytest.raises(Invalid):
            attempt()


def test_the_root_cannot_be_deleted(registry: Registry) -> None:
    with pytest.raises(Invalid):
        registry.artifacts.delete("")


def test_nothing_is_put_unless_all_blobs_are_there(registry: Registry) -> None:
    files = [*stored(registry, here=b"1").files, FileEntry("ghost", Digest.of(b"ghost").text, 5)]

    with pytest.raises(NotFound, match="upload the files first"):
        registry.artifacts.put("0/r", files)

    assert registry.artifacts.listing("0/r").files == ()


def test_one_flipped_bit_is_refused_with_the_file_and_both_digests(registry: Registry, tmp_path: Path) -> None:
    registry.catalog.create_model("fraud")
    add_version(registry, "fraud", b"precious weights")
    manifest = registry.catalog.manifest("fraud", 1)
    assert manifest is not None
    _flip_a_bit(_blob(tmp_path, manifest.files[0].digest))

    with pytest.raises(Corrupt, match="weights") as refusal:
        registry.artifacts.fetch(manifest, tmp_path / "loaded")

    assert refusal.value.details["expected"] == manifest.files[0].digest
    assert refusal.value.details["found"].startswith("sha256:")
    assert not (tmp_path / "loaded").exists()


def test_verify_names_what_is_damaged_missing_or_altered_and_who_uses_it(
    registry: Registry, embedded: Registry, tmp_path: Path
) -> None:
    registry.catalog.create_model("fraud")
    for content in (b"one", b"two", b"three"):
        add_version(registry, "fraud", content)
    assert list(registry.artifacts.verify()) == []
    manifests = [registry.catalog.manifest("fraud", number) for number in (1, 2, 3)]
    digests = [manifest.files[0].digest for manifest in manifests if manifest]
    _flip_a_bit(_blob(tmp_path, digests[0]))
    _blob(tmp_path, digests[1]).unlink()
    with embedded._database.write() as tx:
        tx.execute("UPDATE manifest_files SET path = 'other' WHERE digest = :digest", digest=digests[2])

    findings = {finding.subject: finding for finding in registry.artifacts.verify()}

    assert findings[digests[0]].fault.startswith("corrupt")
    assert findings[digests[0]].uses == ("fraud/1: weights",)
    assert findings[digests[1]].fault == "missing"
    assert manifests[2] is not None
    assert findings[manifests[2].id].fault.startswith("altered")
    assert len(findings) == 3


def test_equal_files_are_stored_once(registry: Registry, tmp_path: Path) -> None:
    registry.catalog.create_model("fraud")
    for _ in range(3):
        add_version(registry, "fraud", b"the same")

    blobs = [path for path in (tmp_path / "blobs" / "sha256").rglob("*") if path.is_file()]
    assert len(blobs) == 1


def test_the_sweep_takes_only_what_nothing_refers_to_and_nobody_touched(
    registry: Registry, clock: Clock, tmp_path: Path
) -> None:
    registry.catalog.create_model("fraud")
    add_version(registry, "fraud", b"kept")
    add_version(registry, "fraud", b"of a deleted version")
    stored(registry, orphan=b"an upload that was cut off")
    registry.artifacts.put("0/r", stored(registry, file=b"of a run").files)
    registry.catalog.delete_version("fraud", 2)
    for path in (tmp_path / "blobs" / "sha256").rglob("*"):
        if path.is_file():
            os.utime(path, (clock() / 1000, clock() / 1000))

    too_early = registry.artifacts.sweep()
    clock.tick(SWEEP_AGE_MS + 1000)
    freed = registry.artifacts.sweep()

    assert (too_early, freed) == (0, len(b"of a deleted version") + len(b"an upload that was cut off"))
    assert list(registry.artifacts.verify()) == []
