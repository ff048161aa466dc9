"""From a raw HTTP request to the body that an endpoint takes."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from modelshelf.mlflow_api.errors import Refusal
from modelshelf.mlflow_api.fields import Fields, Kind, read

MOST_QUERY_FIELDS = 2_000
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
MOST_REMEMBERED = 4_096
MOST_REMEMBERED_BYTES = 512
_remembered: dict[tuple[int, bytes], dict[str, Any]] = {}
"""What short queries say: clients ask the same again and again. (The values are never changed: lists are read only.)"""
_decode = msgspec.json.Decoder().decode


def from_query(query: bytes, known: Fields) -> dict[str, Any]:
    """The fields in a query string; names are spelled as the protocol has them."""
    if len(query) > MOST_REMEMBERED_BYTES:
        return read(_query(query, known), known)
    key = (id(known), query)
    found = _remembered.get(key)
    if found is None:
        if len(_remembered) >= MOST_REMEMBERED:
            _remembered.clear()
        found = _remembered[key] = read(_query(query, known), known)
    return found.copy()


def from_json(content: bytes, known: Fields) -> dict[str, Any]:
    """The fields in a JSON body. What cannot be read counts as empty; what is no object is refused."""
    return read(_json(content), known)


def require_json(content_type: bytes | None) -> None:
    """Raise Refusal unless the content is said to be JSON."""
    if content_type is None:
        raise Refusal.invalid("the Content-Type header is missing; send application/json")
    if content_type.partition(b";")[0].strip().lower() != b"application/json":
        raise Refusal.invalid("the Content-Type header must be application/json")


def _json(content: bytes) -> dict[str, Any]:
    given = _decoded(content)
    if isinstance(given, str):  # older clients encode their JSON twice
        given = _decoded(given.encode())
    if given is None:
        return {}
    if not isinstance(given, dict):
        raise Refusal.invalid(f"the body must be a JSON object, not of type {type(given).__name__}")
    return given


def _decoded(content: bytes) -> Any:
    try:
        return _decode(content.removeprefix(_BYTE_ORDER_MARK)) if content else None
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return None


def _query(query: bytes, known: Fields) -> Mapping[str, Any]:
    given: dict[str, Any] = {}
    for name, value in _pairs(query):
        field = known.get(name)
        if field is None:
            continue
        if field.many:
            given.setdefault(name, []).append(value)
        elif name not in given:
            given[name] = _switch(name, value) if field.kind is Kind.SWITCH else value
    return given


def _pairs(query: bytes) -> list[tuple[str, str]]:
    if b"%" not in query and b"+" not in query and query.isascii() and query.count(b"&") < 10:
        split = (pair.partition("=") for pair in query.decode().split("&"))
        return [(name, value) for name, _, value in split]
    try:
        return parse_qsl(
            query.decode("latin-1").encode().decode(), keep_blank_values=True, max_num_fields=MOST_QUERY_FIELDS
        )
    except ValueError:
        raise Refusal.invalid(f"the query string has more than {MOST_QUERY_FIELDS} fields") from None


def _switch(name: str, value: str) -> bool:
    if value.lower() not in {"true", "false"}:
        raise Refusal.invalid(f"invalid value {value[:200]!r} for parameter '{name}': it must be true or false")
    return value.lower() == "true"
