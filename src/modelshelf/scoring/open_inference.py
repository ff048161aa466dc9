"""The Open Inference Protocol (version 2, REST): requests as data that fits a signature, predictions as tensors."""

from importlib.metadata import version
from typing import Any, Final

import msgspec

from modelshelf.domain.errors import Invalid, SignatureMismatch
from modelshelf.flavors.datatypes import Array, DataType
from modelshelf.flavors.schema import ColSpec, Schema, TensorSpec
from modelshelf.scoring.payload import Expected, Payload, check_rows, decoded
from modelshelf.scoring.predictions import plain
from modelshelf.scoring.tables import array, table

_NUMPY: Final = {
    "BOOL": "bool",
    "UINT8": "uint8",
    "UINT16": "uint16",
    "UINT32": "uint32",
    "UINT64": "uint64",
    "INT8": "int8",
    "INT16": "int16",
    "INT32": "int32",
    "INT64": "int64",
    "FP16": "float16",
    "FP32": "float32",
    "FP64": "float64",
    "BYTES": "object",
}
_OF_NUMPY: Final = {name: datatype for datatype, name in _NUMPY.items()}
_OF_COLUMNS: Final = {
    DataType.boolean: "BOOL",
    DataType.integer: "INT32",
    DataType.long: "INT64",
    DataType.float: "FP32",
    DataType.double: "FP64",
}
_LONGEST_ID = 200
_MOST_DIMENSIONS = 16


class Input(msgspec.Struct):
    """One tensor of a request."""

    name: str
    shape: list[int]
    datatype: str
    data: list[Any]
    parameters: dict[str, Any] | None = None


class Output(msgspec.Struct):
    """A tensor that is asked for."""

    name: str
    parameters: dict[str, Any] | None = None


class Request(msgspec.Struct):
    """A request for inference."""

    inputs: list[Input]
    id: str | None = None
    parameters: dict[str, Any] | None = None
    outputs: list[Output] | None = None


def read(body: bytes) -> Request:
    """A request. Raises Invalid."""
    try:
        request = msgspec.convert(decoded(body), Request)
    except msgspec.ValidationError as error:
        raise Invalid(f"the body is no inference request: {error}") from error
    if not request.inputs:
        raise Invalid("inputs is empty")
    if request.id is not None and len(request.id) > _LONGEST_ID:
        raise Invalid(f"the id has {len(request.id)} characters; the limit is {_LONGEST_ID}")
    names = [each.name for each in request.inputs]
    if len(set(names)) != len(names):
        raise Invalid("an input is there twice")
    return request


def payload(request: Request, expected: Expected) -> Payload:
    """The data of a request. Raises SignatureMismatch naming the input that does not fit, Invalid, Refused."""
    arrays = {each.name: _array(each) for each in request.inputs}
    rows = check_rows(max(len(each) if each.ndim else 1 for each in arrays.values()), expected)
    schema = expected.schema
    if expected.checks_itself:
        only = next(iter(arrays.values())).tolist()
        return Payload(only if len(arrays) == 1 else {k: v.tolist() for k, v in arrays.items()}, _params(request), rows)
    if schema is None:
        return Payload(_unsigned(arrays), _params(request), rows)
    if schema.is_tensor_spec():
        return Payload(_tensors(arrays, schema), _params(request), rows)
    return Payload(_table(arrays, rows, schema), _params(request), rows)


def _params(request: Request) -> dict[str, Any] | None:
    """The parameters of a request are those of the model; what is about the protocol's extensions is left out."""
    known = {name: value for name, value in (request.parameters or {}).items() if name not in _ABOUT_THE_PROTOCOL}
    return known or None


_ABOUT_THE_PROTOCOL = {"binary_data_output", "content_type", "headers"}


def _array(given: Input) -> Any:
    import numpy as np

    label = f"input {given.name!r}"
    if given.datatype not in _NUMPY:
        raise SignatureMismatch(
            f"{label}: the datatype {given.datatype[:40]!r} is none of {', '.join(_NUMPY)}", column=given.name
        )
    if len(given.shape) > _MOST_DIMENSIONS or any(length < 0 for length in given.shape):
        raise SignatureMismatch(f"{label}: the shape {given.shape[:20]} can't be", column=given.name)
    if given.parameters and "binary_data_size" in given.parameters:
        raise SignatureMismatch(f"{label}: binary data can't be read; send data as JSON", column=given.name)
    flat = _flat(given.data, label, given.name)
    if len(flat) != _size(given.shape):
        raise SignatureMismatch(f"{label}: {len(flat)} values don't fill the shape {given.shape}", column=given.name)
    _check(flat, given.datatype, label, given.name)
    try:
        return np.array(flat, dtype=_NUMPY[given.datatype]).reshape(given.shape)
    except (ValueError, OverflowError) as error:
        raise SignatureMismatch(f"{label}: a value is no {given.datatype}: {error}", column=given.name) from error


def _size(shape: list[int]) -> int:
    size = 1
    for length in shape:
        size *= length
    return size


def _flat(data: list[Any], label: str, name: str) -> list[Any]:
    for _ in range(_MOST_DIMENSIONS):
        if not any(isinstance(each, list) for each in data):
            return data
        if not all(isinstance(each, list) for each in data):
            break
        data = [item for each in data for item in each]
    raise SignatureMismatch(f"{label}: the nesting of the data is uneven or too deep", column=name)


def _check(values: list[Any], datatype: str, label: str, name: str) -> None:
    if datatype == "BYTES":
        allowed = {str, type(None)}
    elif datatype == "BOOL":
        allowed = {bool}
    else:  # some clients write whole numbers as 3.0
        allowed = {int, float, type(None)} if datatype.startswith("FP") else {int, float}
    is_whole = "INT" in datatype
    at, wrong = next(
        (
            (at, value)
            for at, value in enumerate(values)
            if type(value) not in allowed or (is_whole and type(value) is float and not value.is_integer())
        ),
        (-1, None),
    )
    if at < 0:
        return
    raise SignatureMismatch(f"{label}: value {at}, {str(wrong)[:80]!r}, is no {datatype}", column=name)


def _unsigned(arrays: dict[str, Any]) -> Any:
    import pandas as pd

    if len(arrays) == 1:
        return next(iter(arrays.values()))
    if all(each.ndim == 1 or (each.ndim == 2 and each.shape[1] == 1) for each in arrays.values()):
        try:
            return pd.DataFrame({name: each.ravel() for name, each in arrays.items()})
        except ValueError as error:
            raise Invalid("the inputs have different numbers of rows") from error
    return arrays


def _tensors(arrays: dict[str, Any], schema: Schema) -> Any:
    if not schema.has_input_names():
        if len(arrays) != 1:
            raise SignatureMismatch(f"the model takes one input, not {sorted(arrays)}")
        name, only = next(iter(arrays.items()))
        return array(only, schema.inputs[0], label=f"input {name!r}")
    specs = schema.input_dict()
    return {name: array(each, specs.get(name), label=f"input {name!r}") for name, each in arrays.items()}


def _table(arrays: dict[str, Any], rows: int, schema: Schema) -> Any:
    names = schema.input_names()
    if len(arrays) == 1:
        name, only = next(iter(arrays.items()))
        if only.ndim == 2 and only.shape[1] == len(names) and (name not in names or len(names) > 1):
            return table({each: _column(only[:, at]) for at, each in enumerate(names)}, rows, schema)
    for name, each in arrays.items():
        is_column = each.ndim == 1 or (each.ndim == 2 and each.shape[1] == 1)
        if len(each) != rows or not (is_column or isinstance(getattr(schema.input_dict().get(name), "type", 0), Array)):
            raise SignatureMismatch(
                f"input {name!r}: the shape {list(each.shape)} is no column of {rows} rows", column=name
            )
    columns = {
        name: _column(each.ravel()) if each.ndim < 3 and each.size == rows else each.tolist()
        for name, each in arrays.items()
    }
    if not schema.has_input_names():
        return table(dict(enumerate(columns.values())), rows, schema)
    return table(columns, rows, schema)


def _column(values: Any) -> Any:
    return values.tolist() if values.dtype.kind == "O" else values


def answer(request: Request, predicted: Any, *, model: str, number: int, schema: Schema | None) -> dict[str, Any]:
    """The response to a request. Raises Invalid where an output is asked for that is not there."""
    outputs = _outputs(predicted, schema)
    if request.outputs:
        known = {each["name"]: each for each in outputs}
        missing = [each.name for each in request.outputs if each.name not in known]
        if missing:
            raise Invalid(f"there is no output {missing[0]!r}; there is {', '.join(known)}")
        outputs = [known[each.name] for each in request.outputs]
    content: dict[str, Any] = {"model_name": model, "model_version": str(number), "outputs": outputs}
    return {**content, "id": request.id} if request.id is not None else content


def _outputs(predicted: Any, schema: Schema | None) -> list[dict[str, Any]]:
    if hasattr(predicted, "columns"):
        return [_output(str(name), predicted[name].to_numpy()) for name in predicted.columns]
    if isinstance(predicted, dict):
        return [_output(str(name), each) for name, each in predicted.items()]
    named = schema is not None and len(schema) == 1 and schema.has_input_names()
    name = str(schema.input_names()[0]) if schema is not None and named else "predictions"
    return [_output(name, predicted)]


def _output(name: str, values: Any) -> dict[str, Any]:
    import numpy as np

    if type(values).__module__.startswith("scipy."):
        values = values.toarray()
    try:
        made = np.asarray(values)
    except ValueError:  # lists of different lengths
        made = np.array([*values, None], dtype=object)[:-1]
    datatype = _OF_NUMPY.get(made.dtype.name, "BYTES")
    made = made.reshape(1) if made.ndim == 0 else made
    flat = made.ravel().tolist() if made.dtype.kind != "M" else plain(made.ravel())
    data = [_text(each) for each in flat] if datatype == "BYTES" else flat
    return {"name": name, "shape": list(made.shape), "datatype": datatype, "data": data}


def _text(value: Any) -> Any:
    return value if value is None or isinstance(value, str) else msgspec.json.encode(plain(value)).decode().strip('"')


def metadata(model: str, numbers: list[int], *, platform: str, inputs: Schema | None, outputs: Schema | None) -> Any:
    """What is told of a model."""
    return {
        "name": model,
        "versions": [str(number) for number in numbers],
        "platform": platform,
        "inputs": [_described(name, spec) for name, spec in inputs.input_dict().items()] if inputs else [],
        "outputs": [_described(_name(name), spec) for name, spec in outputs.input_dict().items()] if outputs else [],
    }


def _name(name: Any) -> str:
    return "predictions" if name == 0 else str(name)


def _described(name: Any, spec: Any) -> dict[str, Any]:
    if isinstance(spec, TensorSpec):
        return {"name": str(name), "datatype": _OF_NUMPY.get(spec.dtype, "BYTES"), "shape": list(spec.shape)}
    kind = spec.type if isinstance(spec, ColSpec) else None
    datatype = _OF_COLUMNS.get(kind, "BYTES") if isinstance(kind, DataType) else "BYTES"
    return {"name": str(name), "datatype": datatype, "shape": [-1, 1] if isinstance(kind, DataType) else [-1, -1]}


def server_metadata() -> dict[str, Any]:
    """What is told of the server."""
    return {"name": "modelshelf", "version": version("modelshelf"), "extensions": []}
