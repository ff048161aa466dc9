"""Folders into manifests and blobs, and back, over every blob store."""

import os
import socket
from pathlib import Path

import pytest

from modelshelf.blobs.local import LocalBlobStore
from modelshelf.blobs.store import BlobStore
from modelshelf.blobs.tree import manifest_of, materialise, scan, upload, verify_tree
from modelshelf.domain.artifacts import Digest, FileEntry, Manifest
from modelshelf.domain.errors import AlreadyExists, Corrupt, Invalid, NotFound

FILES = {
    "MLmodel": b"flavors: {}\n",
    "code/deep/er/a.py": b"",
    "code/b.py": b"b = 1\n",
    "model.bin": os.urandom(2_500_000),
}
LARGE = {f"shard-{number}": os.urandom(9 << 20) for number in range(4)}

IMPLEMENTATIONS = {"local": lambda folder: LocalBlobStore(folder / "blobs")}


@pytest.fixture(params=IMPLEMENTATIONS)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> BlobStore:
    return IMPLEMENTATIONS[request.param](tmp_path)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return written(tmp_path / "model", FILES)


def written(folder: Path, files: dict[str, bytes]) -> Path:
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_manifest_lists_each_file_with_its_digest_and_size(model: Path) -> None:
    told: list[int] = []

    manifest = manifest_of(model, progress=told.append)

    assert manifest == Manifest(tuple(FileEntry(p, Digest.of(c).text, len(c)) for p, c in FILES.items()))
    assert sum(told) == manifest.size


@pytest.mark.parametrize("files", [FILES, LARGE, {}], ids=["small", "large", "empty"])
def test_an_uploaded_folder_comes_back_byte_by_byte(store: BlobStore, tmp_path: Path, files: dict[str, bytes]) -> None:
    (tmp_path / "source").mkdir()
    source, told = written(tmp_path / "source", files), []

    manifest = upload(source, store)
    materialise(manifest, store, tmp_path / "new" / "copy", progress=told.append)

    assert manifest == manifest_of(source)
    assert contents(tmp_path / "new" / "copy") == files
    assert sum(told) == manifest.size
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["copy"]
    verify_tree(manifest, tmp_path / "new" / "copy")


def test_a_single_file_is_a_tree_of_its_name(store: BlobStore, model: Path, tmp_path: Path) -> None:
    manifest = upload(model / "code" / "b.py", store)

    materialise(manifest, store, tmp_path / "copy")

    assert manifest == manifest_of(model / "code" / "b.py")
    assert contents(tmp_path / "copy") == {"b.py": b"b = 1\n"}


def test_materialised_files_are_the_users_own_to_change(store: BlobStore, model: Path, tmp_path: Path) -> None:
    manifest = upload(model, store)
    materialise(manifest, store, tmp_path / "copy")

    (tmp_path / "copy" / "MLmodel").write_bytes(b"changed")

    materialise(manifest, store, tmp_path / "second")
    assert contents(tmp_path / "second") == FILES


def test_an_empty_folder_may_be_filled_and_a_filled_one_may_not(store: BlobStore, model: Path, tmp_path: Path) -> None:
    manifest = upload(model, store)
    (tmp_path / "empty").mkdir()
    written(tmp_path / "filled", {"mine": b"mine"})

    materialise(manifest, store, tmp_path / "empty")
    with pytest.raises(AlreadyExists, match="filled"):
        materialise(manifest, store, tmp_path / "filled")

    assert contents(tmp_path / "empty") == FILES
    assert contents(tmp_path / "filled") == {"mine": b"mine"}


def test_a_blob_that_is_gone_is_reported_by_the_files_name_and_nothing_is_left(
    store: BlobStore, model: Path, tmp_path: Path
) -> None:
    manifest = upload(model, store)
    lost = Digest.of(FILES["code/b.py"]).text
    store.delete(lost)

    with pytest.raises(NotFound, match=r"code/b\.py") as refusal:
        materialise(manifest, store, tmp_path / "below" / "copy")

    assert refusal.value.details == {"path": "code/b.py", "digest": lost}
    assert list((tmp_path / "below").iterdir()) == []


def test_a_manifest_with_a_wrong_size_is_refused(store: BlobStore, tmp_path: Path) -> None:
    digest, _ = store.put([b"content"])

    with pytest.raises(Corrupt, match=r"7 bytes.* says 8") as refusal:
        materialise(Manifest((FileEntry("a", digest, 8),)), store, tmp_path / "copy")

    assert refusal.value.details["path"] == "a"
    assert not (tmp_path / "copy").exists()


def test_verifying_a_folder_finds_a_changed_a_missing_and_an_added_file(store: BlobStore, model: Path) -> None:
    manifest = upload(model, store)

    (model / "MLmodel").write_bytes(b"flavors: []\n")
    with pytest.raises(Corrupt, match="MLmodel") as changed:
        verify_tree(manifest, model)
    (model / "MLmodel").unlink()
    with pytest.raises(Corrupt, match="'MLmodel' is missing"):
        verify_tree(manifest, model)
    written(model, {"MLmodel": FILES["MLmodel"], "code/sitecustomize.py": b"planted"})
    with pytest.raises(Corrupt, match=r"sitecustomize\.py.* does not belong"):
        verify_tree(manifest, model)

    expected, found = Digest.of(FILES["MLmodel"]).text, Digest.of(b"flavors: []\n").text
    assert changed.value.details == {"path": "MLmodel", "expected": expected, "found": found}


def test_a_link_within_the_folder_is_stored_as_the_file_it_names(store: BlobStore, model: Path, tmp_path: Path) -> None:
    (model / "alias.py").symlink_to("code/b.py")
    (model / "lib").symlink_to(model / "code" / "deep", target_is_directory=True)

    materialise(upload(model, store), store, tmp_path / "copy")

    assert contents(tmp_path / "copy") == {**FILES, "alias.py": b"b = 1\n", "lib/er/a.py": b""}
    assert not (tmp_path / "copy" / "alias.py").is_symlink()


def test_a_link_out_of_the_folder_is_refused_by_name(model: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    (model / "code" / "innocent").symlink_to("../../secret")

    with pytest.raises(Invalid, match="innocent leaves the folder"):
        scan(model)


def test_a_link_out_through_a_linked_folder_is_refused(model: Path, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (model / "inside").symlink_to("../outside", target_is_directory=True)

    with pytest.raises(Invalid, match="inside leaves the folder"):
        scan(model)


@pytest.mark.parametrize("target", [".", "..", "absent", "itself"])
def test_a_link_that_leads_around_or_nowhere_is_refused(model: Path, target: str) -> None:
    (model / "code" / "itself").symlink_to(target)

    with pytest.raises(Invalid, match="itself"):
        scan(model)


def test_a_socket_and_a_pipe_are_refused_by_name(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(model)  # the path of a socket is short
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("door")
        with pytest.raises(Invalid, match="door is neither a file nor a folder"):
            scan(model)
    (model / "door").unlink()
    os.mkfifo(model / "pipe")
    with pytest.raises(Invalid, match="pipe is neither a file nor a folder"):
        scan(model)


@pytest.mark.parametrize("name", [b"\xff.bin", b"a\\b", b"a\nb", b"C:x"])
def test_a_file_whose_name_is_no_path_is_refused(model: Path, name: bytes) -> None:
    try:
        Path(os.fsdecode(bytes(model) + b"/" + name)).write_bytes(b"")
    except OSError:
        pytest.skip("this file system does not allow such a name either")

    with pytest.raises(Invalid, match="not allowed"):
        scan(model)


def test_a_source_that_is_not_there_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="absent"):
        manifest_of(tmp_path / "absent")


def test_files_are_scanned_in_the_order_of_their_paths(tmp_path: Path) -> None:
    written(tmp_path / "tree", dict.fromkeys(("b", "a/z", "a-b", "a.b", "ä", "Z"), b""))

    found = scan(tmp_path / "tree")

    assert [path.text for path, _, _ in found] == ["Z", "a-b", "a.b", "a/z", "b", "ä"]
