"""Data whose inferred signature must be the one MLflow infers; run as a script it prints what MLflow says."""

import datetime as dt
import decimal
import json
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse as sp


def tables() -> Iterator[tuple[str, Any]]:
    yield (
        "every type",
        pd.DataFrame(
            {
                "a": [1, 2],
                "b": [1.5, 2.5],
                "c": ["x", "y"],
                "d": [True, False],
                "e": pd.to_datetime(["2020-01-01", "2020-01-02"]),
                "f": [b"x", b"y"],
            }
        ),
    )
    sizes = ["int8", "uint8", "int16", "uint16", "int32", "uint32", "float16", "float32"]
    yield "small numbers", pd.DataFrame({name: np.array([1, 2], name) for name in sizes})
    yield "unsigned 64 bit", pd.DataFrame({"u": np.array([1, 2], "uint64")})
    yield "missing values", pd.DataFrame({"a": [1, None], "c": ["x", None], "n": [None, None]})
    yield "missing among objects", pd.DataFrame({"a": pd.Series([1, None], dtype=object)})
    yield "mixed objects", pd.DataFrame({"a": pd.Series([1, "x"], dtype=object)})
    yield "integers as objects", pd.DataFrame({"a": pd.Series([1, 2], dtype=object)})
    yield "text with nan", pd.DataFrame({"a": pd.Series(["1", np.nan], dtype=object)})
    yield "categories", pd.DataFrame({"a": pd.Categorical(["x", "y"])})
    yield (
        "pandas' own types",
        pd.DataFrame(
            {
                "a": pd.array([1, None], dtype="Int64"),
                "b": pd.array([True, None], dtype="boolean"),
                "c": pd.array(["a", None], dtype="string"),
                "d": pd.array([1.0, 2], dtype="Float64"),
            }
        ),
    )
    yield "times with a zone", pd.DataFrame({"a": pd.to_datetime(["2020-01-01"]).tz_localize("UTC")})
    yield "durations", pd.DataFrame({"a": pd.to_timedelta(["1D"])})
    yield (
        "nested",
        pd.DataFrame(
            {"l": [[1, 2], [3]], "d": [{"b": "x", "a": 1}, {"a": 2}], "n": [np.array([1.0, 2]), np.array([2.0])]}
        ),
    )
    yield "nested twice", pd.DataFrame({"l": [[{"q": [1, None]}], []]})
    yield "numbered columns", pd.DataFrame([[1, 2.0]])
    yield "dates", pd.DataFrame({"a": [dt.date(2020, 1, 1)]})
    yield "no rows", pd.DataFrame({"a": pd.Series([], dtype="float64"), "b": pd.Series([], dtype=object)})
    yield "decimals", pd.DataFrame({"a": [decimal.Decimal("1.5")]})
    yield "series", pd.Series([1, 2, 3])
    yield "named series", pd.Series([1.5, None], name="y")


def arrays() -> Iterator[tuple[str, Any]]:
    yield "one dimension", np.array([1, 2])
    yield "two dimensions", np.array([[1.0, 2]])
    yield "no dimension", np.array(3.0)
    yield "text array", np.array(["a", "bcd"])
    yield "object array", np.array(["a", None], dtype=object)
    yield "flags", np.array([True])
    yield "times", np.array(["2020-01-01"], dtype="datetime64[ns]")
    yield "bytes", np.array([b"ab"])
    yield "named arrays", {"a": np.array([1, 2]), "b": np.array([[1.0, 2]])}
    yield "csr", sp.csr_matrix(np.eye(3))
    yield "csc", sp.csc_matrix(np.eye(3, dtype="float32"))
    yield "coo", sp.coo_matrix(np.eye(3))


def values() -> Iterator[tuple[str, Any]]:
    yield "lists and text", {"a": [1, 2], "b": "x"}
    yield "scalars", {"a": 1, "b": 2.5, "c": True, "d": "s", "e": None, "f": b"x", "g": dt.datetime(2020, 1, 1)}  # noqa: DTZ001 — signatures have no zones
    yield "deep", {"a": {"b": [{"c": 1}, {"c": 2, "d": "x"}]}}
    yield "array and list", {"a": np.array([1, 2]), "b": [1]}
    yield "numpy scalars", {"a": np.float32(1), "b": np.int64(2)}
    yield "texts", ["a", "b"]
    yield "integers and floats", [1.5, 2]
    yield "text and none", ["a", None]
    yield "dicts", [{"a": 1}, {"a": 2, "b": "x"}]
    yield "lists", [["a"], ["b", "c"]]
    yield "empty list", []
    yield "empty list inside", {"a": []}
    yield "empty dict", {}
    yield "text", "hello"
    yield "integer", 3
    yield "float", 3.5
    yield "flag", True
    yield "one byte", b"a"
    yield "tuple", (1, 2)
    yield "numbers as keys", {1: 2}
    yield "mixed list", {"a": [1, "x"]}
    yield "date", dt.date(2020, 1, 1)


PARAMS: list[dict[Any, Any]] = [
    {"a": 1},
    {"a": 1.5, "b": "x", "c": True, "d": [1, 2], "f": dt.datetime(2020, 1, 1)},  # noqa: DTZ001
    {"a": []},
    {"a": {"b": 1}},
    {"a": np.array([1, 2])},
    {"a": np.float32(1)},
    {"a": np.datetime64("2020-01-01")},
    {"a": dt.date(2020, 1, 1)},
    {"a": {"b": {"c": [1]}}},
    {"a": float("nan")},
    {"a": np.int32(4)},
    {1: 2},
    {"a": b"x"},
    {"a": [1, "x"]},
    {"a": [[1, 2], [3]]},
    {"a": ("x", "y")},
    {"a": None},
    {"a": [{"b": 1}]},
]


def signatures(infer: Any) -> dict[str, Any]:
    """What `infer_signature` makes of every sample; a refusal is None."""
    found = {name: infer(data, data).to_dict() for each in (tables, arrays, values) for name, data in each()}
    for position, params in enumerate(PARAMS):
        found[f"params {position}"] = _params(infer, params)
    return found


def _params(infer: Any, params: Any) -> Any:
    try:
        return infer(None, None, params).to_dict()["params"]
    except Exception:  # every refusal counts, whatever its class
        return None


if __name__ == "__main__":
    from mlflow.models import infer_signature

    json.dump(signatures(infer_signature), sys.stdout)
