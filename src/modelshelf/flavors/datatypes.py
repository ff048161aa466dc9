"""The types a column, a parameter or a nested value of a model's signature can have."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any, TypeAlias

from modelshelf.domain.errors import Invalid, InvalidModel


class DataType(Enum):
    """A scalar; the names are those that MLmodel files use."""

    boolean = 1
    integer = 2
    long = 3
    float = 4
    double = 5
    string = 6
    binary = 7
    datetime = 8

    def __repr__(self) -> str:
        return self.name

    def to_numpy(self) -> Any:
        """The numpy dtype of a column of this type."""
        import numpy as np

        return np.dtype(_NUMPY_NAMES[self.name])

    def to_pandas(self) -> Any:
        """The pandas dtype of a column of this type; text and bytes are `object`."""
        import numpy as np

        return np.dtype(object) if self.name in {"string", "binary"} else self.to_numpy()

    def to_python(self) -> type:
        """The Python class of one value of this type."""
        return _PYTHON_TYPES[self.name]

    def to_dict(self) -> dict[str, Any]:
        return {"type": self.name}


_NUMPY_NAMES = {
    "boolean": "bool",
    "integer": "int32",
    "long": "int64",
    "float": "float32",
    "double": "float64",
    "string": "str",
    "binary": "bytes",
    "datetime": "datetime64[ns]",
}
_PYTHON_TYPES: dict[str, type] = {
    "boolean": bool,
    "integer": int,
    "long": int,
    "float": float,
    "double": float,
    "string": str,
    "binary": bytes,
    "datetime": dt.date,
}


@dataclass(frozen=True, slots=True)
class AnyType:
    """Whatever it is; nothing is checked."""

    def to_dict(self) -> dict[str, Any]:
        return {"type": "any"}


@dataclass(frozen=True, slots=True)
class Array:
    """A list whose items are all of one type."""

    dtype: "ColumnType"

    def __post_init__(self) -> None:
        object.__setattr__(self, "dtype", as_type(self.dtype))

    def to_dict(self) -> dict[str, Any]:
        return {"type": "array", "items": self.dtype.to_dict()}


@dataclass(frozen=True, slots=True)
class SparkMLVector:
    """A Spark ML vector: known, so that it survives a round trip, but never enforced."""

    def to_dict(self) -> dict[str, Any]:
        return {"type": "sparkml_vector"}


@dataclass(frozen=True, slots=True)
class Map:
    """A dict with text keys whose values are all of one type."""

    value_type: "ColumnType"

    def __post_init__(self) -> None:
        object.__setattr__(self, "value_type", as_type(self.value_type))

    def to_dict(self) -> dict[str, Any]:
        return {"type": "map", "values": self.value_type.to_dict()}


@dataclass(frozen=True, slots=True)
class Property:
    """One named value of an `Object`."""

    name: str
    dtype: "ColumnType"
    required: bool = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "dtype", as_type(self.dtype))

    def to_dict(self) -> dict[str, Any]:
        return {self.name: {**self.dtype.to_dict(), "required": self.required}}


@dataclass(frozen=True, slots=True)
class Object:
    """A dict with known keys; properties are kept in the order of their names."""

    properties: tuple[Property, ...]

    def __post_init__(self) -> None:
        ordered = tuple(sorted(self.properties, key=lambda each: each.name))
        if not ordered:
            raise Invalid("an Object needs at least one property")
        names = [each.name for each in ordered]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise Invalid(f"an Object has the properties {twice} twice", names=twice)
        object.__setattr__(self, "properties", ordered)

    def to_dict(self) -> dict[str, Any]:
        properties: dict[str, Any] = {}
        for each in self.properties:
            properties.update(each.to_dict())
        return {"type": "object", "properties": properties}


ColumnType: TypeAlias = DataType | Array | Object | Map | AnyType | SparkMLVector
_COLUMN_TYPES = (DataType, Array, Object, Map, AnyType, SparkMLVector)


def as_type(value: Any) -> ColumnType:
    """The type itself, or the scalar of that name."""
    if isinstance(value, str):
        if value not in DataType.__members__:
            raise Invalid(f"unknown type {value!r}; one of {sorted(DataType.__members__)} is needed", type=value)
        return DataType[value]
    if not isinstance(value, _COLUMN_TYPES):
        raise Invalid(f"{value!r} is not a type; give a DataType, Array, Object, Map, AnyType or a type's name")
    return value


def type_from_dict(content: Any) -> ColumnType:
    """The type that a JSON object of a signature describes."""
    if isinstance(content, str):
        return as_type(content)
    if not isinstance(content, Mapping) or "type" not in content:
        raise InvalidModel(f"the signature has {content!r} where a type is needed")
    match content["type"]:
        case "array":
            return Array(type_from_dict(content.get("items")))
        case "map":
            return Map(type_from_dict(content.get("values")))
        case "object":
            return _object_from_dict(content)
        case "any":
            return AnyType()
        case "sparkml_vector":
            return SparkMLVector()
        case name:
            return as_type(name)


def _object_from_dict(content: Mapping[str, Any]) -> Object:
    properties = content.get("properties")
    if not isinstance(properties, Mapping):
        raise InvalidModel("the signature has an object type without properties")
    return Object(
        tuple(
            Property(str(name), type_from_dict(each), required=bool(each.get("required", True)))
            for name, each in properties.items()
        )
    )


def merge(one: ColumnType, other: ColumnType) -> ColumnType:
    """The type that holds values of both; raises Invalid where there is none.

    Two objects merge to one whose differing properties are optional; `AnyType` gives way to anything else.
    """
    if one == other or (isinstance(other, DataType | Array | Map) and isinstance(one, AnyType)):
        return other
    match one, other:
        case (DataType() | Array() | Map(), AnyType()):
            return one
        case (Object(), AnyType()):
            return Object(tuple(replace(each, required=False) for each in one.properties))
        case (AnyType(), Object()):
            return merge(other, one)
        case (Array(), Array()):
            return Array(merge(one.dtype, other.dtype))
        case (Map(), Map()):
            return Map(merge(one.value_type, other.value_type))
        case (Object(), Object()):
            return _merge_objects(one, other)
    raise Invalid(f"{one!r} and {other!r} have no common type")


def _merge_objects(one: Object, other: Object) -> Object:
    mine, theirs = ({each.name: each for each in side.properties} for side in (one, other))
    merged = [
        replace(
            mine[name],
            dtype=merge(mine[name].dtype, theirs[name].dtype),
            required=mine[name].required and theirs[name].required,
        )
        for name in mine.keys() & theirs.keys()
    ]
    alone = [
        replace(side[name], required=False)
        for side, rest in ((mine, theirs), (theirs, mine))
        for name in side.keys() - rest.keys()
    ]
    return Object(tuple(merged + alone))
