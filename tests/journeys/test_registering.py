"""Versions made of anything: files and folders of this machine, runs, other versions, other shelves."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

import modelshelf as mlflow
from modelshelf.domain.errors import Conflict, Invalid, InvalidModel, NotFound
from modelshelf.sdk import session
from modelshelf.services.registry import Registry


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Registry]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    session.set_tracking_uri(f"sqlite:///{tmp_path}/shelf.db")
    yield session.registry()
    mlflow.end_run()
    session.set_tracking_uri("")
    session.set_registry_uri("")


@pytest.mark.parametrize("name", ["model.pkl", "weights.h5", "net.onnx", "notes"])
def test_any_single_file_becomes_a_version(shelf: Registry, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"\0 not a model of any flavor")

    version = mlflow.register_model(name, "anything", tags={"kind": 1})

    assert (version.name, version.version, version.source, version.tags) == ("anything", 1, "", {"kind": "1"})
    assert [file.path for file in shelf.catalog.manifest("anything", 1).files] == [name]
    local = mlflow.artifacts.download_artifacts(f"models:/anything/1/{name}")
    assert Path(local).read_bytes() == b"\0 not a model of any flavor"


def test_a_folder_becomes_a_version_with_all_its_files(shelf: Registry, tmp_path: Path) -> None:
    (tmp_path / "net" / "variables").mkdir(parents=True)
    (tmp_path / "net" / "graph.pb").write_bytes(b"graph")
    (tmp_path / "net" / "variables" / "data").write_bytes(b"data")

    mlflow.register_model(tmp_path / "net", "net")
    mlflow.register_model((tmp_path / "net").as_uri(), "net")

    first, second = (shelf.catalog.version("net", number) for number in (1, 2))
    assert first.manifest == second.manifest
    assert [file.path for file in shelf.catalog.manifest("net", 1).files] == ["graph.pb", "variables/data"]


def test_what_is_no_model_is_refused_and_leaves_no_trace(shelf: Registry, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "MLmodel").write_text("flavors: [", encoding="utf-8")
    (tmp_path / "leaving").mkdir()
    (tmp_path / "leaving" / "link").symlink_to("/etc/hostname")
    with mlflow.start_run() as run:
        pass

    for uri, error, words in (
        ("absent.pkl", NotFound, r"no file or folder absent\.pkl"),
        ("empty", Invalid, "has no files"),
        ("broken", InvalidModel, "broken/MLmodel"),
        ("leaving", Invalid, "leaves the folder"),
        (f"runs:/{run.info.run_id}/model", NotFound, "no artifact and no logged model 'model'"),
        ("runs:/" + "0" * 32 + "/model", NotFound, "no run"),
        ("models:/m-" + "0" * 32, NotFound, "no logged model"),
        ("models:/other/1", NotFound, "other"),
        ("http://example.com/model.pkl", Invalid, "http://example.com"),
        ("mlflow-artifacts:/../shelf.db", Invalid, "not allowed"),
    ):
        with pytest.raises(error, match=words):
            mlflow.register_model(uri, "model")

    with pytest.raises(NotFound):
        shelf.catalog.model("model")


def test_a_bad_tag_is_refused_before_the_model_is_made(shelf: Registry, tmp_path: Path) -> None:
    (tmp_path / "model.pkl").write_bytes(b"x")

    with pytest.raises(Invalid, match="tag"):
        mlflow.register_model("model.pkl", "model", tags={"../up": "1"})

    with pytest.raises(NotFound):
        shelf.catalog.model("model")


def test_versions_are_made_of_runs_and_of_other_versions(shelf: Registry) -> None:
    with mlflow.start_run() as run:
        mlflow.log_text("weights", "models/one.txt")

    first = mlflow.register_model(f"runs:/{run.info.run_id}/models", "first")
    second = mlflow.register_model("models:/first/1", "second")
    single = mlflow.register_model(f"runs:/{run.info.run_id}/models/one.txt", "second")

    assert first.source == f"mlflow-artifacts:/0/{run.info.run_id}/artifacts/models"
    assert (second.source, second.run_id) == ("models:/first/1", run.info.run_id)
    assert shelf.catalog.version("second", 1).manifest == shelf.catalog.version("first", 1).manifest
    assert single.version == 2
    assert [file.path for file in shelf.catalog.manifest("second", 2).files] == ["one.txt"]


def test_a_version_of_another_shelfs_run_brings_its_files_along(shelf: Registry, tmp_path: Path) -> None:
    session.set_registry_uri(f"sqlite:///{tmp_path}/central.db")
    with mlflow.start_run() as run:
        mlflow.log_text("weights", "model/weights.txt")

    mlflow.register_model(f"runs:/{run.info.run_id}/model", "model")

    with pytest.raises(NotFound):
        shelf.catalog.model("model")
    central = session.registry()
    assert central.catalog.version("model", 1).sealed
    assert mlflow.artifacts.load_text("models:/model/1/weights.txt") == "weights"


def test_a_bucket_is_recorded_and_never_read(shelf: Registry) -> None:
    mlflow.register_model("s3://bucket/model", "far")

    assert not shelf.catalog.version("far", 1).sealed
    with pytest.raises(Conflict, match=r"unsealed.*s3://bucket/model"):
        mlflow.artifacts.download_artifacts("models:/far/1")
