"""The type hints of a `predict`: the signature they stand for, and the check of the data that comes in."""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar, get_args, get_origin, get_type_hints

from modelshelf.domain.errors import Invalid
from modelshelf.flavors.type_hints import SCALARS, UNIONS, fit_arguments, is_pydantic

if TYPE_CHECKING:
    from collections.abc import Mapping
    from inspect import Parameter

    from modelshelf.flavors.datatypes import ColumnType
    from modelshelf.flavors.schema import Schema

TypeFromExample = TypeVar("TypeFromExample")
"""The hint of a `predict` whose input comes as its `input_example` is: a list, a DataFrame or a Series."""
_SCALAR_NAMES = {"int": "long", "str": "string", "bool": "boolean", "float": "double", "bytes": "binary"}


@dataclass(frozen=True, slots=True)
class Hints:
    """The hints of the input and of what is given back, and where the input is among the arguments."""

    input: Any = None
    output: Any = None
    name: str = ""
    position: int = 0

    @classmethod
    def of(cls, function: Callable[..., Any]) -> "Hints":
        """Those of a function or method; none where they name what cannot be found."""
        import inspect

        if not inspect.isroutine(function):
            function = getattr(function, "__call__", function)  # noqa: B004 — the method of an object that is called
        try:
            parameters = inspect.signature(function).parameters
            hints = get_type_hints(function)
        except (TypeError, ValueError, NameError, AttributeError):
            return cls()
        names = [name for name in parameters if name != "params"]
        position = ("self" in parameters) + takes_context(parameters)
        if len(names) <= position:
            return cls()
        name = names[position]
        return cls(hints.get(name), hints.get("return"), name, position)

    @property
    def from_example(self) -> bool:
        # A hint that went through a pickle, or comes from MLflow, is another object of the same name.
        return isinstance(self.input, TypeVar) and self.input.__name__ == TypeFromExample.__name__

    @property
    def are_checked(self) -> bool:
        """Whether the input's hint says what to check: a list of a type that signatures have."""
        try:
            return self.input_schema() is not None
        except Invalid:
            return False

    def input_schema(self) -> "Schema | None":
        """None for hints that say nothing of the data, such as DataFrame; raises Invalid for half a hint."""
        if self.input is not list and get_origin(self.input) is not list:
            return None
        return _schema_of(self.input)

    def output_schema(self) -> "Schema":
        """That of the hint, or any type."""
        from modelshelf.flavors.datatypes import AnyType
        from modelshelf.flavors.schema import ColSpec, Schema

        try:
            return Schema([ColSpec(AnyType())]) if self.output is None else _schema_of(self.output)
        except Invalid:
            return Schema([ColSpec(AnyType())])


def _schema_of(hint: Any) -> "Schema":
    """One column without a name; a list stands for its rows."""
    from modelshelf.flavors.schema import ColSpec, Schema

    if hint is list or (get_origin(hint) is list and not get_args(hint)):
        raise Invalid("the type hint list says nothing of its items: write list[str], or leave it out", hint="list")
    kind, required = _type_of(get_args(hint)[0] if get_origin(hint) is list else hint)
    if not required:
        raise Invalid(f"the type hint {hint} lets values be missing, which rows cannot: take None out of it")
    return Schema([ColSpec(kind)])


def _type_of(hint: Any) -> "tuple[ColumnType, bool]":
    """The type, and whether it is required."""
    from modelshelf.flavors.datatypes import AnyType, Array, DataType, Map

    if hint is Any:
        return AnyType(), True
    if hint in SCALARS:
        return DataType[_SCALAR_NAMES.get(hint.__name__, hint.__name__)], True
    if is_pydantic(hint):
        return _object_of(hint), True
    origin, inner = get_origin(hint), get_args(hint)
    if origin is list and len(inner) == 1:
        return Array(_type_of(inner[0])[0]), True
    if origin is dict and len(inner) == 2 and inner[0] is str:
        return Map(_type_of(inner[1])[0]), True
    if origin in UNIONS:
        stated = [each for each in inner if each is not type(None)]
        return _type_of(stated[0])[0] if len(stated) == 1 else AnyType(), len(stated) == len(inner)
    raise Invalid(f"the type hint {hint} has no type in a signature; use scalars, lists, dict[str, ...] or pydantic")


def _object_of(model: Any) -> "ColumnType":
    from modelshelf.flavors.datatypes import Object, Property

    properties = []
    for name, field in model.model_fields.items():
        kind, required = _type_of(field.annotation)
        properties.append(Property(name, kind, required=required))
    return Object(tuple(properties))


def checked(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function with its input fitted to its type hint; itself if there is nothing to check, or it is done."""
    if getattr(function, "_is_pyfunc", False):
        return function
    hints = Hints.of(function)
    return _wrapped(function, hints.input, hints.name, hints.position) if hints.are_checked else function


def _wrapped(function: Callable[..., Any], hint: Any, name: str, position: int) -> Callable[..., Any]:
    # It is pickled by value with the model: all it refers to is what MLflow has too.
    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        args, kwargs = fit_arguments(args, kwargs, position, hint, name)
        return function(*args, **kwargs)

    # MLflow's name for a function that checks its input.
    wrapper._is_pyfunc = True  # type: ignore[attr-defined]  # noqa: SLF001
    return wrapper


def takes_context(parameters: "Mapping[str, Parameter]") -> bool:
    """By name, or by position: two required arguments besides `params` are context and input."""
    if "context" in parameters:
        return True
    plain = [
        each
        for name, each in parameters.items()
        if name not in {"self", "params"} and each.kind in {each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD}
    ]
    return len([each for each in plain if each.default is each.empty]) > 1
