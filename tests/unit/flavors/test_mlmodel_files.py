"""MLmodel files: what is written, and how broken ones are refused."""

from pathlib import Path

import pytest
import yaml

from modelshelf.domain.errors import InvalidModel
from modelshelf.flavors.mlmodel import FORMAT_VERSION, Model
from modelshelf.flavors.model_info import ModelInfo
from modelshelf.flavors.pyfunc import load_model
from modelshelf.flavors.signature import infer_signature


def test_a_model_survives_its_file(tmp_path: Path) -> None:
    model = Model(
        artifact_path="churn",
        run_id="r1",
        model_id="m-1",
        model_uuid="u",
        utc_time_created="2026-01-01 00:00:00.000001",
        flavors={"python_function": {"loader_module": "mlflow.sklearn"}},
        signature=infer_signature([1]),
        metadata={"who": "me"},
        model_size_bytes=3,
        others={"something_new": [1, 2]},
    )

    model.save(tmp_path / "MLmodel")

    assert Model.load(tmp_path) == model
    assert yaml.safe_load((tmp_path / "MLmodel").read_text())["mlflow_version"] == FORMAT_VERSION


def test_facts_that_are_not_known_are_left_out_as_mlflow_does() -> None:
    content = Model(model_uuid="u").to_dict()

    assert {"model_id", "prompts"} <= content.keys()
    assert content.keys().isdisjoint({"run_id", "artifact_path", "metadata", "signature", "saved_input_example_info"})


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("a: [", "not YAML"),
        ("- 1", "mapping is needed"),
        ("flavors: 3", "flavors"),
        ("flavors: {}\nsignature: 3", "signature"),
        ("flavors: {}\nsignature: {inputs: '{'}", "JSON"),
        ('flavors: {}\nsignature: {inputs: \'[{"type": "nonsense"}]\'}', "nonsense"),
        ("flavors: !!python/object/apply:os.system ['true']", "not YAML"),
        ("flavors: {sklearn: {}}", "no python_function flavor"),
        ("flavors: {python_function: 3}", "not a mapping"),
        ("flavors: {python_function: {}}", "loader_module None"),
        ("flavors: {python_function: {loader_module: os}}", "loader_module 'os'"),
        ("flavors: {python_function: {loader_module: mlflow.sklearn, model_path: ../x}}", "outside"),
        ("flavors: {python_function: {loader_module: mlflow.sklearn, model_path: x}}", "not there"),
        ("flavors: {python_function: {loader_module: mlflow.sklearn, model_path: MLmodel, predict_fn: _x}}", "_x"),
        ("flavors: {python_function: {loader_module: mlflow.pyfunc.model}}", "python_model"),
        ("flavors: {python_function: {loader_module: mlflow.pyfunc.model, config: 3}}", "config"),
    ],
)
def test_a_broken_file_is_named_with_its_fault(tmp_path: Path, text: str, fault: str) -> None:
    (tmp_path / "MLmodel").write_text(text)

    with pytest.raises(InvalidModel) as caught:
        load_model(tmp_path, trusted=True)

    assert str(tmp_path) in caught.value.message or "python_function" in caught.value.message
    assert fault in caught.value.message


def test_a_directory_without_the_file_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(InvalidModel, match="there is no such file"):
        load_model(tmp_path, trusted=True)


def test_a_file_nested_too_deeply_is_refused(tmp_path: Path) -> None:
    (tmp_path / "MLmodel").write_text("flavors: " + "[" * 5000 + "]" * 5000)

    with pytest.raises(InvalidModel):
        load_model(tmp_path, trusted=True)


def test_model_info_has_the_facts_of_the_file_and_those_it_is_told() -> None:
    model = Model(model_uuid="u", flavors={"sklearn": {}}, signature=infer_signature([1]))

    info = ModelInfo.of(model, "models:/churn/3", registered_model_version=3, name="churn")

    assert (info.model_uuid, info.registered_model_version, info.name) == ("u", 3, "churn")
    assert info.signature_dict == {"inputs": '[{"type": "long", "required": true}]', "outputs": None, "params": None}


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("flavors: {}", "flavors is empty"),
        ("run_id: a", "flavors is empty or missing"),
        ("flavors: {python_function: 3}", "'python_function' is a int"),
        ("flavors: {sklearn: []}", "'sklearn' is a list"),
        ("flavors: {python_function: {loader_module: 3}}", "loader_module 3"),
    ],
)
def test_flavors_that_nothing_could_load_are_refused(tmp_path: Path, text: str, fault: str) -> None:
    (tmp_path / "MLmodel").write_text(text)

    with pytest.raises(InvalidModel, match=fault) as caught:
        Model.load(tmp_path)

    assert caught.value.details["path"] == str(tmp_path / "MLmodel")


def test_an_unknown_loader_is_read_but_not_loaded(tmp_path: Path) -> None:
    (tmp_path / "MLmodel").write_text("flavors: {python_function: {loader_module: other.loader}}")

    Model.load(tmp_path)

    with pytest.raises(InvalidModel, match=r"MLmodel: loader_module 'other\.loader'"):
        load_model(tmp_path, trusted=True)
