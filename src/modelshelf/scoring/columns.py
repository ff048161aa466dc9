"""Values as JSON and CSV have them, made what a signature says: nothing is guessed, cut off or rounded.

JSON knows one kind of number and no times or bytes. So whole numbers fit floating-point columns, numbers without a
fraction fit integer columns, times are texts, and bytes are texts in base64. Anything else is refused by name and row.
"""

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import Any

from modelshelf.domain.errors import SignatureMismatch
from modelshelf.flavors.datatypes import ColumnType, DataType

_RANGES = {DataType.integer: (-(2**31), 2**31 - 1), DataType.long: (-(2**63), 2**63 - 1)}
_NONE = type(None)
_EXACT = 2.0**53


def fitted(values: Any, kind: ColumnType, *, label: str, column: Any = None) -> Any:
    """The values of a column as what the signature says: an array, or a list for a column of objects.

    Raises SignatureMismatch that says which row does not fit.
    """
    if not isinstance(kind, DataType):
        return values
    if hasattr(values, "dtype"):
        if values.dtype.kind in "biuf" and kind in _NUMBERS:
            return _fitted_array(values, kind, label, column)
        values = values.tolist()
    return _FITTING[kind](values, kind, label, column)


def _misfit(label: str, column: Any, row: int, value: Any, kind: DataType, *, hint: str = "") -> SignatureMismatch:
    shown = repr(value)
    shown = shown if len(shown) <= 80 else f"{shown[:77]}..."
    more = f" ({hint})" if hint else ""
    return SignatureMismatch(
        f"{label}, row {row}: {shown} is not {_NAMES[kind]}{more}", column=column, row=row, expected=kind.name
    )


_NAMES = {
    DataType.boolean: "true or false",
    DataType.integer: "a whole number of 32 bits",
    DataType.long: "a whole number of 64 bits",
    DataType.float: "a number",
    DataType.double: "a number",
    DataType.string: "a text",
    DataType.binary: "a text in base64",
    DataType.datetime: "a time without a zone, as in 2026-01-31T12:30:00",
}


def _check_kinds(
    values: Sequence[Any], allowed: set[type], kind: DataType, label: str, column: Any, *, hint: str = ""
) -> None:
    if set(map(type, values)) <= allowed:
        return
    row, value = next((row, value) for row, value in enumerate(values) if type(value) not in allowed)
    raise _misfit(label, column, row, value, kind, hint=hint)


def _floats(values: Sequence[Any], kind: DataType, label: str, column: Any) -> Any:
    import numpy as np

    _check_kinds(values, {int, float, _NONE}, kind, label, column)
    try:
        return np.array(values, dtype=kind.to_numpy())
    except OverflowError:
        row = next(row for row, value in enumerate(values) if isinstance(value, int) and abs(value) >= 2**1023)
        raise _misfit(label, column, row, values[row], kind) from None


def _integers(values: Sequence[Any], kind: DataType, label: str, column: Any) -> Any:
    import numpy as np

    hint = "an integer column can't be empty; declare it as double" if None in values else ""
    _check_kinds(values, {int, float}, kind, label, column, hint=hint)
    low, high = _RANGES[kind]
    for row, value in enumerate(values):
        if not low <= value <= high or (type(value) is float and (not value.is_integer() or abs(value) > _EXACT)):
            raise _misfit(label, column, row, value, kind)
    return np.array([int(value) for value in values], dtype=kind.to_numpy())


def _fitted_array(values: Any, kind: DataType, label: str, column: Any) -> Any:
    import numpy as np

    if (values.dtype.kind == "b") != (kind is DataType.boolean):
        raise _misfit(label, column, 0, values.ravel()[:1].tolist(), kind)
    if kind in _RANGES:
        low, high = _RANGES[kind]
        wrong = (values < low) | (values > high) | (values != np.rint(values))
        if wrong.any():
            row = int(wrong.argmax())
            raise _misfit(label, column, row, values[row].item(), kind)
    return values.astype(kind.to_numpy(), copy=False)


def _booleans(values: Sequence[Any], kind: DataType, label: str, column: Any) -> Any:
    import numpy as np

    _check_kinds(values, {bool, _NONE}, kind, label, column)
    return list(values) if None in values else np.array(values, dtype=bool)


def _texts(values: Sequence[Any], kind: DataType, label: str, column: Any) -> Any:
    _check_kinds(values, {str, _NONE}, kind, label, column)
    return list(values)


def _bytes(values: Sequence[Any], kind: DataType, label: str, column: Any) -> Any:
    _check_kinds(values, {str, bytes, _NONE}, kind, label, column)
    return [
        _decoded(value, row, label, column) if isinstance(value, str) else value for row, value in enumerate(values)
    ]


def _decoded(text: str, row: int, label: str, column: Any) -> bytes:
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        raise _misfit(label, column, row, text, DataType.binary) from None


def _moments(values: Sequence[Any], kind: DataType, label: str, column: Any) -> Any:
    import pandas as pd

    _check_kinds(values, {str, _NONE}, kind, label, column)
    try:
        moments = pd.to_datetime(pd.Series(list(values), dtype=object))
        return moments.astype("datetime64[ns]").to_numpy()
    except (ValueError, TypeError):
        row = next((row for row, value in enumerate(values) if not _is_moment(value)), 0)
        raise _misfit(label, column, row, values[row], kind) from None


def _is_moment(value: Any) -> bool:
    import pandas as pd

    try:
        return value is None or pd.Timestamp(value).tzinfo is None
    except ValueError:
        return False


_NUMBERS = {DataType.boolean, DataType.integer, DataType.long, DataType.float, DataType.double}
_FITTING: dict[DataType, Callable[[Sequence[Any], DataType, str, Any], Any]] = {
    DataType.boolean: _booleans,
    DataType.integer: _integers,
    DataType.long: _integers,
    DataType.float: _floats,
    DataType.double: _floats,
    DataType.string: _texts,
    DataType.binary: _bytes,
    DataType.datetime: _moments,
}
