"""The schema of a piece of data: columns for tables, lists and dicts, tensors for arrays."""

import datetime as dt
from typing import Any

from modelshelf.domain.errors import Invalid
from modelshelf.flavors.datatypes import AnyType, Array, ColumnType, DataType, Object, Property, merge
from modelshelf.flavors.schema import ColSpec, ParamSchema, ParamSpec, Schema, TensorSpec
from modelshelf.flavors.values import is_missing

_SCALARS: dict[str, DataType] = {
    "bool": DataType.boolean,
    "bool_": DataType.boolean,
    "int": DataType.long,
    "int64": DataType.long,
    "int32": DataType.integer,
    "float": DataType.double,
    "float64": DataType.double,
    "float32": DataType.float,
    "str": DataType.string,
    "str_": DataType.string,
    "bytes": DataType.binary,
    "bytes_": DataType.binary,
    "bytearray": DataType.binary,
}


def infer_schema(data: Any) -> Schema:
    """Raises Invalid where the data has no schema: mixed types, or kinds of data that models do not take."""
    kind = type(data).__name__
    if kind == "DataFrame":
        return Schema([_column(data[name], name) for name in data.columns])
    if kind == "Series":
        return Schema([_column(data, data.name)])
    if _is_array(data):
        return Schema([_tensor(data)])
    if kind in {"csr_matrix", "csc_matrix"}:
        return Schema([TensorSpec(_dtype_name(data.dtype), (-1, *data.shape[1:]))])
    if isinstance(data, dict):
        return _schema_of_dict(data)
    if isinstance(data, list):
        return _schema_of_list(data)
    return Schema([ColSpec(infer_type(data))])


def _is_array(data: Any) -> bool:
    return type(data).__module__ == "numpy" and type(data).__name__ == "ndarray"


def _dtype_name(dtype: Any) -> str:
    return {"U": "str", "S": "bytes"}.get(dtype.kind) or str(dtype.name)


def _tensor(values: Any, name: str | None = None) -> TensorSpec:
    if values.ndim == 0:
        raise Invalid("an array without a dimension has no first axis for the rows; give it as [value]")
    return TensorSpec(_dtype_name(values.dtype), (-1, *values.shape[1:]), name)


def _schema_of_dict(data: dict[Any, Any]) -> Schema:
    if data and all(_is_array(each) for each in data.values()):
        return Schema([_tensor(each, name) for name, each in data.items()])
    if not all(isinstance(name, str) for name in data):
        raise Invalid(f"a dict needs text keys to have a schema, not {list(data)}")
    return Schema([ColSpec(infer_type(each), name, required=_has_all(each)) for name, each in data.items()])


def _schema_of_list(data: list[Any]) -> Schema:
    if not data:
        return Schema([ColSpec(DataType.string)])
    if not all(isinstance(item, dict) for item in data):
        return Schema([ColSpec(_items(data))])
    columns: dict[Any, list[Any]] = {}
    for item in data:
        for name, value in item.items():
            columns.setdefault(name, []).append(value)
    return Schema(
        [
            ColSpec(_items(values), name, required=all(item.get(name) is not None for item in data))
            for name, values in columns.items()
        ]
    )


def _has_all(values: Any) -> bool:
    if isinstance(values, list):
        return not any(is_missing(each) for each in values)
    return not is_missing(values)


def _column(values: Any, name: Any) -> ColSpec:
    if values.ndim != 1:
        raise Invalid(f"the column {name!r} is there twice; give columns names of their own", column=name)
    if values.dtype.kind == "O" and values.dtype.name == "object":
        values = values.infer_objects()
    required = not values.hasnans if values.dtype.kind != "O" else not values.isna().any()
    return ColSpec(_column_type(values, name), name, required=bool(required))


def _column_type(values: Any, name: Any) -> ColumnType:
    if values.dtype.kind != "O":
        return _type_of_dtype(values.dtype, what=f"column {name!r}")
    try:
        return _items(values.tolist())
    except Invalid as fault:
        import pandas as pd

        if pd.api.types.is_string_dtype(values):
            return DataType.string
        raise Invalid(f"column {name!r}: {fault.message}", column=name) from fault


def _type_of_dtype(dtype: Any, *, what: str) -> DataType:
    size = getattr(dtype, "itemsize", 0)
    match dtype.kind:
        case "b":
            return DataType.boolean
        case "i" | "u" if size < 4 or (dtype.kind == "i" and size == 4):
            return DataType.integer
        case "i" | "u" if size < 8 or dtype.kind == "i":
            return DataType.long
        case "f" if size <= 8:
            return DataType.float if size <= 4 else DataType.double
        case "U":
            return DataType.string
        case "S":
            return DataType.binary
        case "M":
            return DataType.datetime
    raise Invalid(f"{what}: no type of a signature holds {dtype}", dtype=str(dtype))


def infer_type(data: Any) -> ColumnType:
    """The type of one value. None, NaN and empty lists and dicts are of any type."""
    if is_missing(data) or (isinstance(data, list | dict) and not data):
        return AnyType()
    if isinstance(data, dict):
        return Object(tuple(_property(name, value) for name, value in data.items()))
    if isinstance(data, list) or _is_array(data):
        return Array(_items(data))
    scalar = _SCALARS.get(type(data).__name__)
    if scalar is not None and type(data).__module__ in {"builtins", "numpy"}:
        return scalar
    if type(data) in {dt.date, dt.datetime} or type(data).__name__ == "datetime64":
        return DataType.datetime
    raise Invalid(f"{type(data).__name__} has no type in a signature; got {data!r}")


def _property(name: Any, value: Any) -> Property:
    kind = infer_type(value)
    return Property(name, kind, required=not isinstance(kind, AnyType))


def _items(values: Any) -> ColumnType:
    """The type common to all items."""
    result: ColumnType | None = None
    for value in values:
        kind = infer_type(value)
        result = kind if result is None else merge(result, kind)
    if result is None:
        raise Invalid("an empty array has no type; give at least one item")
    return result


def infer_params(params: Any) -> ParamSchema:
    """The parameters with these values as their defaults."""
    if not isinstance(params, dict):
        raise Invalid(f"params must be a dict, not {type(params).__name__}")
    return ParamSchema([_param(str(name), value) for name, value in params.items()])


def _param(name: str, value: Any) -> ParamSpec:
    if isinstance(value, dict):
        return ParamSpec(name, infer_type(value), value)
    if isinstance(value, list) or _is_array(value):
        return ParamSpec(name, _type_of_items(name, value), value, (-1,))
    if value is None or isinstance(value, tuple | set):
        raise Invalid(f"param {name!r}: a value, a list or a dict is needed, not {type(value).__name__}", param=name)
    return ParamSpec(name, DataType.double if isinstance(value, float) else infer_type(value), value)


def _type_of_items(name: str, values: Any) -> DataType:
    import numpy as np

    listed = values.tolist() if _is_array(values) else values
    if any(isinstance(each, list | dict | tuple) for each in listed):
        raise Invalid(f"param {name!r}: only lists of plain values are possible", param=name)
    # An empty list fits every type; MLflow writes datetime for it, so the same data gives the same MLmodel.
    if all(isinstance(each, dt.date) for each in listed):
        return DataType.datetime
    return _type_of_dtype(np.asarray(values).dtype, what=f"param {name!r}")
