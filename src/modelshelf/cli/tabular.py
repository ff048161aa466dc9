"""Tables and tensors as CSV and JSON texts, in and out."""

import io
import json
from typing import Any

from modelshelf.domain.errors import Invalid, MissingPackage
from modelshelf.flavors.datatypes import DataType
from modelshelf.flavors.schema import Schema

_TENSORS = ("inputs", "instances")
_TABLES = ("dataframe_split", "dataframe_records")
_FLOATS = (DataType.float, DataType.double)


def read(text: str, form: str, schema: Schema | None) -> Any:
    """A text as the signature wants its data: a DataFrame, an array, or whatever the JSON says. Raises Invalid.

    A text has no widths and few types: numbers become what the signature says where their values stay, and so do dates.
    """
    data = _read_csv(text, schema) if form == "csv" else _read_json(text)
    if schema is None:
        return data
    if schema.is_tensor_spec():
        return _tensors(data)
    frame = _pandas().DataFrame(data) if isinstance(data, dict) else data
    return _typed(frame, schema) if isinstance(frame, _pandas().DataFrame) else frame


def _tensors(data: Any) -> Any:
    import numpy as np

    if isinstance(data, _pandas().DataFrame):
        return data.to_numpy()
    return {name: np.asarray(value) for name, value in data.items()} if isinstance(data, dict) else np.asarray(data)


def _typed(frame: Any, schema: Schema) -> Any:
    for spec in schema:
        if isinstance(spec.type, DataType) and spec.name in frame.columns:
            frame[spec.name] = _typed_column(frame[spec.name], spec.type)
    return frame


def _typed_column(column: Any, kind: DataType) -> Any:
    if kind in _FLOATS and column.dtype.kind in "iuf":
        return column.astype(kind.to_numpy())
    if kind is DataType.integer and column.dtype.kind == "i":
        narrow = column.astype(kind.to_numpy())
        return narrow if (narrow == column).all() else column
    if kind is DataType.datetime and column.dtype.kind != "M":
        return _dates(column)
    return column


def _dates(column: Any) -> Any:
    try:
        return _pandas().to_datetime(column)
    except (ValueError, TypeError):
        return column


def _read_csv(text: str, schema: Schema | None) -> Any:
    pandas = _pandas()
    texts = {spec.name: str for spec in schema or () if spec.type is DataType.string and spec.name is not None}
    try:
        return pandas.read_csv(io.StringIO(text), dtype=texts)
    except ValueError as error:  # pandas' own errors are ValueErrors too
        raise Invalid(f"the input is not CSV with a header: {error}") from error


def _read_json(text: str) -> Any:
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Invalid(f"the input is not JSON: {error}") from error
    if isinstance(content, dict) and len(content) == 1:
        form, held = next(iter(content.items()))
        if form in _TENSORS:
            return held
        if form in _TABLES:
            return _table(form, held)
    return _pandas().DataFrame(content) if _is_rows(content) else content


def _table(form: str, held: Any) -> Any:
    try:
        return _pandas().DataFrame(**held) if form == "dataframe_split" else _pandas().DataFrame(held)
    except (TypeError, ValueError) as error:
        raise Invalid(f"the input is not a {form}: {error}") from error


def _is_rows(content: Any) -> bool:
    return isinstance(content, list) and bool(content) and all(isinstance(row, dict) for row in content)


def as_csv(predictions: Any) -> str:
    """One line for each prediction, below a header."""
    pandas = _pandas()
    if isinstance(predictions, pandas.DataFrame):
        return str(predictions.to_csv(index=False))
    if isinstance(predictions, pandas.Series):
        return str(predictions.to_frame(predictions.name or "prediction").to_csv(index=False))
    shape = getattr(predictions, "shape", None)
    if shape is not None and len(shape) == 2:
        names = [f"prediction_{at}" for at in range(shape[1])]
        return str(pandas.DataFrame(predictions, columns=names).to_csv(index=False))
    if shape is not None and len(shape) > 2:
        raise Invalid(f"predictions of the shape {shape} don't fit in a table; ask for JSON: --json")
    values = plain(predictions)
    if isinstance(values, dict):
        return str(pandas.DataFrame(values).to_csv(index=False))
    return str(pandas.DataFrame({"prediction": values if isinstance(values, list) else [values]}).to_csv(index=False))


def as_json(predictions: Any) -> str:
    """`{"predictions": ...}`: rows as objects, arrays as lists; NaN is null."""
    return json.dumps({"predictions": plain(predictions)}, indent=2, default=str) + "\n"


def plain(value: Any) -> Any:
    """Only what JSON has."""
    if hasattr(value, "to_dict") and hasattr(value, "columns"):
        return [plain(row) for row in value.to_dict(orient="records")]
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    if isinstance(value, dict):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    return None if isinstance(value, float) and value - value != 0.0 else value


def _pandas() -> Any:
    try:
        import pandas as pd
    except ImportError as error:
        raise MissingPackage(
            "predicting from tables needs pandas: pip install 'modelshelf[pandas]'", package="pandas"
        ) from error
    return pd
