"""One operation as the server runs it: read the request's parameters, call the method, encode the answer."""

import hashlib
import types
from collections.abc import Iterable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from modelshelf.domain.errors import Invalid
from modelshelf.native import conditions, paging, wire
from modelshelf.native.known_fields import KnownFields
from modelshelf.native.operations import Operation
from modelshelf.native.shapes import Parameter, as_told, is_list, shape, without_none
from modelshelf.services.registry import Registry

MOST_FIELDS = 1_000
Headers = tuple[tuple[bytes, bytes], ...]
_JSON = (b"content-type", wire.JSON)
_SECRET = frozenset({"password", "secret"})
"""No part of what is kept of a request: a hash as quick as that one could be searched for them."""

_NOTHING = frozenset({None, types.NoneType})


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked, as far as an operation looks at it; header names are in small letters."""

    parts: Mapping[str, str]
    query: bytes
    headers: Mapping[bytes, bytes]
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Reply:
    """What is answered."""

    status: int
    headers: Headers = ()
    body: bytes = b""


class _Form:
    """What an operation takes and answers, and the decoders that check it."""

    def __init__(self, operation: Operation) -> None:
        found = shape(operation)
        self.answer, self.has_points = found.answer, found.has_points
        self.lists = frozenset(name for name, each in found.parameters.items() if is_list(each.type))
        others = [each for name, each in found.parameters.items() if name not in operation.places]
        self.path = _struct(operation.method, [found.parameters[name] for name in operation.places], texts=True)
        self.rest = _struct(operation.method, others, texts=operation.in_query)
        self.known = KnownFields(self.rest)
        self.status = 201 if operation.creates else 204 if found.answer in _NOTHING else 200


class Call:
    """An operation, ready to be called."""

    def __init__(self, operation: Operation) -> None:
        self.operation = operation
        self._turn = operation.turn or nullcontext()

    @cached_property
    def _form(self) -> _Form:
        """Made when it is first needed: a server is up before it has looked at a hundred signatures."""
        return _Form(self.operation)

    def __call__(self, registry: Registry, request: Request) -> Reply:
        """Run the operation. Raises what its method raises, and Invalid for parameters that don't fit."""
        arguments = self._arguments(request)
        key = request.headers.get(b"idempotency-key") if self.operation.once else None
        if key is None:
            answer = self._called(registry, arguments)
        else:
            answer = self._called_once(registry, arguments, key.decode("latin-1"))
        if self._form.status == 204:
            return Reply(204)
        about = (*conditions.tags(answer), *paging.links(self.operation, answer, request.query, arguments))
        return Reply(self._form.status, (_JSON, *about), wire.encode(as_told(answer)))

    def _called(self, registry: Registry, arguments: dict[str, Any]) -> Any:
        with self._turn:
            return getattr(getattr(registry, self.operation.area), self.operation.method)(**arguments)

    def _called_once(self, registry: Registry, arguments: dict[str, Any], key: str) -> Any:
        told = {name: value for name, value in arguments.items() if name not in _SECRET}
        asked = wire.encode([self.operation.verb, self.operation.path, told])

        def work(inside: Registry) -> str:
            return wire.encode(self._called(inside, arguments)).decode()

        answered = registry.once(key, work, request=hashlib.sha256(asked).hexdigest())
        return wire.decode(answered.encode(), self._form.answer)

    def _arguments(self, request: Request) -> dict[str, Any]:
        form = self._form
        arguments = _fields(_converted(request.parts, form.path)) if self.operation.places else {}
        if self.operation.in_query:
            rest = _converted(self._queried(request.query), form.rest)
        else:
            rest = wire.decode_sent(request.body or b"{}", form.rest, form.known, points=form.has_points)
        arguments.update(_fields(rest))
        arguments.update(conditions.asked(self.operation, request.headers))
        return arguments

    def _queried(self, query: bytes) -> dict[str, Any]:
        """The fields of a query; those that are lists may be there several times, others once."""
        if not query:
            return {}
        try:
            pairs = parse_qsl(
                query.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=MOST_FIELDS
            )
        except ValueError:
            raise Invalid("the query cannot be read: it has to be percent-encoded UTF-8") from None
        found: dict[str, Any] = {}
        for name, text in pairs:
            if name in self._form.lists:
                found.setdefault(name, []).append(text)
            elif name in found:
                raise Invalid(f"invalid: `{name}` is there twice", field=name)
            else:
                found[name] = text
        return found


def _struct(name: str, parameters: Iterable[Parameter], *, texts: bool) -> type[msgspec.Struct]:
    """A type of the parameters; where they come as texts, None is spelled by leaving them out."""
    fields: list[Any] = []
    for each in parameters:
        kind = without_none(each.type) if texts else each.type
        fields.append((each.name, kind) if each.required else (each.name, kind, each.default))
    return msgspec.defstruct(name, fields, kw_only=True, forbid_unknown_fields=True)


def _converted(texts: Mapping[str, Any], kind: type[msgspec.Struct]) -> msgspec.Struct:
    """Texts of a path or query as the values that they spell."""
    try:
        return msgspec.convert(dict(texts), kind, strict=False)
    except msgspec.ValidationError as error:
        raise wire.unreadable(error) from None


def _fields(values: msgspec.Struct) -> dict[str, Any]:
    return {name: getattr(values, name) for name in values.__struct_fields__}
