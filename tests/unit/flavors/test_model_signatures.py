"""Signatures: inference, their JSON, and what they refuse to describe."""

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelshelf.domain.errors import Invalid, InvalidModel
from modelshelf.flavors.datatypes import AnyType, Array, DataType, Map, Object, Property, SparkMLVector, merge
from modelshelf.flavors.schema import ColSpec, ParamSchema, ParamSpec, Schema, TensorSpec
from modelshelf.flavors.signature import ModelSignature, infer_signature

NAMES = st.text(min_size=1, max_size=8)
SCALARS = st.sampled_from(list(DataType))
TYPES = st.recursive(
    SCALARS | st.just(AnyType()) | st.just(SparkMLVector()),
    lambda inner: (
        st.builds(Array, inner)
        | st.builds(Map, inner)
        | st.lists(
            st.builds(Property, NAMES, inner, st.booleans()), min_size=1, max_size=3, unique_by=lambda p: p.name
        ).map(lambda each: Object(tuple(each)))
    ),
    max_leaves=6,
)
COLUMNS = st.lists(st.builds(ColSpec, TYPES, NAMES, st.booleans()), min_size=1, max_size=5).map(Schema)
TENSORS = st.lists(
    st.builds(
        TensorSpec,
        st.sampled_from(["float64", "int32", "str", "bool", "object"]),
        st.lists(st.integers(-1, 9), max_size=3),
        NAMES,
    ),
    min_size=1,
    max_size=3,
).map(Schema)
PARAMS = st.lists(
    st.builds(ParamSpec, NAMES, st.just("long"), st.integers(-(2**31), 2**31))
    | st.builds(ParamSpec, NAMES, st.just("string"), st.lists(st.text(max_size=4), max_size=3), st.just((-1,))),
    max_size=3,
    unique_by=lambda each: each.name,
).map(ParamSchema)


@given(inputs=COLUMNS | TENSORS, outputs=st.none() | COLUMNS | TENSORS, params=st.none() | PARAMS)
def test_a_signature_survives_its_own_json(inputs: Schema, outputs: Any, params: Any) -> None:
    signature = ModelSignature(inputs, outputs, params or None)

    assert ModelSignature.from_dict(json.loads(json.dumps(signature.to_dict()))) == signature


@given(TYPES)
def test_a_type_merged_with_itself_stays_as_it_is(kind: Any) -> None:
    assert merge(kind, kind) == kind


def test_columns_are_written_as_mlmodel_files_have_them() -> None:
    frame = pd.DataFrame({"age": [30], "name": ["Ann"]})

    signature = infer_signature(frame, np.array([0.5]), params={"top": 3})

    assert signature.to_dict() == {
        "inputs": '[{"type": "long", "name": "age", "required": true}, '
        '{"type": "string", "name": "name", "required": true}]',
        "outputs": '[{"type": "tensor", "tensor-spec": {"dtype": "float64", "shape": [-1]}}]',
        "params": '[{"name": "top", "default": 3, "shape": null, "type": "long"}]',
    }


def test_properties_missing_from_some_rows_are_optional() -> None:
    signature = infer_signature([{"d": {"a": 1, "b": "x"}}, {"d": {"a": 2}}])

    assert signature.inputs == Schema(
        [ColSpec(Object((Property("a", "long"), Property("b", "string", required=False))), "d")]  # type: ignore[arg-type]
    )


def test_a_signature_of_nothing_is_refused() -> None:
    with pytest.raises(Invalid, match="at least one"):
        infer_signature()


@pytest.mark.parametrize(
    "inputs",
    [
        [],
        [ColSpec(DataType.long, "a"), ColSpec(DataType.long)],
        [ColSpec(DataType.long, "a"), TensorSpec("int64", [-1], "b")],
        [TensorSpec("int64", [-1]), TensorSpec("int64", [-1])],
        [ColSpec(DataType.long, required=False)],
    ],
)
def test_schemas_that_make_no_sense_are_refused(inputs: Any) -> None:
    with pytest.raises(Invalid):
        Schema(inputs)


@pytest.mark.parametrize(
    "text",
    ["{", "{}", "[1]", '[{"name": "a"}]', '[{"type": "nonsense"}]', '[{"type": "tensor"}]', '[{"type": "array"}]'],
)
def test_a_broken_schema_is_an_invalid_model(text: str) -> None:
    with pytest.raises(InvalidModel):
        ModelSignature.from_dict({"inputs": text})


def test_types_are_found_by_name_and_unknown_names_are_refused() -> None:
    assert ColSpec("double", "a").type is DataType.double  # type: ignore[arg-type]
    with pytest.raises(Invalid, match="nonsense"):
        ColSpec("nonsense")  # type: ignore[arg-type]


def test_params_of_bytes_are_refused() -> None:
    with pytest.raises(Invalid, match="'a'"):
        infer_signature(params={"a": b"x"})
