"""Bodies of MLflow's scoring protocol as data that fits a signature."""

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from modelshelf.domain.errors import Invalid
from modelshelf.flavors.datatypes import DataType
from modelshelf.flavors.schema import Schema
from modelshelf.scoring.refusals import Refused
from modelshelf.scoring.tables import array, columns_of, table

FORMATS = ("dataframe_split", "dataframe_records", "instances", "inputs")
CONTENT_TYPES = ("application/json", "text/csv")


@dataclass(frozen=True, slots=True)
class Payload:
    """What a request asks the model."""

    data: Any
    params: dict[str, Any] | None
    rows: int


@dataclass(frozen=True, slots=True)
class Expected:
    """What a model takes, and how much of it at once."""

    schema: Schema | None
    checks_itself: bool
    """Whether the model's own type hints check the data, as it was sent."""
    most_rows: int


def media_type(content_type: str | None) -> str:
    """The type of a body. Raises Refused (415) for one that can't be read."""
    name, *parameters = (part.strip() for part in (content_type or "").split(";"))
    if name.lower() not in CONTENT_TYPES:
        raise Refused(f"the content type is {content_type or 'missing'}; send {' or '.join(CONTENT_TYPES)}", status=415)
    for parameter in filter(None, parameters):
        key, _, value = parameter.partition("=")
        if key.strip().lower() != "charset" or value.strip('" ').lower() not in {"utf-8", "utf8"}:
            raise Refused(f"the content type says {parameter!r}; only charset=utf-8 can be read", status=415)
    return name.lower()


def read(body: bytes, kind: str, expected: Expected) -> Payload:
    """The data of a request. Raises SignatureMismatch naming the column that does not fit, Invalid, Refused."""
    if kind == "text/csv":
        return _csv(body, expected)
    content = decoded(body)
    if not isinstance(content, dict):
        raise Invalid(f"the body is a JSON {_kind(content)}; send an object with one of {_listed()}")
    params = content.get("params")
    if params is not None and not isinstance(params, dict):
        raise Invalid("params is an object of names and values")
    given = [name for name in FORMATS if name in content]
    if len(given) != 1:
        found = f"has {' and '.join(given)}" if given else f"has none of them, but {sorted(content)[:10]}"
        raise Invalid(f"the body must have exactly one of {_listed()}; it {found}")
    held = content[given[0]]
    if expected.checks_itself:
        if given[0] != "inputs":
            raise Invalid(f"the model has type hints: send its data as inputs, not as {given[0]}")
        return Payload(held, params, check_rows(_length(held), expected))
    data, rows = _READERS[given[0]](held, expected)
    return Payload(data, params, rows)


def decoded(body: bytes) -> Any:
    """JSON, also with the NaN and Infinity that Python's encoder writes. Raises Invalid."""
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        if b"NaN" not in body and b"Infinity" not in body:
            raise Invalid(f"the body is not JSON: {error}") from error
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Invalid(f"the body is not JSON: {error}") from error


def check_rows(rows: int, expected: Expected) -> int:
    """The number, if so many may come at once. Raises Refused (413)."""
    if rows > expected.most_rows:
        raise Refused(
            f"{rows} rows are more than the {expected.most_rows} that may come at once", status=413, limit="rows"
        )
    return rows


def _split(held: Any, expected: Expected) -> tuple[Any, int]:
    if not isinstance(held, dict) or "data" not in held or not held.keys() <= {"columns", "index", "data"}:
        raise Invalid("dataframe_split is an object of data and, if you like, columns and index")
    data, names, index = held["data"], held.get("columns"), held.get("index")
    if not isinstance(data, list) or not all(isinstance(row, list) for row in data):
        raise Invalid("dataframe_split: data is a list of rows, each a list of values")
    rows = check_rows(len(data), expected)
    names = list(range(len(data[0]) if data else 0)) if names is None else _names(names)
    for row, values in enumerate(data):
        if len(values) != len(names):
            raise Invalid(f"dataframe_split, row {row}: {len(values)} values for {len(names)} columns")
    if index is not None and (not isinstance(index, list) or len(index) != rows):
        raise Invalid(f"dataframe_split: the index is a list of {rows} labels, one for each row")
    columns = dict(zip(names, map(list, zip(*data, strict=True)), strict=True)) if data else {n: [] for n in names}
    return table(columns, rows, expected.schema, index=_labels(index)), rows


def _labels(index: list[Any] | None) -> list[Any] | None:
    if index is None or all(isinstance(label, str | int | float | None) for label in index):
        return index
    raise Invalid("dataframe_split: the labels of the index are texts or numbers")


def _names(names: Any) -> list[Any]:
    if not isinstance(names, list) or not all(isinstance(name, str | int) for name in names):
        raise Invalid("dataframe_split: columns is a list of names")
    twice = next((name for at, name in enumerate(names) if name in names[:at]), None) if _repeats(names) else None
    if twice is not None:
        raise Invalid(f"dataframe_split: the column {twice!r} is there twice", column=twice)
    return names


def _repeats(names: list[Any]) -> bool:
    return len(set(names)) != len(names)


def _records(held: Any, expected: Expected) -> tuple[Any, int]:
    if not isinstance(held, list):
        raise Invalid(f"dataframe_records is a list of objects, one for each row, not a JSON {_kind(held)}")
    rows = check_rows(len(held), expected)
    return table(columns_of(held, what="dataframe_records"), rows, expected.schema), rows


def _instances(held: Any, expected: Expected) -> tuple[Any, int]:
    if isinstance(held, list) and held and isinstance(held[0], dict):
        rows = check_rows(len(held), expected)
        columns = columns_of(held, what="instances")
        schema = expected.schema
        if schema is not None and not schema.is_tensor_spec():
            return table(columns, rows, schema), rows
        specs = _by_name(schema)
        return {name: array(each, specs.get(name), label=f"input {name!r}") for name, each in columns.items()}, rows
    return _plain(held, expected, what="instances")


def _inputs(held: Any, expected: Expected) -> tuple[Any, int]:
    if isinstance(held, dict):
        return _named(held, expected)
    if isinstance(held, list) and held and isinstance(held[0], dict):
        rows = check_rows(len(held), expected)
        columns = columns_of(held, what="inputs")
        return (table(columns, rows, expected.schema) if expected.schema is not None else held), rows
    return _plain(held, expected, what="inputs")


def _named(held: Mapping[str, Any], expected: Expected) -> tuple[Any, int]:
    """An object: arrays by their names; for columns lists of values, or one row of single values."""
    schema = expected.schema
    if schema is None or schema.is_tensor_spec():
        specs = _by_name(schema)
        arrays = {name: array(each, specs.get(name), label=f"input {name!r}") for name, each in held.items()}
        return arrays, check_rows(max((_length(each) for each in held.values()), default=0), expected)
    specs = _by_name(schema)
    nested = any(not isinstance(spec.type, DataType) for spec in specs.values())
    if nested or not any(isinstance(each, list) for each in held.values()):
        return table({name: [each] for name, each in held.items()}, 1, schema), 1
    columns = {name: each if isinstance(each, list) else [each] for name, each in held.items()}
    rows = check_rows(max(map(len, columns.values())), expected)
    for name, each in columns.items():
        if len(each) != rows and (not specs or name in specs):
            raise Invalid(f"column {name!r} has {len(each)} values, another one {rows}", column=name)
    return table({name: each for name, each in columns.items() if len(each) == rows}, rows, schema), rows


def _plain(held: Any, expected: Expected, *, what: str) -> tuple[Any, int]:
    """A list, nested or not, or a single value."""
    schema, rows = expected.schema, check_rows(_length(held), expected)
    if schema is None:
        return array(held, None, label=what), rows
    if schema.is_tensor_spec():
        return array(held, schema.inputs[0] if len(schema) == 1 else None, label=what), rows
    values: list[Any] = held if isinstance(held, list) else [held]
    if len(schema) == 1 and not any(isinstance(each, list) for each in values):
        return table({schema.input_names()[0]: values}, len(values), schema), rows
    if schema.has_input_names() and not (len(schema) == 1 and not isinstance(schema.inputs[0].type, DataType)):
        names = schema.input_names()[:20]
        raise Invalid(f"{what}: the model takes the columns {names}; name them, e.g. with dataframe_split or records")
    if schema.has_input_names():
        return table({schema.input_names()[0]: values}, len(values), schema), rows
    return _positional(values, schema, what), rows


def _positional(values: Sequence[Any], schema: Schema, what: str) -> Any:
    """Rows for columns without names."""
    if len(schema) == 1 and not isinstance(schema.inputs[0].type, DataType):
        return table({0: list(values)}, len(values), schema)
    if not all(isinstance(row, list) and len(row) == len(schema) for row in values):
        raise Invalid(f"{what}: each row is a list of {len(schema)} values")
    return table(dict(enumerate(map(list, zip(*values, strict=True)))), len(values), schema)


def _by_name(schema: Schema | None) -> dict[Any, Any]:
    return schema.input_dict() if schema is not None and schema.has_input_names() else {}


def _csv(body: bytes, expected: Expected) -> Payload:
    import pandas as pd

    specs = _by_name(expected.schema)
    # Numbers that may be texts, times and bytes stay as they are written.
    texts = {name: str for name, spec in specs.items() if spec.type in {DataType.string, DataType.binary}}
    try:
        frame = pd.read_csv(io.StringIO(body.decode("utf-8-sig")), dtype=texts, nrows=expected.most_rows + 1)
    except (ValueError, OverflowError) as error:  # pandas' own errors are ValueErrors too
        raise Invalid(f"the body is not CSV with a header: {str(error)[:500]}") from error
    rows = check_rows(len(frame), expected)
    schema = expected.schema
    if schema is None:
        return Payload(frame, None, rows)
    columns = {name: _cells(frame[name]) for name in frame.columns}
    return Payload(table(columns, rows, schema), None, rows)


def _cells(column: Any) -> Any:
    """The cells of a column, empty ones as None; whole columns of numbers stay arrays."""
    if column.dtype.kind in "biuf":
        return column.to_numpy()
    return [None if each != each or each is None else each for each in column.tolist()]  # noqa: PLR0124 - NaN


def _length(held: Any) -> int:
    return len(held) if isinstance(held, list) else 1


def _kind(content: Any) -> str:
    names = {dict: "object", list: "list", str: "text", bool: "boolean", type(None): "null"}
    return names.get(type(content), "number")


def _listed() -> str:
    return ", ".join(FORMATS)


_READERS = {"dataframe_split": _split, "dataframe_records": _records, "instances": _instances, "inputs": _inputs}
