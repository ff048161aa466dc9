"""Parameters of `predict` against the parameters that the signature declares."""

import datetime as dt
from typing import TYPE_CHECKING, Any

from modelshelf.domain.errors import SignatureMismatch
from modelshelf.flavors.datatypes import DataType, Object
from modelshelf.flavors.values import enforce_value

if TYPE_CHECKING:
    from modelshelf.flavors.schema import ParamSchema, ParamSpec

_ONE_DIMENSION = (-1,)
_EXACT = {
    DataType.boolean: {"bool", "bool_"},
    DataType.string: {"str", "str_"},
    DataType.integer: {"int", "int32"},
    DataType.long: {"int", "int64", "int32"},
    DataType.float: {"float", "float32", "int", "int32", "int64"},
    DataType.double: {"float", "float64", "float32", "int", "int32", "int64"},
}


def enforce_params(params: dict[str, Any] | None, schema: "ParamSchema | None") -> tuple[dict[str, Any], list[str]]:
    """The parameters with defaults filled in, and the names that the signature does not know (they are dropped)."""
    if params is not None and not isinstance(params, dict):
        raise SignatureMismatch(f"params must be a dict, not {type(params).__name__}")
    given = {str(name): value for name, value in (params or {}).items()}
    specs = {} if schema is None else {each.name: each for each in schema.params}
    known = {name: enforce_param(spec, given[name]) if name in given else spec.default for name, spec in specs.items()}
    return known, [name for name in given if name not in specs]


def enforce_param(spec: "ParamSpec", value: Any) -> Any:
    """The value as a plain Python value of the declared type; raises SignatureMismatch naming the parameter."""
    if spec.shape == _ONE_DIMENSION:
        listed = value.tolist() if hasattr(value, "tolist") else value
        if not isinstance(listed, list) or any(isinstance(each, list | tuple | dict) for each in listed):
            raise _mismatch(spec, "it must be a list of values", value)
        return [_scalar(spec, each) for each in listed]
    if spec.shape is not None:
        raise _mismatch(spec, f"shape {spec.shape} is neither None nor (-1,)", value)
    if isinstance(spec.dtype, Object):
        enforce_value(value, spec.dtype, where=f"param {spec.name!r}")
        return value
    return _scalar(spec, value)


def _scalar(spec: "ParamSpec", value: Any) -> Any:
    if value is None:
        return None
    if spec.dtype is DataType.datetime:
        return _moment(spec, value)
    if isinstance(spec.dtype, Object) or type(value).__name__ not in _EXACT[spec.dtype]:
        raise _mismatch(spec, f"{type(value).__name__} is not safely {spec.dtype!r}", value)
    return spec.dtype.to_python()(value)


def _moment(spec: "ParamSpec", value: Any) -> dt.date:
    if isinstance(value, dt.date):
        return value
    try:
        if isinstance(value, str):
            moment = dt.datetime.fromisoformat(value)
            return moment.date() if len(value) == len("2020-01-01") else moment
        item = value.item() if hasattr(value, "item") else value
    except ValueError as fault:
        raise _mismatch(spec, "it is not a date or time", value) from fault
    if not isinstance(item, dt.date):
        raise _mismatch(spec, "it is not a date or time", value)
    return item


def _mismatch(spec: "ParamSpec", why: str, value: Any) -> SignatureMismatch:
    return SignatureMismatch(f"param {spec.name!r}: {why}; got {value!r}", param=spec.name, expected=repr(spec.dtype))
