"""Models logged, registered and loaded: by another process, by alias, after a rollback, whatever their run did."""

import gc
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

import modelshelf as mlflow
import modelshelf.pyfunc
import modelshelf.sklearn
from modelshelf.domain.errors import Corrupt, Invalid, InvalidModel, NotFound, ShelfError, Untrusted
from modelshelf.domain.tracking import LoggedModelStatus
from modelshelf.sdk import logged_here, session
from modelshelf.services.registry import Registry
from programs import run_program

X, Y = load_iris(return_X_y=True)
ROWS = X[[0, 60, 120]]


class Counter(mlflow.pyfunc.PythonModel):
    """Answers what stands in its file, which it reads when asked."""

    def load_context(self, context: Any) -> None:
        self.path = context.artifacts["number"]

    def predict(self, model_input: Any) -> list[int]:
        return [int(Path(self.path).read_text(encoding="utf-8"))] * len(model_input)


@pytest.fixture
def shelf(database_uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Registry]:
    """The shelf that the SDK talks to, in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    session.set_tracking_uri(database_uri)
    yield session.registry()
    mlflow.end_run()
    session.registry().close()
    session.set_tracking_uri("")


def trained(**options: Any) -> LogisticRegression:
    return LogisticRegression(max_iter=500, **options).fit(X, Y)


def log_counter(number: int, **options: Any) -> Any:
    Path("number.txt").write_text(str(number), encoding="utf-8")
    return mlflow.pyfunc.log_model(
        name="counter", python_model=Counter(), artifacts={"number": "number.txt"}, **options
    )


def test_another_process_loads_by_alias_what_this_one_registered(shelf: Registry, tmp_path: Path) -> None:
    model = trained()
    with mlflow.start_run():
        mlflow.sklearn.log_model(model, name="model", registered_model_name="iris")
    shelf.governance.set_alias("iris", "production", 1)
    program = tmp_path / "serve.py"
    program.write_text(
        "import json, sys\n"
        "import modelshelf.pyfunc, modelshelf.sklearn\n"
        "rows = json.loads(sys.argv[1])\n"
        "for flavor in (modelshelf.sklearn, modelshelf.pyfunc):\n"
        "    print(json.dumps(flavor.load_model('models:/iris@production').predict(rows).tolist()))\n",
        encoding="utf-8",
    )

    output = run_program(
        program, json.dumps(ROWS.tolist()), folder=tmp_path, MODELSHELF_TRACKING_URI=session.get_tracking_uri()
    )

    assert [json.loads(line) for line in output.splitlines()] == [model.predict(ROWS).tolist()] * 2


def test_logging_tells_where_the_model_is_and_which_version_it_became(shelf: Registry) -> None:
    with mlflow.start_run() as run:
        info = mlflow.sklearn.log_model(
            trained(), name="iris", registered_model_name="iris", params={"depth": 3}, tags={"team": "a"}, step=7
        )

    assert info.model_uri == f"models:/{info.model_id}"
    assert (info.run_id, info.name, info.registered_model_version) == (run.info.run_id, "iris", 1)
    assert info.artifact_path == f"mlflow-artifacts:/0/models/{info.model_id}/artifacts"
    assert info.params == {"depth": "3"}
    assert info.tags["team"] == "a"
    version = shelf.catalog.version("iris", 1)
    assert (version.source, version.run_id, version.logged_model) == (info.model_uri, run.info.run_id, info.model_id)
    assert shelf.tracking.logged_model(info.model_id).status is LoggedModelStatus.READY
    assert [(made.model_id, made.step) for made in shelf.tracking.run(run.info.run_id).outputs] == [(info.model_id, 7)]


def test_a_model_logged_without_a_run_starts_none(shelf: Registry) -> None:
    info = mlflow.sklearn.log_model(trained(), name="iris")

    assert info.run_id is None
    assert mlflow.active_run() is None
    assert shelf.tracking.logged_model(info.model_id).run_id == ""


def test_every_form_of_uri_loads_its_version(shelf: Registry) -> None:
    for number in (1, 2, 3):
        log_counter(number, registered_model_name="counter")
    shelf.governance.set_alias("counter", "champion", 2)
    shelf.governance.set_stage("counter", 1, "Production")

    def answer(uri: str) -> int:
        return mlflow.pyfunc.load_model(uri).predict([0])[0]

    assert answer("models:/counter/3") == 3
    assert answer("models:/counter/latest") == 3
    assert answer("models:/counter@champion") == 2
    assert answer("models:/counter/Production") == 1


def test_a_rollback_brings_the_version_before_back_and_the_past_stays_readable(shelf: Registry) -> None:
    for number in (1, 2):
        log_counter(number, registered_model_name="counter")
        shelf.governance.set_alias("counter", "champion", number)
    promoted = datetime.fromtimestamp(shelf.governance.history("counter")[0].time_ms / 1000, UTC)
    live = mlflow.pyfunc.load_model("models:/counter@champion")

    shelf.governance.rollback("counter", "champion")

    assert live.predict([0]) == [2]
    assert mlflow.pyfunc.load_model("models:/counter@champion").predict([0]) == [1]
    assert mlflow.pyfunc.load_model(f"models:/counter@champion?at={promoted.isoformat()}").predict([0]) == [2]


def test_a_version_stays_as_it_was_whatever_happens_to_its_run(shelf: Registry) -> None:
    with mlflow.start_run() as run:
        info = log_counter(1)
        mlflow.log_text("weights one", "model/weights.txt")
    path = f"runs:/{run.info.run_id}/model"
    mlflow.register_model(path, "weights")
    mlflow.register_model(info.model_uri, "counter")

    with mlflow.start_run(run.info.run_id):
        mlflow.log_text("weights two", "model/weights.txt")
    shelf.artifacts.delete(f"0/models/{info.model_id}")
    shelf.tracking.delete_logged_model(info.model_id)
    shelf.tracking.delete_run(run.info.run_id)

    assert mlflow.pyfunc.load_model("models:/counter/1").predict([0]) == [1]
    assert mlflow.artifacts.load_text("models:/weights/1/weights.txt") == "weights one"


def test_one_flipped_bit_is_refused_and_named(shelf: Registry, tmp_path: Path) -> None:
    mlflow.sklearn.log_model(trained(), name="iris", registered_model_name="iris")
    manifest = shelf.catalog.manifest("iris", 1)
    entry = manifest.find("model.skops")
    blob = next(tmp_path.rglob(entry.digest.removeprefix("sha256:")))
    content = bytearray(blob.read_bytes())
    content[len(content) // 2] ^= 1
    blob.chmod(0o600)
    blob.write_bytes(content)

    with pytest.raises(Corrupt) as refused:
        mlflow.sklearn.load_model("models:/iris/1")

    assert "model.skops" in refused.value.message
    assert entry.digest in refused.value.message
    assert refused.value.details["found"] in refused.value.message
    assert refused.value.details["found"] != entry.digest


@pytest.mark.usefixtures("shelf")
def test_a_pickle_that_is_no_version_needs_trust(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with mlflow.start_run() as run:
        info = log_counter(5, registered_model_name="counter")
    monkeypatch.setattr(logged_here, "_manifests", set())  # as in a process that did not log it
    local = mlflow.artifacts.download_artifacts("models:/counter/1", dst_path=str(tmp_path / "local"))

    for uri in (info.model_uri, f"runs:/{run.info.run_id}/counter", info.artifact_path, local):
        with pytest.raises(Untrusted, match="trust=True"):
            mlflow.pyfunc.load_model(uri)
        assert mlflow.pyfunc.load_model(uri, trust=True).predict([0]) == [5]
    assert mlflow.pyfunc.load_model("models:/counter/1").predict([0]) == [5]


@pytest.mark.usefixtures("shelf")
def test_skops_files_of_reviewed_types_need_no_trust() -> None:
    with mlflow.start_run() as run:
        info = mlflow.sklearn.log_model(trained(), name="iris")

    for uri in (info.model_uri, f"runs:/{run.info.run_id}/iris"):
        assert mlflow.sklearn.load_model(uri).predict(ROWS).tolist() == [0, 1, 2]


@pytest.mark.usefixtures("shelf")
def test_where_nothing_is_trusted_versions_need_trust_too(monkeypatch: pytest.MonkeyPatch) -> None:
    log_counter(5, registered_model_name="counter")
    uri = session.get_tracking_uri()
    monkeypatch.setenv("MODELSHELF_TRUST", "none")
    session.settings.cache_clear()
    try:
        with pytest.raises(Untrusted, match="models:/counter/1"):
            mlflow.pyfunc.load_model("models:/counter/1")
        assert mlflow.pyfunc.load_model("models:/counter/1", trust=True).predict([0]) == [5]
    finally:
        monkeypatch.undo()
        session.settings.cache_clear()
        session.set_tracking_uri(uri)


@pytest.mark.usefixtures("shelf")
def test_a_models_files_live_as_long_as_the_model() -> None:
    log_counter(5, registered_model_name="counter")
    inner = mlflow.pyfunc.load_model("models:/counter/1").unwrap_python_model()
    gc.collect()

    path = Path(inner.path)
    assert inner.predict([0]) == [5]
    del inner
    gc.collect()

    assert not path.exists()


@pytest.mark.usefixtures("shelf")
def test_a_models_requirements_come_alone() -> None:
    info = mlflow.sklearn.log_model(trained(), name="iris")

    path = Path(mlflow.pyfunc.get_model_dependencies(info.model_uri))

    assert "scikit-learn==" in path.read_text(encoding="utf-8")
    assert [each.name for each in path.parent.iterdir()] == ["requirements.txt"]
    with pytest.raises(Invalid, match="format"):
        mlflow.pyfunc.get_model_dependencies(info.model_uri, format="nix")


@pytest.mark.usefixtures("shelf")
def test_nothing_is_left_of_a_load_or_of_one_that_failed(tmp_path: Path) -> None:
    info = mlflow.sklearn.log_model(trained(), name="iris", registered_model_name="iris")
    log_counter(1, registered_model_name="counter")

    mlflow.sklearn.load_model("models:/iris/1")
    mlflow.pyfunc.load_model(info.model_uri).predict(ROWS)
    with pytest.raises(InvalidModel):
        mlflow.sklearn.load_model("models:/counter/1")
    with pytest.raises(NotFound):
        mlflow.artifacts.download_artifacts("models:/iris/1/nothing")
    gc.collect()

    assert list(tmp_path.glob("modelshelf-*")) == []


def test_a_model_that_cannot_be_saved_is_failed_and_registers_nothing(shelf: Registry) -> None:
    prepared = shelf.tracking.create_logged_model("0", name="counter")

    with pytest.raises(Invalid, match=r"absent\.txt"):
        mlflow.pyfunc.log_model(
            model_id=prepared.id,
            python_model=Counter(),
            artifacts={"number": "absent.txt"},
            registered_model_name="counter",
        )

    found = shelf.tracking.logged_model(prepared.id)
    assert found.status is LoggedModelStatus.FAILED
    assert "absent.txt" in found.status_message
    with pytest.raises(NotFound):
        shelf.catalog.model("counter")


@pytest.mark.parametrize(
    ("name", "registered", "path"),
    [("a/b", None, None), ("", None, None), ("a", "x/y", None), ("a", None, "b")],
    ids=["a path", "empty", "a bad registered name", "two names"],
)
def test_bad_names_are_refused_before_anything_is_stored(
    shelf: Registry, name: str, registered: str | None, path: str | None
) -> None:
    with pytest.raises(Invalid):
        mlflow.sklearn.log_model(trained(), name=name, artifact_path=path, registered_model_name=registered)

    assert shelf.artifacts.listing("").folders == ()


@pytest.mark.usefixtures("shelf")
def test_errors_about_a_stored_model_name_the_uri_and_no_folder_that_is_gone(tmp_path: Path) -> None:
    folder = tmp_path / "odd"
    folder.mkdir()
    (folder / "MLmodel").write_text("flavors: {python_function: {loader_module: numpy}}", encoding="utf-8")
    mlflow.register_model(str(folder), "odd")

    with pytest.raises(InvalidModel, match=r"models:/odd/1/MLmodel") as refused:
        mlflow.pyfunc.load_model("models:/odd/1")

    assert os.path.sep + "tmp" not in str(refused.value)
    assert isinstance(refused.value, ShelfError)


def test_a_program_loads_the_pickle_that_it_logged_itself_and_no_other(tmp_path: Path) -> None:
    shelf = f"sqlite:///{tmp_path}/shelf.db"
    log = f"""
import modelshelf, modelshelf.pyfunc
modelshelf.set_tracking_uri({shelf!r})
with modelshelf.start_run() as run:
    info = modelshelf.pyfunc.log_model(name="model", python_model=lambda model_input: [2 * x for x in model_input])
for uri in (info.model_uri, f"runs:/{{run.info.run_id}}/model"):
    assert modelshelf.pyfunc.load_model(uri).predict([1, 2]) == [2, 4]
print(info.model_uri)
"""
    load = """
import sys, modelshelf, modelshelf.pyfunc
modelshelf.set_tracking_uri(sys.argv[1])
try:
    modelshelf.pyfunc.load_model(sys.argv[2])
except modelshelf.exceptions.Untrusted as error:
    print("trust=True" in str(error))
"""

    logged = subprocess.run([sys.executable, "-c", log], capture_output=True, text=True, check=True).stdout.strip()
    refused = subprocess.run([sys.executable, "-c", load, shelf, logged], capture_output=True, text=True, check=True)

    assert refused.stdout == "True\n"
