"""Fields that nobody reads, found in JSON however deep they lie: what is misspelled is not left out in silence."""

from collections.abc import Callable
from typing import Any, TypeAlias

import msgspec
from msgspec import inspect

_Look: TypeAlias = Callable[[Any, str], str]
"""Takes decoded JSON and its place, and tells what is wrong; empty where nothing is."""


class KnownFields:
    """The fields that a type has, and those of what may lie in them."""

    def __init__(self, kind: Any) -> None:
        found = inspect.type_info(kind)
        self._look = _look(found) or _nothing
        nested = any(_look(each.type) for each in getattr(found, "fields", ()))
        self.are_for_granted = isinstance(found, inspect.StructType) and found.forbid_unknown_fields and not nested
        """Whether the decoder itself insists on them; it does so on the uppermost ones alone."""

    def unknown(self, content: bytes) -> str:
        """What to say of the first unknown field in some JSON; empty where there is none, and for what is no JSON.

        What does not fit the type is left to the decoder, which tells more about it.
        """
        try:
            return self._look(msgspec.json.decode(content), "")
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return ""


def _nothing(value: Any, place: str) -> str:  # noqa: ARG001 - a look at what has no fields
    return ""


def _look(kind: inspect.Type) -> _Look | None:
    if isinstance(kind, inspect.Metadata):
        return _look(kind.type)
    if isinstance(kind, inspect.DataclassType | inspect.StructType):
        return _fields(kind)
    if isinstance(kind, inspect.UnionType):
        return _first([_look(each) for each in kind.types])
    if isinstance(kind, inspect.DictType):
        inside = _look(kind.value_type)
        return None if inside is None else _each_value(inside)
    item = getattr(kind, "item_type", None)
    inside = _look(item) if item is not None else None
    return None if inside is None else _each_item(inside)


def _fields(kind: inspect.DataclassType | inspect.StructType) -> _Look:
    """The fields of an object, and what is in them."""
    inside = {each.encode_name: _look(each.type) for each in kind.fields}
    known = ", ".join(inside)

    def look(value: Any, place: str) -> str:
        if not isinstance(value, dict):
            return ""
        for name, held in value.items():
            if name not in inside:
                where = f" in `{place}`" if place else ""
                return f"unknown field `{name[:100]}`{where}; there is {known}"
            further = inside[name]
            if further is not None and (found := further(held, f"{place}.{name}" if place else name)):
                return found
        return ""

    return look


def _first(looks: list[_Look | None]) -> _Look | None:
    """The only one that there is: of several kinds of objects in one place, JSON could not tell which is meant."""
    return next((each for each in looks if each is not None), None)


def _each_value(inside: _Look) -> _Look:
    def look(value: Any, place: str) -> str:
        held = value.items() if isinstance(value, dict) else ()
        return next((found for _, each in held if (found := inside(each, f"{place}[...]"))), "")

    return look


def _each_item(inside: _Look) -> _Look:
    def look(value: Any, place: str) -> str:
        held = enumerate(value) if isinstance(value, list) else ()
        return next((found for index, each in held if (found := inside(each, f"{place}[{index}]"))), "")

    return look
