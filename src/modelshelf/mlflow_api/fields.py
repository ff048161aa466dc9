"""The fields that a request may have, and how its JSON or query string is read: as MLflow's protocol buffers are."""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from modelshelf.domain.names import model_name
from modelshelf.mlflow_api.errors import Refusal

MOST_IN_64_BITS = 2**63
MOST_IN_32_BITS = 2**31
_DIGITS = re.compile(r"[+-]?\d+")
_ABSENT = (None, "")


class Kind(Enum):
    """What a field holds."""

    TEXT = "text"
    INT64 = "whole number of 64 bits"
    INT32 = "whole number of 32 bits"
    NUMBER = "number"
    SWITCH = "true or false"
    CHOICE = "one of some words"
    MESSAGE = "object"


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a request or of an object in it."""

    kind: Kind
    many: bool = False
    required: bool = False
    at_most: int | None = None
    choices: Mapping[str, int] | None = None
    shape: "Fields | None" = None
    default: Any = None
    check: Callable[[Any], object] | None = None
    """Raises Invalid for a value of the right type that can't be."""

    @property
    def what(self) -> str:
        return f"a list, each of it {self.kind.value}" if self.many else self.kind.value


class Fields(dict[str, Field]):
    """The fields of a request by their names, and what is asked about them for every request, worked out once."""

    def __init__(self, named: Mapping[str, Field]) -> None:
        super().__init__(named)
        self.spellings = {camel(name): name for name in named}
        self.twice = {name: camel(name) for name in named if camel(name) != name}
        self.nested = {name: field.shape for name, field in named.items() if field.shape is not None}
        self.required = tuple(name for name, field in named.items() if field.required)
        self.bounded = {name: field.at_most for name, field in named.items() if field.at_most is not None}
        self.defaults = {name: field.default for name, field in named.items() if field.default is not None}
        self.checks = {name: field.check for name, field in named.items() if field.check is not None}


def fields(**named: Field) -> Fields:
    """The fields of a request by their names."""
    return Fields(named)


def objects(shape: Fields, *, required: bool = False) -> Field:
    """A list of objects."""
    return Field(Kind.MESSAGE, many=True, shape=shape, required=required)


def camel(name: str) -> str:
    """The other spelling of a field's name."""
    first, *others = name.split("_")
    return first + "".join(other.capitalize() for other in others)


TEXT = Field(Kind.TEXT)
NEEDED = Field(Kind.TEXT, required=True)
MODEL = Field(Kind.TEXT, required=True, check=model_name)
"""The name of a registered model."""
TEXTS = Field(Kind.TEXT, many=True)
NUMBER = Field(Kind.NUMBER)
INT64 = Field(Kind.INT64)
INT32 = Field(Kind.INT32)
SWITCH = Field(Kind.SWITCH)


# A member of an enumeration is looked up slowly, and there are hundreds of values in one request.
_IS_TEXT, _IS_INT64, _IS_INT32, _IS_NUMBER = Kind.TEXT, Kind.INT64, Kind.INT32, Kind.NUMBER
_IS_SWITCH, _IS_CHOICE = Kind.SWITCH, Kind.CHOICE


class _Misfit(Exception):
    """A value of the wrong type."""


def read(given: Mapping[str, Any], known: Fields) -> dict[str, Any]:
    """What a request says. Raises Refusal for a field that is missing, of the wrong type, or spelled in both ways."""
    _refuse_twice(given, known)
    for name in known.required:
        if given.get(name) in _ABSENT and not (name == "run_id" and given.get(name) is None and given.get("run_uuid")):
            raise Refusal.missing(name)
    found = _read(given, known)
    for name, most in known.bounded.items():
        if name in found:
            _check_bound(name, given.get(name), found[name], most)
    for name, default in known.defaults.items():
        found.setdefault(name, default)
    for name, check in known.checks.items():
        check(found[name])
    return found


def _check_bound(name: str, given: Any, found: int, most: int) -> None:
    if isinstance(given, str) and not _DIGITS.fullmatch(given):
        raise Refusal.invalid(f"Invalid value {_shown(given)} for parameter '{name}': write it in digits")
    if found > most:
        raise Refusal.invalid(f"Invalid value {found} for parameter '{name}': the most is {most}")


def _refusal(name: str, value: Any, field: Field) -> Refusal:
    return Refusal.invalid(
        f"Invalid value {_shown(value)} for parameter '{name}': it must be {field.what}. "
        f"Hint: Value was of type '{type(value).__name__}'."
    )


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 200 else f"{text[:200]}…"


def _refuse_twice(given: Mapping[str, Any], known: Fields) -> None:
    for name, other in known.twice.items():
        if other in given and name in given:
            raise Refusal.invalid(f"the request has both '{name}' and '{other}', which are the same; give one of them")
    for name, shape in known.nested.items():
        value = given.get(name, given.get(known.twice.get(name, name)))
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, dict):
                _refuse_twice(item, shape)


def _read(given: Mapping[str, Any], known: Fields) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in given.items():
        name = key if key in known else known.spellings.get(key, "")
        if not name or value is None:
            continue
        field = known[name]
        try:
            found[name] = _values(field, value) if field.many else _value(field, value)
        except _Misfit:
            raise _refusal(name, value, field) from None
    return found


def _values(field: Field, value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise _Misfit
    return [_value(field, item) for item in value]


def _value(field: Field, value: Any) -> Any:
    kind = field.kind
    if kind is _IS_TEXT:
        if not isinstance(value, str):
            raise _Misfit
        return value
    if kind is _IS_INT64:
        return _whole(value, MOST_IN_64_BITS)
    if kind is _IS_INT32:
        return _whole(value, MOST_IN_32_BITS)
    if kind is _IS_NUMBER:
        return _number(value)
    if kind is _IS_SWITCH:
        if not isinstance(value, bool):
            raise _Misfit
        return value
    if kind is _IS_CHOICE:
        return _choice(field.choices or {}, value)
    if not isinstance(value, dict):
        raise _Misfit
    return _read(value, field.shape or Fields({}))


def _whole(value: Any, limit: int) -> int:
    if type(value) is int and -limit <= value < limit:
        return value
    if isinstance(value, bool | list | dict) or (isinstance(value, str) and (" " in value or len(value) > 400)):
        raise _Misfit
    if isinstance(value, float) and not value.is_integer():
        raise _Misfit
    try:
        number = int(value)
    except ValueError:
        number = _integral(value)
    if not -limit <= number < limit:
        raise _Misfit
    return number


def _integral(text: str) -> int:
    try:
        number = float(text)
    except ValueError:
        raise _Misfit from None
    if not number.is_integer():
        raise _Misfit
    return int(number)


def _number(value: Any) -> float:
    if type(value) is float and math.isfinite(value):
        return value
    if isinstance(value, list | dict) or value == "nan" or (isinstance(value, float) and not math.isfinite(value)):
        raise _Misfit
    try:
        return float(value)
    except (ValueError, OverflowError):
        raise _Misfit from None


def _choice(choices: Mapping[str, int], value: Any) -> str:
    """The word, also where its number was given."""
    if isinstance(value, str) and value in choices:
        return value
    try:
        number = int(value)
    except (ValueError, TypeError, OverflowError):
        raise _Misfit from None
    for word, its in choices.items():
        if its == number:
            return word
    raise _Misfit
