"""Failures as MLflow's clients know them: a status, one of MLflow's codes, and a message."""

import logging
from dataclasses import dataclass
from typing import Self

import msgspec

from modelshelf.domain import errors
from modelshelf.domain.errors import ShelfError

_log = logging.getLogger("modelshelf.mlflow_api")

STATUS = {
    "INVALID_PARAMETER_VALUE": 400,
    "BAD_REQUEST": 400,
    "RESOURCE_ALREADY_EXISTS": 400,
    "UNAUTHENTICATED": 401,
    "PERMISSION_DENIED": 403,
    "RESOURCE_DOES_NOT_EXIST": 404,
    "ENDPOINT_NOT_FOUND": 404,
    "RESOURCE_CONFLICT": 409,
    "REQUEST_LIMIT_EXCEEDED": 429,
    "INTERNAL_ERROR": 500,
    "NOT_IMPLEMENTED": 501,
    "TEMPORARILY_UNAVAILABLE": 503,
    "RESOURCE_EXHAUSTED": 507,
}
_CODES: dict[type[ShelfError], str] = {
    errors.Invalid: "INVALID_PARAMETER_VALUE",
    errors.NotFound: "RESOURCE_DOES_NOT_EXIST",
    errors.AlreadyExists: "RESOURCE_ALREADY_EXISTS",
    errors.Conflict: "INVALID_PARAMETER_VALUE",
    errors.VersionInUse: "RESOURCE_CONFLICT",
    errors.AliasMoved: "RESOURCE_CONFLICT",
    errors.GateFailed: "RESOURCE_CONFLICT",
    errors.Forbidden: "PERMISSION_DENIED",
    errors.Unauthenticated: "UNAUTHENTICATED",
    errors.Throttled: "REQUEST_LIMIT_EXCEEDED",
    errors.Untrusted: "PERMISSION_DENIED",
    errors.Unavailable: "TEMPORARILY_UNAVAILABLE",
    errors.StorageFull: "RESOURCE_EXHAUSTED",
}
_CLASSES = {
    "BAD_REQUEST": "INVALID_PARAMETER_VALUE",
    "ENDPOINT_NOT_FOUND": "RESOURCE_NOT_FOUND",
    "INVALID_PARAMETER_VALUE": "INVALID_PARAMETER_VALUE",
    "PERMISSION_DENIED": "PERMISSION_DENIED",
    "RESOURCE_ALREADY_EXISTS": "RESOURCE_ALREADY_EXISTS",
    "RESOURCE_DOES_NOT_EXIST": "RESOURCE_NOT_FOUND",
}
_CHALLENGE = (b"www-authenticate", b'Basic realm="Modelshelf", charset="UTF-8"')
_SQL_STATE = "KAM00"
"""What MLflow calls the state of all failures that are the client's."""
_OPAQUE = {
    "TEMPORARILY_UNAVAILABLE": "the registry cannot be reached just now; try again",
    "RESOURCE_EXHAUSTED": "the registry's storage is full or cannot be written; nothing was changed",
    "INTERNAL_ERROR": "the request failed in the registry",
}


class Refusal(Exception):
    """A failure that only MLflow's protocol knows, or knows by another code than that of its class."""

    def __init__(self, code: str, message: str, *, status: int | None = None) -> None:
        super().__init__(message)
        self.code, self.message, self.status = code, message, status or STATUS[code]

    @classmethod
    def invalid(cls, message: str) -> Self:
        """A parameter that can't be right."""
        return cls("INVALID_PARAMETER_VALUE", message)

    @classmethod
    def missing(cls, name: str) -> Self:
        """A parameter that has to be there."""
        return cls.invalid(f"Missing value for required parameter '{name}'.")


@dataclass(frozen=True, slots=True)
class Answer:
    """What is sent back: a status, headers besides the length and the type, and JSON."""

    status: int
    body: bytes
    headers: tuple[tuple[bytes, bytes], ...] = ()


def answer(error: Exception, *, request_id: str) -> Answer:
    """The answer to a failure; what may say too much about this machine is logged instead of sent."""
    code, message = _code(error), getattr(error, "message", "")
    status = error.status if isinstance(error, Refusal) else STATUS[code]
    if code in _OPAQUE:
        _log.error("%s: %s", code, error, exc_info=None if isinstance(error, ShelfError) else error)
        message = f"{_OPAQUE[code]} (request {request_id})"
    headers: tuple[tuple[bytes, bytes], ...] = ()
    if status in {429, 503}:
        seconds = getattr(error, "details", {}).get("retry_after", 1)
        headers = ((b"retry-after", str(seconds).encode()),)
    elif status == 401:
        headers = (_CHALLENGE,)
    body = {"error_code": code, "message": message}
    if code in _CLASSES:
        body |= {"sqlstate": _SQL_STATE, "error_class": _CLASSES[code]}
    return Answer(status, msgspec.json.encode(body), headers)


def _code(error: Exception) -> str:
    if isinstance(error, Refusal):
        return error.code
    for kind in type(error).__mro__:
        if kind in _CODES:
            return _CODES[kind]
    return "INTERNAL_ERROR"
