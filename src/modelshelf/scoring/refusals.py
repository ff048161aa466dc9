"""What a scorer answers where it has no prediction to give."""

from dataclasses import dataclass, field
from typing import Any

import msgspec

from modelshelf.domain.errors import Invalid, NotFound, ShelfError, SignatureMismatch

Headers = list[tuple[str, str]]

JSON = ("content-type", "application/json")
_NOT_SNIFFED = ("x-content-type-options", "nosniff")
_CODES = {
    400: "BAD_REQUEST",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "ENDPOINT_NOT_FOUND",
    405: "ENDPOINT_NOT_FOUND",
    413: "REQUEST_LIMIT_EXCEEDED",
    415: "BAD_REQUEST",
    503: "TEMPORARILY_UNAVAILABLE",
}
_SHOWN = 2_000


class Refused(Invalid):
    """A request that is not answered, with the status that says so."""

    def __init__(self, message: str, *, status: int, **details: Any) -> None:
        super().__init__(message, **details)
        self.status = status


class ModelFailed(Exception):
    """The model's own failure; `__cause__` tells what it was, to the log and to nobody else."""


class CellsMissing(Exception):
    """The model failed, and what it was given has cells without a number: most likely it can't do without."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back over HTTP."""

    status: int
    body: bytes
    content_type: tuple[str, str] = JSON
    headers: Headers = field(default_factory=list)

    def head(self, *more: tuple[str, str]) -> Headers:
        """All headers."""
        return [self.content_type, _NOT_SNIFFED, *self.headers, *more]


def refusal(error: Exception, *, request_id: str, is_v2: bool) -> Answer:
    """The answer to a request that came to nothing. What a model or this program did wrong is told to the log alone."""
    status = _status(error)
    if status == 500:
        message = f"the model failed; the server's log tells more under the id {request_id}"
    else:
        message = (error.message if isinstance(error, ShelfError) else str(error))[:_SHOWN]
    headers = [("retry-after", "1")] if status == 503 else []
    if status == 401:
        headers.append(("www-authenticate", 'Bearer realm="modelshelf"'))
    content: dict[str, Any] = {"error": message} if is_v2 else {"error_code": _code(error, status), "message": message}
    content["request_id"] = request_id
    column = error.details.get("column") if isinstance(error, ShelfError) else None
    if column is not None:
        content["column"] = str(column)
    return Answer(status, msgspec.json.encode(content), headers=headers)


def _status(error: Exception) -> int:
    if isinstance(error, Refused):
        return error.status
    if isinstance(error, NotFound):
        return 404
    return 400 if isinstance(error, Invalid | CellsMissing) else 500


def _code(error: Exception, status: int) -> str:
    if isinstance(error, SignatureMismatch | CellsMissing):
        return "INVALID_PARAMETER_VALUE"
    return _CODES.get(status, "INTERNAL_ERROR")
