"""Data against a signature: what passes untouched, what is converted, what is refused and how that is said."""

import datetime as dt
from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from modelshelf.domain.errors import SignatureMismatch
from modelshelf.flavors.datatypes import AnyType, Array, DataType, Map, Object, Property
from modelshelf.flavors.enforcement import enforce
from modelshelf.flavors.parameters import enforce_params
from modelshelf.flavors.schema import ColSpec, ParamSchema, ParamSpec, Schema, TensorSpec


def columns(**types: Any) -> Schema:
    return Schema([ColSpec(kind, name) for name, kind in types.items()])


def test_a_table_that_fits_is_passed_on_without_a_copy() -> None:
    frame = pd.DataFrame({"a": [1.0], "b": ["x"], "c": [3]})

    assert enforce(frame, columns(a="double", b="string", c="long")) is frame


def test_columns_are_reordered_and_others_dropped() -> None:
    frame = pd.DataFrame({"extra": [0], "b": [2], "a": [1]})

    result = enforce(frame, columns(a="long", b="long"))

    assert result.to_dict("list") == {"a": [1], "b": [2]}
    assert list(frame.columns) == ["extra", "b", "a"]


@pytest.mark.parametrize(
    ("given", "kind", "expected"),
    [
        ("int32", "long", "int64"),
        ("int8", "integer", "int32"),
        ("uint32", "long", "int64"),
        ("float32", "double", "float64"),
        ("int32", "double", "float64"),
        ("uint16", "double", "float64"),
        ("datetime64[s]", "datetime", "datetime64[ns]"),
    ],
)
def test_conversions_that_lose_nothing_are_made(given: str, kind: str, expected: str) -> None:
    frame = pd.DataFrame({"a": np.array([0, 5], dtype=given)})

    result = enforce(frame, columns(a=kind))

    assert str(result["a"].dtype) == expected


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (np.array([1.5]), "long"),
        (np.array([1.5]), "float"),
        (np.array([2**60]), "double"),
        (np.array([2**60]), "integer"),
        (np.array([1], "uint64"), "long"),
        (["x"], "double"),
        ([1], "string"),
        ([1], "boolean"),
        ([True], "long"),
        (["2020-01-01"], "datetime"),
        (pd.to_datetime(["2020-01-01"]).tz_localize("UTC"), "datetime"),
    ],
)
def test_a_wrong_type_is_refused_by_the_name_of_its_column(values: Any, kind: str) -> None:
    frame = pd.DataFrame({"good": [1.0] * len(values), "income": values})

    with pytest.raises(SignatureMismatch, match="'income'") as caught:
        enforce(frame, columns(good="double", income=kind))

    assert caught.value.details["column"] == "income"


def test_missing_integers_are_explained() -> None:
    frame = pd.DataFrame({"age": [1, None]})

    with pytest.raises(SignatureMismatch, match="missing values"):
        enforce(frame, columns(age="long"))


def test_flags_written_as_64_bit_integers_are_floats() -> None:
    result = enforce(pd.DataFrame({"a": [0, 1]}), columns(a="double"))

    assert str(result["a"].dtype) == "float64"


def test_missing_columns_are_named() -> None:
    with pytest.raises(SignatureMismatch) as caught:
        enforce(pd.DataFrame({"b": [1]}), columns(a="long", b="long", c="long"))

    assert caught.value.details["missing"] == ["a", "c"]


def test_an_optional_column_may_be_missing() -> None:
    schema = Schema([ColSpec(DataType.long, "a"), ColSpec(DataType.long, "b", required=False)])

    assert list(enforce(pd.DataFrame({"a": [1]}), schema).columns) == ["a"]


def test_too_few_unnamed_columns_are_counted() -> None:
    schema = Schema([ColSpec(DataType.long), ColSpec(DataType.long)])

    with pytest.raises(SignatureMismatch, match="2 columns"):
        enforce(pd.DataFrame([[1]]), schema)


@pytest.mark.parametrize(
    "data",
    [{"a": 1, "b": "x"}, {"a": [1], "b": ["x"]}, [{"a": 1, "b": "x"}], {"a": np.array([1]), "b": np.array(["x"])}],
)
def test_dicts_and_lists_become_tables(data: Any) -> None:
    result = enforce(data, columns(a="long", b="string"))

    assert len(result) == 1
    assert result["a"].tolist() == [1]


def test_a_series_and_a_value_become_tables() -> None:
    assert enforce(pd.Series([1, 2], name="a"), columns(a="long"))["a"].tolist() == [1, 2]
    assert enforce("hello", Schema([ColSpec(DataType.string)])).iloc[0, 0] == "hello"


def test_nested_values_are_checked_where_they_are() -> None:
    schema = columns(
        items=Array(Object((Property("n", DataType.long), Property("t", DataType.string, required=False))))
    )

    good = enforce(pd.DataFrame({"items": [[{"n": 1}, {"n": 2, "t": "x"}]]}), schema)

    assert good["items"][0] == [{"n": 1}, {"n": 2, "t": "x"}]
    for bad in ([{"n": "x"}], [{}], [{"n": 1, "z": 2}], 3):
        with pytest.raises(SignatureMismatch, match="column 'items', row 0"):
            enforce(pd.DataFrame({"items": [bad]}), schema)


def test_maps_and_any_types_are_checked_as_far_as_they_go() -> None:
    schema = columns(m=Map(DataType.double), x=AnyType())

    result = enforce(pd.DataFrame({"m": [{"a": 1.5}], "x": [object()]}), schema)

    assert result["m"][0] == {"a": 1.5}
    with pytest.raises(SignatureMismatch, match="'m'"):
        enforce(pd.DataFrame({"m": [{"a": "x"}], "x": [1]}), schema)


def test_dates_become_times() -> None:
    result = enforce(pd.DataFrame({"a": [dt.date(2020, 1, 2)]}), columns(a="datetime"))

    assert result["a"][0] == pd.Timestamp("2020-01-02")


def test_tensors_must_have_the_declared_shape_and_type() -> None:
    schema = Schema([TensorSpec("float64", (-1, 3))])
    good = np.zeros((2, 3))

    assert enforce(good, schema) is good
    for bad in (np.zeros((2, 4)), np.zeros((2, 3, 1)), np.zeros(3), np.zeros((2, 3), "float32"), [[1.0, 2, 3]]):
        with pytest.raises(SignatureMismatch):
            enforce(bad, schema)


def test_tables_and_sparse_matrices_fit_a_tensor() -> None:
    schema = Schema([TensorSpec("float64", (-1, 2))])

    assert enforce(pd.DataFrame({"a": [1.0], "b": [2.0]}), schema).tolist() == [[1.0, 2.0]]
    assert enforce(pd.DataFrame({"a": [[1.0, 2.0]]}), schema).tolist() == [[1.0, 2.0]]
    assert enforce(sp.csr_matrix(np.eye(2)), schema).shape == (2, 2)


def test_named_tensors_are_taken_by_name() -> None:
    schema = Schema([TensorSpec("int64", (-1,), "a"), TensorSpec("str", (-1,), "b")])

    result = enforce({"b": np.array(["xy"]), "a": np.array([1]), "c": np.array([2])}, schema)

    assert list(result) == ["a", "b"]
    with pytest.raises(SignatureMismatch, match=r"\['b'\]"):
        enforce({"a": np.array([1])}, schema)


def test_params_get_their_defaults_and_unknown_ones_are_dropped() -> None:
    schema = ParamSchema([ParamSpec("top", "long", 3), ParamSpec("words", "string", ["a"], (-1,))])

    known, ignored = enforce_params({"top": 5, "other": 1}, schema)

    assert (known, ignored) == ({"top": 5, "words": ["a"]}, ["other"])


@pytest.mark.parametrize(
    ("kind", "shape", "value"),
    [
        ("long", None, 1.5),
        ("long", None, "x"),
        ("boolean", None, 1),
        ("double", (-1,), 1.0),
        ("datetime", None, "soon"),
    ],
)
def test_a_wrong_param_is_named(kind: str, shape: Any, value: Any) -> None:
    default = [] if shape else None

    with pytest.raises(SignatureMismatch, match="'top'"):
        enforce_params({"top": value}, ParamSchema([ParamSpec("top", kind, default, shape)]))
