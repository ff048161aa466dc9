"""Arrays against the tensors of a signature: shapes and dtypes must match exactly."""

from typing import Any

from modelshelf.domain.errors import SignatureMismatch
from modelshelf.flavors.schema import Schema, TensorSpec


def enforce_tensors(data: Any, schema: Schema) -> Any:
    """An array for an unnamed tensor, a dict of arrays for named ones; tables are turned into arrays first."""
    tensors = [each for each in schema.inputs if isinstance(each, TensorSpec)]
    if not schema.has_input_names():
        return _enforce_unnamed(data, tensors[0])
    if len(tensors) == 1 and type(data).__module__.startswith("numpy"):
        data = {tensors[0].name: data}
    columns = list(data.columns) if _is_table(data) else list(data) if isinstance(data, dict) else None
    if columns is None:
        raise SignatureMismatch(
            f"the model takes arrays {schema.input_names()}: give a dict of numpy arrays, not {type(data).__name__}",
            expected=schema.input_names(),
        )
    missing = [each.name for each in tensors if each.name not in columns]
    if missing:
        raise SignatureMismatch(f"the inputs {missing} are missing", missing=missing, given=columns)
    if _is_table(data):
        return {each.name: _from_column(data[each.name], each) for each in tensors}
    return {each.name: _enforce_array(data[each.name], each) for each in tensors}


def _is_table(data: Any) -> bool:
    return hasattr(data, "columns") and hasattr(data, "iloc")


def _enforce_unnamed(data: Any, spec: TensorSpec) -> Any:
    if not _is_table(data):
        return _enforce_array(data, spec)
    if len(data.columns) == 1:
        return _from_column(data.iloc[:, 0], spec)
    return _enforce_array(data.to_numpy(), spec)


def _enforce_array(values: Any, spec: TensorSpec) -> Any:
    dtype, shape = getattr(values, "dtype", None), getattr(values, "shape", None)
    if dtype is None or shape is None:
        raise SignatureMismatch(
            f"{_label(spec)}: a numpy array is needed, not {type(values).__name__}",
            input=spec.name,
            expected=repr(spec),
        )
    if spec.dtype == "object" and spec.shape == (-1,):
        return values
    ragged = dtype.kind == "O" and len(shape) == 1 and -1 in spec.shape[1:]
    if ragged:
        return values
    fits = len(shape) == len(spec.shape) and all(
        want in (-1, have) for want, have in zip(spec.shape, shape, strict=True)
    )
    if not fits:
        raise SignatureMismatch(
            f"{_label(spec)}: shape {tuple(shape)} does not fit {spec.shape}", input=spec.name, expected=repr(spec)
        )
    if _dtype_name(dtype) != spec.dtype:
        raise SignatureMismatch(
            f"{_label(spec)}: dtype {_dtype_name(dtype)} is not {spec.dtype}; convert it with .astype({spec.dtype!r})",
            input=spec.name,
            expected=repr(spec),
        )
    return values


def _dtype_name(dtype: Any) -> str:
    # Text and bytes carry the length of the longest item in their name; a signature does not.
    return {"U": "str", "S": "bytes"}.get(dtype.kind) or str(dtype.name)


def _label(spec: TensorSpec) -> str:
    return "the input" if spec.name is None else f"input {spec.name!r}"


def _from_column(column: Any, spec: TensorSpec) -> Any:
    """A column of numbers, of lists or of arrays as one array of the declared shape."""
    import numpy as np

    if not len(column):
        raise SignatureMismatch(f"{_label(spec)}: the table has no rows", input=spec.name)
    cells = isinstance(column.iloc[0], list | np.ndarray)
    try:
        values = np.stack([np.asarray(each) for each in column]) if cells else column.to_numpy(dtype=spec.type)
        shaped = values.reshape(spec.shape)
        if isinstance(column.iloc[0], list):
            shaped = shaped.astype(spec.type)
    except (ValueError, TypeError) as fault:
        raise SignatureMismatch(
            f"{_label(spec)}: the column cannot become {spec!r}: {fault}", input=spec.name, expected=repr(spec)
        ) from fault
    if len(shaped) != len(column):
        raise SignatureMismatch(f"{_label(spec)}: {len(column)} rows became {len(shaped)}", input=spec.name)
    return _enforce_array(shaped, spec)
