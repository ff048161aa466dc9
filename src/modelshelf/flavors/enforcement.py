"""Data against the columns of a signature, without a copy where it already fits."""

from typing import Any

from modelshelf.domain.errors import SignatureMismatch
from modelshelf.flavors.datatypes import AnyType, Array, ColumnType, DataType, Object
from modelshelf.flavors.schema import ColSpec, Schema
from modelshelf.flavors.tensors import enforce_tensors
from modelshelf.flavors.values import enforce_value, is_safe_cast

_SHOWN_COLUMNS = 20


def enforce(data: Any, schema: Schema) -> Any:
    """The data as the model takes it: a DataFrame for columns, arrays for tensors.

    Columns come in the schema's order, others are dropped, and types are converted where no value can change.
    Raises SignatureMismatch naming the column that is missing or has the wrong type.
    """
    if schema.is_tensor_spec():
        return enforce_tensors(_table_of_series(data), schema)
    if isinstance(schema.inputs[0].type, AnyType) and not schema.has_input_names():
        return data
    frame = as_frame(data, schema)
    names = _select(frame, schema)
    if len(names) != len(frame.columns) or names != frame.columns.tolist():
        frame = frame[names]
    return _convert(frame, {name: schema.inputs[position] for name, position in _positions(names, schema)})


def _table_of_series(data: Any) -> Any:
    return data.to_frame() if hasattr(data, "to_frame") and hasattr(data, "iloc") else data


def as_frame(data: Any, schema: Schema) -> Any:
    """The data as a DataFrame, whatever it comes in: table, series, dict, list, array or one value."""
    import pandas as pd

    if isinstance(data, pd.DataFrame):
        return data
    if isinstance(data, pd.Series):
        return data.to_frame()
    try:
        if isinstance(data, dict):
            return _frame_of_dict(data, schema)
        if isinstance(data, list) or hasattr(data, "__array__"):
            return pd.DataFrame(data)
        if data is None or isinstance(data, str | bytes | bool | int | float) or _is_moment(data):
            return pd.DataFrame([data])
    except (ValueError, TypeError) as fault:
        raise SignatureMismatch(f"the {type(data).__name__} cannot become a DataFrame: {fault}") from fault
    raise SignatureMismatch(
        f"the model takes columns {_shown(schema.input_names())}: give a DataFrame, not {type(data).__name__}",
        expected=schema.input_names(),
    )


def _is_moment(data: Any) -> bool:
    return hasattr(data, "isoformat")


def _frame_of_dict(data: dict[Any, Any], schema: Schema) -> Any:
    """A dict is one row if its values are scalars or the schema has lists or objects, else it is columns."""
    import pandas as pd

    nested = any(isinstance(each.type, Array | Object) for each in schema.inputs)
    if nested or all(_is_cell(value) for value in data.values()):
        return pd.DataFrame([data])
    return pd.DataFrame(
        {key: value.tolist() if getattr(value, "ndim", 1) > 1 else value for key, value in data.items()}
    )


def _is_cell(value: Any) -> bool:
    if isinstance(value, list):
        return all(isinstance(item, str) for item in value)
    return (getattr(value, "ndim", 0) == 0 and not hasattr(value, "__iter__")) or isinstance(value, str | bytes)


def _select(frame: Any, schema: Schema) -> list[Any]:
    """The names of the frame's columns that the model takes, in the model's order."""
    if not schema.has_input_names():
        names: list[Any] = frame.columns.tolist()
        if len(names) < len(schema):
            raise SignatureMismatch(
                f"the model takes {len(schema)} columns, the data has {len(names)}",
                expected=len(schema),
                given=len(names),
            )
        return names[: len(schema)]
    present = set(frame.columns)
    missing = [name for name in schema.required_input_names() if name not in present]
    if missing:
        raise SignatureMismatch(
            f"the columns {_shown(missing)} are missing; the data has {_shown(frame.columns.tolist())}",
            missing=missing,
            given=frame.columns.tolist(),
        )
    return [name for name in schema.input_names() if name in present]


def _positions(names: list[Any], schema: Schema) -> list[tuple[Any, int]]:
    if not schema.has_input_names():
        return [(name, position) for position, name in enumerate(names)]
    where = {name: position for position, name in enumerate(schema.input_names())}
    return [(name, where[name]) for name in names]


def _shown(names: list[Any]) -> str:
    more = f" and {len(names) - _SHOWN_COLUMNS} more" if len(names) > _SHOWN_COLUMNS else ""
    return f"{names[:_SHOWN_COLUMNS]}{more}"


def _convert(frame: Any, specs: dict[Any, Any]) -> Any:
    changed = {}
    for (name, spec), dtype in zip(specs.items(), frame.dtypes.tolist(), strict=True):
        if not _matches(dtype, spec.type):
            column = frame[name]
            converted = _convert_column(name, column, spec)
            if converted is not column:
                changed[name] = converted
    return frame if not changed else _with_columns(frame, changed)


def _with_columns(frame: Any, changed: dict[Any, Any]) -> Any:
    copy = frame.copy(deep=False)
    for name, column in changed.items():
        copy[name] = column
    return copy


def _matches(dtype: Any, kind: ColumnType) -> bool:
    if not isinstance(kind, DataType):
        return False
    if kind is DataType.string:
        return dtype.kind == "O" or dtype.name in {"str", "string", "category"}
    if kind is DataType.binary:
        return dtype.kind in {"O", "S"} or dtype.name in {"str", "string"}
    return bool(dtype == kind.to_numpy())


def _is_object(column: Any) -> bool:
    # pandas' text and category types are of kind "O" too.
    return str(column.dtype) == "object"


def _convert_column(name: Any, column: Any, spec: ColSpec) -> Any:
    kind = spec.type
    if not isinstance(kind, DataType):
        return _convert_cells(name, column, spec)
    if _is_object(column):
        column = column.infer_objects()
        if _matches(column.dtype, kind):
            return column
    if kind is DataType.datetime:
        return _convert_moments(name, column)
    if kind is DataType.boolean and _is_object(column):
        return column
    if kind is DataType.double and _is_object(column):
        return _convert_decimals(name, column)
    return _convert_numbers(name, column, kind)


def _convert_cells(name: Any, column: Any, spec: ColSpec) -> Any:
    import pandas as pd

    cells = [
        enforce_value(cell, spec.type, where=f"column {name!r}, row {row}", required=spec.required)
        for row, cell in enumerate(column)
    ]
    if all(new is old for new, old in zip(cells, column, strict=True)):
        return column
    return pd.Series(cells, index=column.index, name=name)


def _convert_moments(name: Any, column: Any) -> Any:
    if column.dtype.kind != "M" and not _is_object(column):
        raise _mismatch(name, column, DataType.datetime)
    try:
        return column.astype("datetime64[ns]")
    except (TypeError, ValueError) as fault:
        hint = f"only times without a zone fit ({fault})"
        raise _mismatch(name, column, DataType.datetime, hint=hint) from fault


def _convert_decimals(name: Any, column: Any) -> Any:
    from decimal import Decimal

    if not all(isinstance(cell, Decimal) for cell in column):
        raise _mismatch(name, column, DataType.double)
    return column.astype("float64")


def _convert_numbers(name: Any, column: Any, kind: DataType) -> Any:
    dtype = column.dtype
    if is_safe_cast(dtype.kind, getattr(dtype, "itemsize", 0), kind) or _is_zero_or_one(column, kind):
        try:
            return column.astype(kind.to_numpy())
        except (TypeError, ValueError) as fault:
            raise _mismatch(name, column, kind, hint=str(fault)) from fault
    hint = ""
    if dtype.kind == "f" and kind in {DataType.integer, DataType.long} and column.isna().any():
        hint = "it has missing values, which integers cannot hold: declare the column as double"
    raise _mismatch(name, column, kind, hint=hint)


def _is_zero_or_one(column: Any, kind: DataType) -> bool:
    """Flags often come as 64-bit integers; 0 and 1 are exact in every float."""
    if str(column.dtype) != "int64" or kind not in {DataType.float, DataType.double}:
        return False
    return bool(column.isin([0, 1]).all())


def _mismatch(name: Any, column: Any, kind: ColumnType, *, hint: str = "") -> SignatureMismatch:
    more = f" ({hint})" if hint else ""
    return SignatureMismatch(
        f"column {name!r}: {column.dtype} is not safely {kind!r}{more}",
        column=name,
        expected=repr(kind),
        given=str(column.dtype),
    )
