"""Single and nested values against the types of a signature."""

import datetime as dt
from collections.abc import Sequence
from typing import Any

from modelshelf.domain.errors import SignatureMismatch
from modelshelf.flavors.datatypes import AnyType, Array, ColumnType, DataType, Map, Object, SparkMLVector

_KIND_AND_SIZE = {
    DataType.boolean: ("b", 1),
    DataType.integer: ("i", 4),
    DataType.long: ("i", 8),
    DataType.float: ("f", 4),
    DataType.double: ("f", 8),
}
_NULLABLE_ITEMS = {DataType.string, DataType.double, DataType.float, DataType.datetime, DataType.boolean}
_LARGEST_EXACT_INTEGER = 6


def is_safe_cast(kind: str, size: int, wanted: DataType) -> bool:
    """Whether numbers of this numpy kind and item size all fit the wanted type.

    64-bit integers do not fit a double: above 2**53 they would change.
    """
    target, target_size = _KIND_AND_SIZE.get(wanted, ("", 0))
    if kind == target:
        return size <= target_size
    if kind == "u" and target == "i":
        return size < target_size
    return kind in {"i", "u"} and wanted is DataType.double and size <= _LARGEST_EXACT_INTEGER


def is_missing(value: Any) -> bool:
    """None, NaN, pandas' NA and NaT: whatever a table shows as an empty cell."""
    if value is None or (isinstance(value, float) and value != value):  # noqa: PLR0124 — only NaN differs from itself
        return True
    return type(value).__name__ in {"NAType", "NaTType"}


def enforce_value(value: Any, kind: ColumnType, *, where: str, required: bool = True) -> Any:
    """The value, converted where that loses nothing; raises SignatureMismatch that says where it does not fit."""
    match kind:
        case AnyType() | SparkMLVector():
            return value
        case DataType():
            return _enforce_scalar(value, kind, where=where, required=required)
        case Array():
            return _enforce_array(value, kind, where=where, required=required)
        case Object():
            return _enforce_object(value, kind, where=where, required=required)
        case Map():
            return _enforce_map(value, kind, where=where, required=required)


def _enforce_scalar(value: Any, kind: DataType, *, where: str, required: bool) -> Any:
    if is_missing(value):
        if required and value is None:
            raise _mismatch(where, kind, value)
        return None if not required else value
    if kind in {DataType.string, DataType.binary}:
        fits = isinstance(value, str | bytes | bytearray)
        if kind is DataType.string and not fits:
            fits = type(value).__name__ in {"str_", "bytes_"}
        if not fits:
            raise _mismatch(where, kind, value)
        return value
    if kind is DataType.datetime:
        if isinstance(value, dt.date) or type(value).__name__ == "datetime64":
            return value
        raise _mismatch(where, kind, value)
    return _enforce_number(value, kind, where=where)


def _enforce_number(value: Any, kind: DataType, *, where: str) -> Any:
    number_kind, size = _number(value)
    if is_safe_cast(number_kind, size, kind):
        return float(value) if kind is DataType.double and number_kind in "iu" else value
    if number_kind == "i" and kind in {DataType.float, DataType.double} and value in {0, 1}:
        return float(value)
    raise _mismatch(where, kind, value)


def _number(value: Any) -> tuple[str, int]:
    if isinstance(value, bool):
        return "b", 1
    if type(value) is int:
        return "i", 8
    if type(value) is float:
        return "f", 8
    dtype = getattr(value, "dtype", None)
    return (dtype.kind, dtype.itemsize) if dtype is not None and getattr(value, "ndim", 1) == 0 else ("", 0)


def _is_list(value: Any) -> bool:
    return isinstance(value, list) or (hasattr(value, "tolist") and getattr(value, "ndim", 0) > 0)


def _enforce_array(value: Any, kind: Array, *, where: str, required: bool) -> Any:
    if value is None and (not required or isinstance(kind.dtype, AnyType)):
        return value
    if not _is_list(value):
        raise SignatureMismatch(
            f"{where}: a list or numpy array is needed, not {type(value).__name__}", where=where, expected=repr(kind)
        )
    if not isinstance(kind.dtype, DataType):
        items = [
            enforce_value(item, kind.dtype, where=f"{where}[{position}]", required=required)
            for position, item in enumerate(value)
        ]
        return items if isinstance(value, list) else _as_array(items)
    if isinstance(value, list):
        return _enforce_items(value, kind.dtype, where=where)
    return _enforce_vector(value, kind.dtype, where=where)


def _as_array(items: list[Any]) -> Any:
    import numpy as np

    return np.array(items)


def _enforce_items(items: list[Any], kind: DataType, *, where: str) -> list[Any]:
    # A list such as [1, 2.5] is a list of floats, as it would be in any array library.
    as_floats = kind is DataType.double and any(type(item) is float for item in items)
    result: list[Any] = []
    for position, item in enumerate(items):
        if item is None and kind in _NULLABLE_ITEMS:
            result.append(item)
        elif as_floats and type(item) is int:
            result.append(float(item))
        else:
            result.append(enforce_value(item, kind, where=f"{where}[{position}]"))
    return result


def _enforce_vector(values: Any, kind: DataType, *, where: str) -> Any:
    if values.ndim != 1:
        raise SignatureMismatch(
            f"{where}: an array of one dimension is needed, not {values.ndim}", where=where, expected=repr(kind)
        )
    if values.dtype.kind == "O" or kind in {DataType.string, DataType.binary, DataType.datetime}:
        return _as_array(_enforce_items(values.tolist(), kind, where=where))
    if values.dtype == kind.to_numpy():
        return values
    if not is_safe_cast(values.dtype.kind, values.dtype.itemsize, kind):
        raise _mismatch(where, kind, values)
    return values.astype(kind.to_numpy())


def _enforce_object(value: Any, kind: Object, *, where: str, required: bool) -> Any:
    if not required and (value is None or value == {}):
        return value
    if not isinstance(value, dict):
        raise SignatureMismatch(f"{where}: a dict is needed, not {type(value).__name__}", where=where)
    known = {each.name: each for each in kind.properties}
    _check_keys(where, missing=[name for name, each in known.items() if each.required and name not in value])
    _check_keys(where, unknown=[name for name in value if name not in known])
    return {
        name: enforce_value(item, known[name].dtype, where=f"{where}.{name}", required=known[name].required)
        for name, item in value.items()
    }


def _check_keys(where: str, *, missing: Sequence[Any] = (), unknown: Sequence[Any] = ()) -> None:
    if missing:
        raise SignatureMismatch(f"{where}: the keys {list(missing)} are missing", where=where, missing=list(missing))
    if unknown:
        raise SignatureMismatch(
            f"{where}: the keys {list(unknown)} are not in the signature", where=where, unknown=list(unknown)
        )


def _enforce_map(value: Any, kind: Map, *, where: str, required: bool) -> Any:
    if (not required or isinstance(kind.value_type, AnyType)) and (value is None or value == {}):
        return value
    if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
        raise SignatureMismatch(f"{where}: a dict with text keys is needed, not {value!r}", where=where)
    return {
        key: enforce_value(item, kind.value_type, where=f"{where}.{key}", required=required)
        for key, item in value.items()
    }


def _mismatch(where: str, kind: DataType, value: Any) -> SignatureMismatch:
    return SignatureMismatch(
        f"{where}: {type(value).__name__} is not safely {kind!r}; got {value!r}", where=where, expected=repr(kind)
    )
