"""Python models: saved, loaded and asked, and refused without trust."""

import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import cloudpickle
import numpy as np
import pandas as pd
import pytest
import yaml

from modelshelf.domain.errors import AlreadyExists, Invalid, InvalidModel, MissingPackage, SignatureMismatch, Untrusted
from modelshelf.flavors import pyfunc
from modelshelf.flavors.mlmodel import Model
from modelshelf.flavors.signature import infer_signature

FRAME = pd.DataFrame({"a": [1.0, 2.0], "b": [3.0, 4.0]})


def by_value(name: str, namespace: dict[str, Any]) -> Any:
    """A model whose class lives in no module, as one written in a notebook."""
    return type(name, (pyfunc.PythonModel,), {"__module__": "__main__", **namespace})()


def add(_self: Any, model_input: Any) -> Any:
    return model_input.sum(axis=1)


add.__module__ = "__main__"


def test_a_model_is_saved_and_predicts_the_same(tmp_path: Path) -> None:
    pyfunc.save_model(tmp_path / "m", python_model=by_value("Adder", {"predict": add}), input_example=FRAME)

    model = pyfunc.load_model(tmp_path / "m", trusted=True)

    assert model.predict(FRAME).tolist() == [4.0, 6.0]
    assert model.input_example.equals(FRAME)
    assert model.metadata.signature == infer_signature(FRAME, FRAME.sum(axis=1))
    assert type(model.unwrap_python_model()).__name__ == "Adder"
    assert model.loader_module == "mlflow.pyfunc.model"


def test_context_params_and_config_reach_the_model(tmp_path: Path) -> None:
    def load_context(self: Any, context: Any) -> None:
        with open(context.artifacts["words"]) as file:  # noqa: PTH123 — as users write it
            self.words = file.read().split()

    def predict(self: Any, context: Any, model_input: Any, params: Any = None) -> Any:
        return self.words[: len(model_input)], params, context.model_config

    for each in (load_context, predict):
        each.__module__ = "__main__"
    (tmp_path / "words.txt").write_text("red green")
    pyfunc.save_model(
        tmp_path / "m",
        python_model=by_value("Reader", {"load_context": load_context, "predict": predict}),
        artifacts={"words": str(tmp_path / "words.txt")},
        signature=infer_signature(FRAME, params={"top": 3}),
        model_config={"depth": 1, "width": 2},
    )

    model = pyfunc.load_model(tmp_path / "m", trusted=True, model_config={"depth": 5})

    assert model.predict(FRAME, params={"top": 4}) == (["red", "green"], {"top": 4}, {"depth": 5, "width": 2})
    assert model.predict(FRAME)[1] == {"top": 3}


def test_a_function_is_a_model(tmp_path: Path) -> None:
    pyfunc.save_model(tmp_path / "m", python_model=lambda model_input: len(model_input) + 1)

    assert pyfunc.load_model(tmp_path / "m", trusted=True).predict([1, 2, 3]) == 4


def test_a_stream_is_given_piece_by_piece(tmp_path: Path) -> None:
    def predict_stream(_self: Any, model_input: Any) -> Any:
        yield from model_input

    predict_stream.__module__ = "__main__"
    model = by_value("Streamer", {"predict": add, "predict_stream": predict_stream})
    pyfunc.save_model(tmp_path / "m", python_model=model)

    assert list(pyfunc.load_model(tmp_path / "m", trusted=True).predict_stream("abc")) == ["a", "b", "c"]


def test_a_pickle_needs_trust(tmp_path: Path) -> None:
    pyfunc.save_model(tmp_path / "m", python_model=len)

    with pytest.raises(Untrusted, match=r"python_model\.pkl.*trust=True"):
        pyfunc.load_model(tmp_path / "m")


def test_nothing_of_an_untrusted_pickle_runs(tmp_path: Path) -> None:
    class Bomb:
        def __reduce__(self) -> Any:
            return os.mkdir, (str(tmp_path / "ran"),)

    pyfunc.save_model(tmp_path / "m", python_model=len)
    (tmp_path / "m" / "python_model.pkl").write_bytes(pickle.dumps(Bomb()))

    with pytest.raises(Untrusted):
        pyfunc.load_model(tmp_path / "m")

    assert not (tmp_path / "ran").exists()


def test_the_pickle_names_neither_package_as_ours(tmp_path: Path) -> None:
    pyfunc.save_model(tmp_path / "m", python_model=by_value("Adder", {"predict": add}))

    content = (tmp_path / "m" / "python_model.pkl").read_bytes()

    assert b"mlflow.pyfunc.model:PythonModel" in content
    assert b"modelshelf" not in content
    assert (tmp_path / "m" / "requirements.txt").read_text() == f"cloudpickle=={cloudpickle.__version__}"


def test_code_paths_travel_with_the_model(tmp_path: Path) -> None:
    source = tmp_path / "src"
    source.mkdir()
    (source / "travelling_code.py").write_text(
        "import numpy\nfrom modelshelf.flavors.pyfunc import PythonModel\n"
        "class Doubler(PythonModel):\n    def predict(self, model_input):\n        return model_input * 2\n"
    )
    saving = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from travelling_code import Doubler\nfrom modelshelf.flavors import pyfunc\n"
        "pyfunc.save_model(sys.argv[2], python_model=Doubler(), code_paths=[sys.argv[1] + '/travelling_code.py'])\n"
    )
    subprocess.run([sys.executable, "-c", saving, str(source), str(tmp_path / "m")], check=True)
    (source / "travelling_code.py").unlink()

    model = pyfunc.load_model(tmp_path / "m", trusted=True)

    assert model.predict(21) == 42
    requirements = (tmp_path / "m" / "requirements.txt").read_text()
    assert f"numpy=={np.__version__}" in requirements
    sys.path[:] = [each for each in sys.path if not each.startswith(str(tmp_path))]


def test_two_versions_of_a_models_own_code_do_not_mix(tmp_path: Path) -> None:
    for number in (1, 2):
        pyfunc.save_model(tmp_path / f"m{number}", python_model=len)
        code = tmp_path / f"m{number}" / "code"
        code.mkdir()
        (code / "own_code.py").write_text(f"class M:\n    def predict(self, model_input):\n        return {number}\n")
        (tmp_path / f"m{number}" / "python_model.pkl").write_bytes(b"cown_code\nM\n)\x81.")
        file = tmp_path / f"m{number}" / "MLmodel"
        file.write_text(file.read_text().replace("code: null", "code: code"))

    first, second = (pyfunc.load_model(tmp_path / name, trusted=True) for name in ("m1", "m2"))

    assert (first.predict(0), second.predict(0)) == (1, 2)
    sys.path[:] = [each for each in sys.path if not each.startswith(str(tmp_path))]


def test_a_failed_save_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(Invalid):
        pyfunc.save_model(tmp_path / "m", python_model=len, artifacts={"a": __file__, "b": "/no/such/file"})

    assert not (tmp_path / "m").exists()


def test_own_modules_without_code_paths_are_warned_about(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    pyfunc.save_model(tmp_path / "m", python_model=by_reference)

    assert __name__.partition(".")[0] in caplog.text
    assert "code_paths" in caplog.text


def by_reference(model_input: Any) -> Any:
    return model_input


def test_a_module_that_is_gone_is_named(tmp_path: Path) -> None:
    pyfunc.save_model(tmp_path / "m", python_model=len)
    (tmp_path / "m" / "python_model.pkl").write_bytes(b"cno_such_module\nThing\n.")

    with pytest.raises(MissingPackage, match=r"no_such_module.*code_paths"):
        pyfunc.load_model(tmp_path / "m", trusted=True)


def test_a_package_that_is_gone_is_named_with_its_version(tmp_path: Path) -> None:
    pyfunc.save_model(tmp_path / "m", python_model=len, pip_requirements=["no-such-package==1.2"])
    (tmp_path / "m" / "python_model.pkl").write_bytes(b"cno_such_package\nThing\n.")

    with pytest.raises(MissingPackage, match=r"pip install 'no-such-package==1\.2'"):
        pyfunc.load_model(tmp_path / "m", trusted=True)


@pytest.mark.parametrize("content", [b"", b"garbage", b"cos\nno_such_name\n."])
def test_a_broken_pickle_is_an_invalid_model(tmp_path: Path, content: bytes) -> None:
    pyfunc.save_model(tmp_path / "m", python_model=len)
    (tmp_path / "m" / "python_model.pkl").write_bytes(content)

    with pytest.raises(InvalidModel, match=r"python_model\.pkl"):
        pyfunc.load_model(tmp_path / "m", trusted=True)


def test_an_artifact_outside_of_the_model_is_refused(tmp_path: Path) -> None:
    pyfunc.save_model(tmp_path / "m", python_model=len, artifacts={"x": __file__})
    file = tmp_path / "m" / "MLmodel"
    content = yaml.safe_load(file.read_text())
    content["flavors"]["python_function"]["artifacts"]["x"]["path"] = "../../etc/passwd"
    file.write_text(yaml.safe_dump(content))

    with pytest.raises(InvalidModel, match="outside"):
        pyfunc.load_model(tmp_path / "m", trusted=True)


def test_the_ids_of_a_logged_model_are_written(tmp_path: Path) -> None:
    base = Model(model_uuid="u", utc_time_created="2026-01-01 00:00:00")
    written = pyfunc.save_model(
        tmp_path / "m", python_model=len, mlflow_model=base, model_id="m-1", run_id="r", artifact_path="a"
    )

    read = Model.load(tmp_path / "m")

    assert read == written
    assert (read.model_id, read.run_id, read.artifact_path, read.model_uuid) == ("m-1", "r", "a", "u")


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({}, "python_model"),
        ({"python_model": pyfunc.PythonModel}, "python_model"),
        ({"python_model": "model.py"}, "python_model"),
        ({"python_model": len, "loader_module": "x"}, "loader_module"),
        ({"python_model": len, "data_path": "x"}, "data_path"),
        ({"python_model": len, "resources": [1]}, "resources"),
        ({"python_model": len, "nonsense": 1}, "nonsense"),
        ({"python_model": len, "artifacts": {"x": "/no/such/file"}}, "artifacts"),
        ({"python_model": len, "artifacts": {"x": "s3://bucket/x"}}, "artifacts"),
        ({"python_model": len, "code_paths": "x.py"}, "code_paths"),
        ({"python_model": len, "code_paths": ["/no/such/file"]}, "code_paths"),
        ({"python_model": len, "pip_requirements": ["a"], "extra_pip_requirements": ["b"]}, "pip_requirements"),
        ({"python_model": len, "input_example": object()}, "input_example"),
    ],
)
def test_arguments_that_do_not_fit_are_named(tmp_path: Path, arguments: dict[str, Any], named: str) -> None:
    with pytest.raises(Invalid, match=named):
        pyfunc.save_model(tmp_path / "m", **arguments)


def test_a_directory_in_use_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("x")

    with pytest.raises(AlreadyExists):
        pyfunc.save_model(tmp_path, python_model=len)

    assert [each.name for each in tmp_path.iterdir()] == ["precious"]


def test_a_prediction_on_wrong_data_is_refused_before_the_model_sees_it(tmp_path: Path) -> None:
    pyfunc.save_model(tmp_path / "m", python_model=len, signature=infer_signature(FRAME))

    with pytest.raises(SignatureMismatch, match=r"\['b'\]"):
        pyfunc.load_model(tmp_path / "m", trusted=True).predict(FRAME[["a"]])


def test_a_saved_environment_states_what_was_given(tmp_path: Path) -> None:
    pyfunc.save_model(tmp_path / "pip", python_model=len, pip_requirements=["numpy==1.0"])
    pyfunc.save_model(tmp_path / "extra", python_model=len, extra_pip_requirements=["cloudpickle==0.1", "other"])
    conda = {"name": "mine", "dependencies": ["python=3.11", {"pip": ["scipy"]}]}
    pyfunc.save_model(tmp_path / "conda", python_model=len, conda_env=conda)

    found = {name: (tmp_path / name / "requirements.txt").read_text().split() for name in ("pip", "extra", "conda")}

    assert found == {"pip": ["numpy==1.0"], "extra": ["cloudpickle==0.1", "other"], "conda": ["scipy"]}
    assert yaml.safe_load((tmp_path / "conda" / "conda.yaml").read_text()) == conda
    assert yaml.safe_load((tmp_path / "pip" / "python_env.yaml").read_text())["dependencies"] == ["-r requirements.txt"]


def test_importing_the_base_class_imports_no_heavy_package() -> None:
    script = (
        "import sys; from modelshelf.flavors.pyfunc import PythonModel; "
        "print([m for m in ('numpy', 'pandas', 'sklearn', 'skops', 'yaml', 'cloudpickle') if m in sys.modules])"
    )

    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)

    assert done.stdout.strip() == "[]"
