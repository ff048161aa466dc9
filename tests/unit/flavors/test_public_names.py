"""The names of MLflow's that programs import, and what of them is refused."""

from pathlib import Path

import pytest

import modelshelf.sklearn
from modelshelf import models, types
from modelshelf.domain.errors import Invalid, InvalidModel
from modelshelf.flavors import pyfunc
from modelshelf.models import get_model_info, infer_signature, set_signature
from modelshelf.models import model as model_names
from modelshelf.models import signature as signature_names
from modelshelf.types import schema, type_hints


def test_one_thing_is_the_same_under_each_of_its_names() -> None:
    assert signature_names.infer_signature is models.infer_signature
    assert signature_names.ModelSignature is models.ModelSignature
    assert model_names.ModelInfo is models.ModelInfo
    assert type_hints.TypeFromExample.__name__ == "TypeFromExample"
    for name in ("ColSpec", "DataType", "ParamSchema", "ParamSpec", "Schema", "TensorSpec"):
        assert getattr(types, name) is getattr(schema, name) is getattr(models, name)


def test_the_info_of_a_local_model_is_that_of_its_file_and_its_signature_can_be_set(tmp_path: Path) -> None:
    pyfunc.save_model(tmp_path / "m", python_model=len, metadata={"who": "me"}, pip_requirements=["cloudpickle"])
    signature = infer_signature(["a"], 1)

    set_signature(tmp_path / "m", signature)

    info = get_model_info(tmp_path / "m")
    assert (info.signature, info.metadata, list(info.flavors)) == (signature, {"who": "me"}, ["python_function"])
    assert info.model_uri == str(tmp_path / "m")


def test_what_is_no_model_has_no_info(tmp_path: Path) -> None:
    with pytest.raises(InvalidModel, match="MLmodel"):
        get_model_info(tmp_path)


def test_the_signature_of_a_registered_model_stays() -> None:
    with pytest.raises(Invalid, match="log the model again"):
        set_signature("models:/churn/1", infer_signature(["a"]))


def test_autolog_says_what_to_do_instead() -> None:
    with pytest.raises(Invalid, match="log_params"):
        modelshelf.sklearn.autolog(log_models=False)
