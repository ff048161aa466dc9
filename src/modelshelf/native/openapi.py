"""The OpenAPI 3.1 document of the native API, made of the table of operations and the types of its methods."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import msgspec

from modelshelf.domain.access import Actor
from modelshelf.domain.artifacts import BlobParts, Finding
from modelshelf.native import conditions
from modelshelf.native.operations import OPERATIONS, PREFIX, Operation
from modelshelf.native.shapes import Parameter, Shape, is_list, shape

Json = dict[str, Any]

_INTRODUCTION = """\
Modelshelf's own API. Names and keys stand percent-encoded in paths; what GET and DELETE take comes in the query, what
the others take in a JSON object, of which unknown fields are refused. Times are milliseconds since the epoch, UTC.

Errors are `application/problem+json` (RFC 9457) with a stable `code`. Creations and moves take an `Idempotency-Key`:
sent again within a day, they answer what they answered and do nothing. Answers that tell where an alias is carry an
`ETag`, which `If-Match` asks for. Pages of searches and events are linked by `Link: <...>; rel="next"`.
"""
_REFERENCE = "#/components/schemas/{name}"
_DIGEST: Json = {"type": "string", "pattern": "^sha256:[0-9a-f]{64}$"}
_PROBLEM: Json = {
    "type": "object",
    "required": ["type", "title", "status", "detail", "code", "details", "request_id"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"type": "string"},
        "details": {"type": "object"},
        "request_id": {"type": "string"},
    },
}


@lru_cache(maxsize=1)
def content() -> Json:
    """The document. Made once."""
    shapes = {operation: shape(operation) for operation in OPERATIONS}
    hints = [_answer(found) for found in shapes.values() if _answer(found) is not None]
    hints += [each.type for found in shapes.values() for each in found.parameters.values()]
    hints += [Actor, BlobParts, Finding]
    schemas, components = msgspec.json.schema_components(hints, ref_template=_REFERENCE)
    of_hint = dict(zip(map(repr, hints), schemas, strict=True))
    _amend(components)
    paths: dict[str, Json] = {}
    for operation, found in shapes.items():
        paths.setdefault(PREFIX + operation.path, {})[operation.verb.lower()] = _operation(operation, found, of_hint)
    for (verb, path), told in _streams().items():
        paths.setdefault(PREFIX + path, {})[verb.lower()] = told
    return {
        "openapi": "3.1.0",
        "info": {"title": "Modelshelf", "version": _version(), "description": _INTRODUCTION},
        "paths": paths,
        "components": {
            "schemas": {**components, "Problem": _PROBLEM},
            "responses": {
                "Problem": _told("What went wrong.", {"$ref": "#/components/schemas/Problem"}, "problem+json")
            },
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer"},
                "password": {"type": "http", "scheme": "basic"},
            },
        },
        "security": [{}, {"token": []}, {"password": []}],
    }


@lru_cache(maxsize=1)
def document() -> bytes:
    """The document as JSON."""
    return msgspec.json.encode(content())


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version  # slow to load

    try:
        return version("modelshelf")
    except PackageNotFoundError:  # run from its sources
        return "0"


def _answer(found: Shape) -> Any:
    return None if found.answer is type(None) else found.answer


def _amend(components: dict[str, Json]) -> None:
    """What the types alone don't say."""
    components["MetricPoint"]["properties"]["value"] = {"type": ["number", "null"], "description": "null is NaN"}


def _operation(operation: Operation, found: Shape, of_hint: Mapping[str, Json]) -> Json:
    in_path = [found.parameters[name] for name in operation.places]
    others = [each for name, each in found.parameters.items() if name not in operation.places]
    told: Json = {
        "operationId": _name(operation),
        "tags": [operation.area],
        "summary": found.says.partition("\n")[0],
        "description": found.says.replace("\n", " ").strip(),
        "parameters": [
            {"name": each.name, "in": "path", "required": True, "schema": of_hint[repr(each.type)]} for each in in_path
        ],
        "responses": _responses(operation, found, of_hint),
    }
    if operation.in_query:
        told["parameters"] += [_queried(each, of_hint) for each in others]
    elif others:
        told["requestBody"] = {
            "required": any(each.required for each in others),
            "content": {"application/json": {"schema": _object(others, of_hint)}},
        }
    told["parameters"] += _headers(operation)
    return told


def _name(operation: Operation) -> str:
    """The method's own name for the first of its operations; a second one takes the same in its body."""
    first = next(each for each in OPERATIONS if (each.area, each.method) == (operation.area, operation.method))
    return f"{operation.area}.{operation.method}{'' if operation is first else '.body'}"


def _queried(parameter: Parameter, of_hint: Mapping[str, Json]) -> Json:
    schema = _defaulted(_without_null(of_hint[repr(parameter.type)]), parameter)
    told: Json = {"name": parameter.name, "in": "query", "required": parameter.required, "schema": schema}
    return {**told, "style": "form", "explode": True} if is_list(parameter.type) else told


def _object(parameters: Sequence[Parameter], of_hint: Mapping[str, Json]) -> Json:
    return {
        "type": "object",
        "properties": {each.name: _defaulted(of_hint[repr(each.type)], each) for each in parameters},
        "required": [each.name for each in parameters if each.required],
        "additionalProperties": False,
    }


def _defaulted(schema: Json, parameter: Parameter) -> Json:
    if parameter.required or parameter.default is None:
        return schema
    default = msgspec.to_builtins(parameter.default)
    return {**schema, "default": list(default) if isinstance(default, tuple) else default}


def _without_null(schema: Json) -> Json:
    """In a query, None is left out."""
    kinds = [kind for kind in schema.get("anyOf", ()) if kind != {"type": "null"}]
    if not kinds:
        return schema
    return kinds[0] if len(kinds) == 1 else {"anyOf": kinds}


def _headers(operation: Operation) -> list[Json]:
    told: list[Json] = []
    if operation.once:
        told.append(_header("Idempotency-Key", "Chosen by the client, such as a UUID."))
    if operation.method in conditions.CONDITIONAL:
        told.append(_header("If-Match", "The ETag that the alias was answered with; else 412."))
    return told


def _header(name: str, says: str) -> Json:
    return {"name": name, "in": "header", "required": False, "description": says, "schema": {"type": "string"}}


def _responses(operation: Operation, found: Shape, of_hint: Mapping[str, Json]) -> Json:
    told: Json = {"default": {"$ref": "#/components/responses/Problem"}}
    if _answer(found) is None:
        return {"204": {"description": "Done."}, **told}
    answer = _told("The answer.", of_hint[repr(found.answer)])
    if operation.method == "after":
        answer["content"]["text/event-stream"] = {"schema": {"type": "string"}}
    return {"201" if operation.creates else "200": answer, **told}


def _told(says: str, schema: Json, kind: str = "json") -> Json:
    return {"description": says, "content": {f"application/{kind}": {"schema": schema}}}


def _streams() -> dict[tuple[str, str], Json]:
    """What is not a call of a method with JSON."""
    digest: Json = {"name": "digest", "in": "path", "required": True, "schema": _DIGEST}
    stored = _told("What is stored.", {"$ref": "#/components/schemas/StoredBlob"})
    many = _told("What is stored.", {"type": "array", "items": {"$ref": "#/components/schemas/StoredBlob"}})
    octets: Json = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}
    framed: Json = {"application/vnd.modelshelf.blobs": {"schema": {"type": "string", "format": "binary"}}}
    blobs = {"description": "The blobs, in the order in which they were asked for.", "content": framed}
    upload: Json = {"name": "upload", "in": "path", "required": True, "schema": {"type": "string"}}
    rest = {**_header("Content-Range", "bytes 0-1048575/1048576"), "required": True}
    lines: Json = {"application/x-ndjson": {"schema": {"type": "string"}}}
    found = {"description": "The bytes, or those of the Range that was asked for.", "content": octets}
    return {
        ("PUT", "/blobs"): _stream("upload_many", "201", many, body=framed),
        ("PUT", "/blobs/new"): _stream("upload_new", "201", stored, body=octets),
        ("PUT", "/blobs/{digest}"): _stream("upload", "201", stored, digest, body=octets),
        ("GET", "/blobs/{digest}"): _stream("download", "200", found, digest, _header("Range", "bytes=0-4194303")),
        ("GET", "/blobs/{digest}/parts"): _stream("parts", "200", _refer("BlobParts"), digest),
        ("POST", "/blobs/fetch"): _stream("download_many", "200", blobs, body=_WANTED),
        ("PUT", "/uploads/{upload}"): _stream("continue_upload", "201", stored, upload, rest, body=octets),
        ("GET", "/findings"): _stream("verify", "200", {"description": "One finding a line.", "content": lines}),
        ("GET", "/me"): {**_stream("caller", "200", _refer("Actor")), "tags": ["access"]},
    }


_WANTED: Json = {
    "application/json": {
        "schema": {
            "type": "object",
            "properties": {"digests": {"type": "array", "items": {"type": "string"}}},
            "required": ["digests"],
        }
    }
}


def _refer(name: str) -> Json:
    return _told("The answer.", {"$ref": _REFERENCE.format(name=name)})


def _stream(name: str, status: str, answer: Json, *parameters: Json, body: Json | None = None) -> Json:
    told: Json = {
        "operationId": f"artifacts.{name}",
        "tags": ["artifacts"],
        "summary": _SAID[name],
        "parameters": list(parameters),
        "responses": {status: answer, "default": {"$ref": "#/components/responses/Problem"}},
    }
    return told if body is None else {**told, "requestBody": {"required": False, "content": body}}


_SAID = {
    "upload_many": "Store many blobs, all or none: before the bytes of each, a line `sha256:<digest> <size>`.",
    "upload_new": "Store bytes under whatever their digest is.",
    "upload": "Store bytes under their digest; refused where they have another one.",
    "download": "The bytes of a blob, whole or a range, verified before the last of them leaves.",
    "parts": "The digests of a blob's parts, by which each can be verified alone.",
    "download_many": "Blobs of up to 1 MiB each: before the bytes of each, a line `sha256:<digest> <size>`.",
    "continue_upload": "Send the rest of an upload, under a name of 32 hexadecimal digits that the client made up.",
    "verify": 'Hash all stored bytes again: a JSON object a line for each fault; {"read": BYTES} in between, {} last.',
    "caller": "Who is asking, as the ledger would have it.",
}
