"""Files brought back: downloaded, listed and read, by every kind of URI."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

import modelshelf as mlflow
from modelshelf.domain.errors import Invalid, NotFound
from modelshelf.sdk import session


@pytest.fixture
def run_id(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A run with two files in a folder, which are version 1 of `data` too."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    session.set_tracking_uri(f"sqlite:///{tmp_path}/shelf.db")
    with mlflow.start_run() as run:
        mlflow.log_text("hello", "t/a.txt")
        mlflow.log_dict({"a": 1}, "t/d.json")
    mlflow.register_model(f"runs:/{run.info.run_id}/t", "data")
    yield run.info.run_id
    session.set_tracking_uri("")


def test_a_folder_lands_under_its_name_and_a_file_beside_others(run_id: str, tmp_path: Path) -> None:
    folder = mlflow.artifacts.download_artifacts(run_id=run_id, artifact_path="t", dst_path="here")
    (tmp_path / "here" / "t" / "mine.txt").write_text("kept", encoding="utf-8")
    again = mlflow.artifacts.download_artifacts(f"runs:/{run_id}/t", dst_path="here")
    file = mlflow.artifacts.download_artifacts(f"runs:/{run_id}/t/a.txt", dst_path="here")

    assert folder == again == str(tmp_path / "here" / "t")
    assert sorted(path.name for path in Path(folder).iterdir()) == ["a.txt", "d.json", "mine.txt"]
    assert file == str(tmp_path / "here" / "a.txt")
    assert Path(file).read_text(encoding="utf-8") == "hello"


def test_the_whole_of_a_run_or_a_version_lands_in_the_folder_itself(run_id: str, tmp_path: Path) -> None:
    of_run = mlflow.artifacts.download_artifacts(run_id=run_id, dst_path="run")
    of_version = mlflow.artifacts.download_artifacts("models:/data/1", dst_path="version")
    fresh = mlflow.artifacts.download_artifacts("models:/data/latest")

    assert (of_run, of_version) == (str(tmp_path / "run"), str(tmp_path / "version"))
    assert (tmp_path / "run" / "t" / "a.txt").exists()
    assert (tmp_path / "version" / "a.txt").exists()
    assert (Path(fresh) / "d.json").exists()
    assert [path.name for path in (tmp_path / "version").iterdir() if path.name.startswith("modelshelf-")] == []


def test_a_place_in_the_store_and_a_local_path_are_uris_too(run_id: str, tmp_path: Path) -> None:
    (tmp_path / "local.txt").write_text("local", encoding="utf-8")

    stored = mlflow.artifacts.download_artifacts(f"mlflow-artifacts:/0/{run_id}/artifacts/t/a.txt", dst_path="out")
    local = mlflow.artifacts.download_artifacts("local.txt")
    copied = mlflow.artifacts.download_artifacts((tmp_path / "local.txt").as_uri(), dst_path="out")

    assert stored == str(tmp_path / "out" / "a.txt")
    assert local == str(tmp_path / "local.txt")
    assert copied == str(tmp_path / "out" / "local.txt")


def test_texts_and_json_are_read_at_once(run_id: str) -> None:
    assert mlflow.artifacts.load_text(f"runs:/{run_id}/t/a.txt") == "hello"
    assert mlflow.artifacts.load_dict("models:/data/1/d.json") == {"a": 1}
    with pytest.raises(Invalid, match="not JSON"):
        mlflow.artifacts.load_dict(f"runs:/{run_id}/t/a.txt")
    with pytest.raises(Invalid, match="folder"):
        mlflow.artifacts.load_text(f"runs:/{run_id}/t")


def test_a_listing_shows_folders_and_files_with_paths_below_the_run(run_id: str) -> None:
    def shown(**where: str) -> list[tuple[str, bool, int | None]]:
        return [(info.path, info.is_dir, info.file_size) for info in mlflow.artifacts.list_artifacts(**where)]

    assert shown(run_id=run_id) == [("t", True, None)]
    assert shown(run_id=run_id, artifact_path="t")[0] == ("t/a.txt", False, 5)
    assert shown(artifact_uri=f"runs:/{run_id}/t/a.txt") == []
    assert shown(artifact_uri=f"runs:/{run_id}/nothing") == []
    assert [path for path, _, _ in shown(artifact_uri="models:/data/1")] == ["a.txt", "d.json"]


@pytest.mark.usefixtures("run_id")
def test_a_name_with_an_at_sign_and_a_file_below_an_alias_are_told_apart() -> None:
    mlflow.register_model("models:/data/1", "odd@name")
    client = mlflow.MlflowClient()
    client.set_registered_model_alias("data", "live", "1")

    assert len(mlflow.artifacts.list_artifacts("models:/odd@name/1")) == 2
    assert mlflow.artifacts.load_text("models:/data@live/a.txt") == "hello"


@pytest.mark.parametrize(
    ("where", "error"),
    [
        ({}, Invalid),
        ({"artifact_uri": "x", "run_id": "y"}, Invalid),
        ({"artifact_uri": "models:/data/1", "artifact_path": "a.txt"}, Invalid),
        ({"artifact_uri": "nowhere.txt"}, NotFound),
        ({"artifact_uri": "models:/data/1/nothing"}, NotFound),
        ({"artifact_uri": "models:/data/1/../shelf.db"}, Invalid),
        ({"artifact_uri": "https://example.com/x"}, Invalid),
    ],
)
@pytest.mark.usefixtures("run_id")
def test_what_is_not_there_or_not_named_well_is_refused(where: dict[str, str], error: type) -> None:
    with pytest.raises(error):
        mlflow.artifacts.download_artifacts(**where)
