"""What a model takes or gives: columns, tensors and parameters, as MLmodel files spell them."""

import datetime as dt
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from modelshelf.domain.errors import Invalid, InvalidModel
from modelshelf.flavors.datatypes import ColumnType, DataType, Object, as_type, type_from_dict
from modelshelf.flavors.parameters import enforce_param


@dataclass(frozen=True, slots=True, repr=False)
class ColSpec:
    """One column of a table. `type` may be given by name."""

    type: ColumnType
    name: Any = None
    required: bool = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "type", as_type(self.type))

    def to_dict(self) -> dict[str, Any]:
        named = {} if self.name is None else {"name": self.name}
        return {**self.type.to_dict(), **named, "required": self.required}

    def __repr__(self) -> str:
        name = "" if self.name is None else f"{self.name!r}: "
        return f"{name}{self.type!r} ({'required' if self.required else 'optional'})"


@dataclass(frozen=True, slots=True, repr=False, init=False)
class TensorSpec:
    """One array; -1 in the shape stands for any length. The dtype is kept by name, so numpy loads only when asked."""

    dtype: str
    shape: tuple[int, ...]
    name: Any

    def __init__(self, type: Any, shape: Sequence[int], name: Any = None) -> None:
        object.__setattr__(self, "dtype", type if isinstance(type, str) else type.name)
        object.__setattr__(self, "shape", tuple(shape))
        object.__setattr__(self, "name", name)

    @property
    def type(self) -> Any:
        import numpy as np

        return np.dtype(self.dtype)

    @property
    def required(self) -> bool:
        return True

    def to_dict(self) -> dict[str, Any]:
        named = {} if self.name is None else {"name": self.name}
        return {**named, "type": "tensor", "tensor-spec": {"dtype": self.dtype, "shape": list(self.shape)}}

    def __repr__(self) -> str:
        name = "" if self.name is None else f"{self.name!r}: "
        return f"{name}Tensor({self.dtype!r}, {self.shape!r})"


Spec = ColSpec | TensorSpec


@dataclass(frozen=True, slots=True, repr=False, init=False)
class Schema:
    """Columns or tensors, never both; all named or none. `Schema([ColSpec("double", "age")])`."""

    inputs: list[Spec]

    def __init__(self, inputs: Sequence[Spec]) -> None:
        _check(inputs)
        object.__setattr__(self, "inputs", list(inputs))

    def __len__(self) -> int:
        return len(self.inputs)

    def __iter__(self) -> Iterator[Spec]:
        return iter(self.inputs)

    def __repr__(self) -> str:
        return repr(self.inputs)

    def is_tensor_spec(self) -> bool:
        return isinstance(self.inputs[0], TensorSpec)

    def has_input_names(self) -> bool:
        return self.inputs[0].name is not None

    def input_names(self) -> list[Any]:
        """Names, or positions where the columns have no name."""
        return [position if each.name is None else each.name for position, each in enumerate(self.inputs)]

    def required_input_names(self) -> list[Any]:
        return [name for name, each in zip(self.input_names(), self.inputs, strict=True) if each.required]

    def optional_input_names(self) -> list[Any]:
        return [name for name, each in zip(self.input_names(), self.inputs, strict=True) if not each.required]

    def input_types(self) -> list[Any]:
        return [each.type for each in self.inputs]

    def input_dict(self) -> dict[Any, Spec]:
        return dict(zip(self.input_names(), self.inputs, strict=True))

    def input_types_dict(self) -> dict[Any, Any]:
        return dict(zip(self.input_names(), self.input_types(), strict=True))

    def to_dict(self) -> list[dict[str, Any]]:
        return [each.to_dict() for each in self.inputs]

    def to_json(self) -> str:
        return json.dumps(self.to_dict())

    @classmethod
    def from_json(cls, text: str) -> "Schema":
        """Raises InvalidModel if the text is not a list of columns or tensors."""
        return cls([_spec_from_dict(each) for each in _json_list(text, what="schema")])


def _check(inputs: Sequence[Spec]) -> None:
    if not isinstance(inputs, Sequence) or not inputs or not all(isinstance(each, Spec) for each in inputs):
        raise Invalid("a Schema needs a list of one or more ColSpec or TensorSpec")
    named = sum(each.name is not None for each in inputs)
    tensors = sum(isinstance(each, TensorSpec) for each in inputs)
    if named not in {0, len(inputs)}:
        raise Invalid("a Schema has all its inputs named, or none", names=[each.name for each in inputs])
    if tensors not in {0, len(inputs)}:
        raise Invalid("a Schema has columns or tensors, not both")
    if tensors > 1 and not named:
        raise Invalid("several tensors in one Schema need names")
    if not named and not all(each.required for each in inputs):
        raise Invalid("an optional column in a Schema needs a name")


def _spec_from_dict(content: Any) -> Spec:
    if not isinstance(content, Mapping) or "type" not in content:
        raise InvalidModel(f"the signature has {content!r} where a column or a tensor is needed")
    if content["type"] != "tensor":
        required = content.get("required")
        return ColSpec(type_from_dict(content), content.get("name"), required=True if required is None else required)
    tensor = content.get("tensor-spec")
    if not isinstance(tensor, Mapping) or not {"dtype", "shape"} <= tensor.keys():
        raise InvalidModel(f"the signature has a tensor without dtype and shape: {content!r}")
    return TensorSpec(str(tensor["dtype"]), tensor["shape"], content.get("name"))


def _json_list(text: Any, *, what: str) -> list[Any]:
    try:
        content = json.loads(text) if isinstance(text, str) else text
    except ValueError as fault:
        raise InvalidModel(f"the signature's {what} is not JSON: {fault}") from fault
    if not isinstance(content, list):
        raise InvalidModel(f"the signature's {what} is not a JSON list: {content!r}")
    return content


@dataclass(frozen=True, slots=True, repr=False, init=False)
class ParamSpec:
    """A parameter of `predict` with its default; shape None is one value (or a dict), (-1,) a list."""

    name: str
    dtype: DataType | Object
    default: Any
    shape: tuple[int, ...] | None

    def __init__(self, name: str, dtype: Any, default: Any, shape: Sequence[int] | None = None) -> None:
        kind = as_type(dtype)
        if not isinstance(kind, DataType | Object) or kind is DataType.binary:
            raise Invalid(f"parameter {name!r} cannot be of type {kind!r}", param=str(name))
        object.__setattr__(self, "name", str(name))
        object.__setattr__(self, "dtype", kind)
        object.__setattr__(self, "shape", None if shape is None else tuple(shape))
        object.__setattr__(self, "default", enforce_param(self, default))

    def to_dict(self) -> dict[str, Any]:
        default = self.default
        if self.dtype is DataType.datetime:
            default = _iso(default) if self.shape is None else [_iso(each) for each in default]
        shape = None if self.shape is None else list(self.shape)
        return {"name": self.name, "default": default, "shape": shape, **self.dtype.to_dict()}

    def __repr__(self) -> str:
        shape = "" if self.shape is None else f" (shape: {self.shape})"
        return f"{self.name!r}: {self.dtype!r} (default: {self.default}){shape}"


def _iso(value: dt.date | None) -> str | None:
    return None if value is None else value.isoformat()


@dataclass(frozen=True, slots=True, repr=False, init=False)
class ParamSchema:
    """The parameters that `predict(data, params=...)` knows."""

    params: list[ParamSpec]

    def __init__(self, params: Sequence[ParamSpec]) -> None:
        names = [each.name for each in params]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise Invalid(f"the parameters {twice} are there twice", names=twice)
        object.__setattr__(self, "params", list(params))

    def __len__(self) -> int:
        return len(self.params)

    def __iter__(self) -> Iterator[ParamSpec]:
        return iter(self.params)

    def __repr__(self) -> str:
        return repr(self.params)

    def to_dict(self) -> list[dict[str, Any]]:
        return [each.to_dict() for each in self.params]

    def to_json(self) -> str:
        return json.dumps(self.to_dict())

    @classmethod
    def from_json(cls, text: str) -> "ParamSchema":
        """Raises InvalidModel if the text is not a list of parameters."""
        return cls([_param_from_dict(each) for each in _json_list(text, what="params")])


def _param_from_dict(content: Any) -> ParamSpec:
    if not isinstance(content, Mapping) or not {"name", "default"} <= content.keys():
        raise InvalidModel(f"the signature has {content!r} where a parameter is needed")
    kind = content if content.get("type") == "object" else content.get("type") or content.get("dtype")
    return ParamSpec(content["name"], type_from_dict(kind), content["default"], content.get("shape"))
