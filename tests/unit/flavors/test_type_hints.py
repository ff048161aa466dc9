"""Models whose predict has type hints: their signature, and the data they are given."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from modelshelf.domain.errors import Invalid, SignatureMismatch
from modelshelf.flavors import pyfunc
from modelshelf.flavors.hinted import TypeFromExample
from modelshelf.flavors.mlmodel import Model
from modelshelf.flavors.signature import infer_signature


def shout(model_input: list[str]) -> list[str]:
    return [each.upper() for each in model_input]


def pick(model_input: list[dict[str, Any]]) -> list[Any]:
    return [each["a"] for each in model_input]


def listed(model_input: TypeFromExample) -> str:
    return type(model_input).__name__


class Shouter(pyfunc.PythonModel):
    def predict(self, context: Any, model_input: list[dict[str, str]], params: Any = None) -> list[str]:
        return [each["a"].upper() for each in model_input]


def saved(folder: Path, model: Any, **options: Any) -> Any:
    pyfunc.save_model(folder / "m", python_model=model, pip_requirements=["cloudpickle"], **options)
    return pyfunc.load_model(folder / "m", trusted=True)


@pytest.mark.parametrize("example", [None, ["a"]])
def test_the_signature_is_that_of_the_hints_with_or_without_an_example(
    tmp_path: Path, example: Any, caplog: pytest.LogCaptureFixture
) -> None:
    model = saved(tmp_path, shout, input_example=example)

    assert model.metadata.signature.to_dict() == {
        "inputs": '[{"type": "string", "required": true}]',
        "outputs": '[{"type": "string", "required": true}]',
        "params": None,
    }
    assert Model.load(tmp_path / "m").is_signature_from_type_hint
    assert model.predict(["x"]) == ["X"]
    assert model.predict(pd.DataFrame({"number": [1], "text": ["y"]})) == ["Y"]
    assert "predict" not in caplog.text


def test_dicts_come_from_lists_and_from_tables(tmp_path: Path) -> None:
    model = saved(tmp_path, Shouter(), input_example=([{"a": "x"}], {"depth": 1}))

    assert model.predict([{"a": "x"}]) == ["X"]
    assert model.predict(pd.DataFrame({"a": ["y"], "b": ["z"]})) == ["Y"]
    assert model.metadata.signature.to_dict()["inputs"] == (
        '[{"type": "map", "values": {"type": "string"}, "required": true}]'
    )
    assert [each.name for each in model.metadata.signature.params] == ["depth"]


@pytest.mark.parametrize(
    ("model", "data"), [(shout, [1]), (shout, "a"), (pick, ["a"]), (Shouter(), [{"a": 1}]), (shout, {"a": ["b"]})]
)
def test_data_that_does_not_fit_the_hint_is_refused(tmp_path: Path, model: Any, data: Any) -> None:
    with pytest.raises(SignatureMismatch, match="the model takes"):
        saved(tmp_path, model).predict(data)


def test_outputs_that_do_not_fit_their_hint_are_of_any_type(tmp_path: Path) -> None:
    def wrong(model_input: list[int]) -> list[str]:
        return model_input  # type: ignore[return-value]

    model = saved(tmp_path, wrong, input_example=[1])

    assert model.metadata.signature.to_dict()["outputs"] == '[{"type": "any", "required": true}]'


def test_hints_come_before_a_given_signature(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    model = saved(tmp_path, shout, signature=infer_signature(pd.DataFrame({"a": ["b"]}), params={"top": 1}))

    assert model.predict(["x"]) == ["X"]
    assert [each.name for each in model.metadata.signature.params] == ["top"]
    assert "type hints" in caplog.text


def test_a_hint_without_items_is_refused(tmp_path: Path) -> None:
    def bare(model_input: list) -> Any:  # type: ignore[type-arg]
        return model_input

    with pytest.raises(Invalid, match=r"write list\[str\]"):
        saved(tmp_path, bare)


def test_a_hint_of_a_table_leaves_the_signature_to_the_example(tmp_path: Path) -> None:
    def count(model_input: pd.DataFrame) -> int:
        return len(model_input)

    model = saved(tmp_path, count, input_example=pd.DataFrame({"a": [1]}))

    assert not model.metadata.is_signature_from_type_hint
    assert model.metadata.signature.inputs.input_names() == ["a"]
    assert model.predict(pd.DataFrame({"a": [1, 2]})) == 2


@pytest.mark.parametrize(("example", "kind"), [(["a"], "list"), (pd.DataFrame({"a": ["b"]}), "DataFrame")])
def test_the_input_can_come_as_the_example_does(tmp_path: Path, example: Any, kind: str) -> None:
    model = saved(tmp_path, listed, input_example=example)

    assert model.metadata.type_hint_from_example
    assert model.predict(example) == kind
