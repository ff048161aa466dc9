"""The words on the wire: JSON for domain values, and errors as problem+json (RFC 9457), in both directions."""

import logging
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import msgspec

from modelshelf.domain import errors
from modelshelf.domain.errors import Invalid, ShelfError, Unavailable
from modelshelf.domain.tracking import MetricPoint
from modelshelf.native.known_fields import KnownFields

JSON: Final = b"application/json"
PROBLEM: Final = b"application/problem+json"
_LARGEST = 1.7976931348623157e308
_log = logging.getLogger("modelshelf.native")

STATUS: Mapping[type[ShelfError], int] = {
    errors.Invalid: 400,
    errors.Unauthenticated: 401,
    errors.Forbidden: 403,
    errors.Untrusted: 403,
    errors.NotFound: 404,
    errors.AlreadyExists: 409,
    errors.Conflict: 409,
    errors.Throttled: 429,
    errors.Unavailable: 503,
    errors.StorageFull: 507,
    errors.ShelfError: 500,
}
_OPAQUE = {
    503: "the registry cannot be reached just now; try again",
    507: "the registry's storage is full or cannot be written; nothing was changed",
    500: "the request failed in the registry",
}


@dataclass(frozen=True, slots=True)
class Problem:
    """An error as it is sent; `headers` go with it."""

    status: int
    body: bytes
    headers: tuple[tuple[bytes, bytes], ...]


def _sendable(value: Any) -> Any:
    """Values that JSON has another type for."""
    for kind in (str, int, float):
        if isinstance(value, kind):
            return kind(value)
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, Iterable):
        return list(value)
    raise NotImplementedError


encode = msgspec.json.Encoder(enc_hook=_sendable).encode
"""JSON of a domain value. A value of a metric that is NaN becomes null."""


def encode_request(value: Any) -> bytes:
    """JSON of what is sent to a server. Raises Invalid for what JSON can't hold."""
    try:
        return encode(value)
    except UnicodeEncodeError as error:
        raise Invalid(f"a text that is not valid Unicode cannot be sent: {error.reason}") from None
    except (TypeError, OverflowError, NotImplementedError, RecursionError) as error:
        raise Invalid(f"cannot be sent to a server: {error}") from None


def finite(points: Iterable[MetricPoint]) -> list[MetricPoint]:
    """Points as JSON can hold them: infinities become the largest numbers, as the registry would make of them."""
    return [replace(point, value=_within(point.value)) for point in points]


def _within(value: float) -> float:
    if not isinstance(value, int | float) or value != value:  # noqa: PLR0124 - NaN, also beside ints of any size
        return value
    return value if -_LARGEST <= value <= _LARGEST else math.copysign(_LARGEST, 1 if value > 0 else -1)


def decode(content: bytes, kind: Any, *, points: bool = False) -> Any:
    """A value of a type from JSON; `points` where it may hold metric points, of which null is NaN.

    Raises Invalid, naming the field, where the JSON is none or doesn't fit.
    """
    try:
        if points and b"null" in content:
            return msgspec.convert(with_nan(msgspec.json.decode(content)), kind)
        return msgspec.json.decode(content, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise unreadable(error) from None


def decode_sent(content: bytes, kind: Any, known: KnownFields, *, points: bool = False) -> Any:
    """The same of what a client sent, of whose fields none may be unknown."""
    if not known.are_for_granted and (wrong := known.unknown(content)):
        raise Invalid(f"invalid: {wrong}", field=wrong.split("`")[1])
    try:
        return decode(content, kind, points=points)
    except Invalid as error:
        if wrong := known.unknown(content):
            raise Invalid(f"invalid: {wrong}", field=wrong.split("`")[1]) from error
        raise


def with_nan(value: Any) -> Any:
    """Decoded JSON whose metric points have NaN for null."""
    if isinstance(value, list):
        return [with_nan(each) for each in value]
    if not isinstance(value, dict):
        return value
    if "time_ms" in value and "key" in value and value.get("value", 0) is None:
        return {**value, "value": math.nan}
    return {key: with_nan(each) for key, each in value.items()}


def unreadable(error: Exception) -> Invalid:
    """What a decoder found wrong, with the field's name."""
    text = str(error)
    if isinstance(error, msgspec.ValidationError):
        what, _, place = text.partition(" - at `")
        field = place.removesuffix("`").removeprefix("$").removeprefix(".")
        return Invalid(f"invalid: {what}{f' in `{field}`' if field else ''}", field=field)
    return Invalid(f"invalid: the body is not JSON that can be read ({text})")


def status_of(error: Exception) -> int:
    """The status of an error, by the nearest of its classes."""
    return next((STATUS[kind] for kind in type(error).__mro__ if kind in STATUS), 500)


def problem(error: Exception, *, request_id: str, status: int | None = None) -> Problem:
    """An error as it is sent: what may say too much about this machine is logged, and told by the request's id."""
    status = status or status_of(error)
    known = error if isinstance(error, ShelfError) else ShelfError("")
    detail, details = known.message, known.details
    if isinstance(error, Unavailable) or not isinstance(error, ShelfError):
        _log.error("request %s failed: %s", request_id, error, exc_info=None if known is error else error)
        detail, details = f"{_OPAQUE.get(status, _OPAQUE[500])} (request {request_id})", {}
    body = {
        "type": f"urn:modelshelf:problem:{known.code}",
        "title": _title(type(known)),
        "status": status,
        "detail": detail,
        "code": known.code,
        "details": details,
        "request_id": request_id,
    }
    return Problem(status, _encoded(body), (*_HEADERS.get(status, ()), *_wait(known)))


_HEADERS: Mapping[int, tuple[tuple[bytes, bytes], ...]] = {
    401: ((b"www-authenticate", b'Basic realm="Modelshelf", charset="UTF-8"'),),
    503: ((b"retry-after", b"1"),),
}


def _wait(error: ShelfError) -> tuple[tuple[bytes, bytes], ...]:
    seconds = error.details.get("retry_after")
    return ((b"retry-after", str(seconds).encode()),) if isinstance(seconds, int) else ()


def _title(kind: type[ShelfError]) -> str:
    return (kind.__doc__ or "").partition("\n")[0].partition("; ")[0].rstrip(".")


def _encoded(body: dict[str, Any]) -> bytes:
    try:
        return encode(body)
    except (UnicodeEncodeError, TypeError, OverflowError, NotImplementedError):
        shown = body["detail"].encode(errors="backslashreplace").decode()
        return encode({**body, "detail": shown, "details": {}})


def error_from(status: int, content: bytes, *, place: str) -> ShelfError:
    """The error that a server answered, of the class that it had there."""
    try:
        said = msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError):
        said = None
    if not isinstance(said, dict) or not isinstance(said.get("code"), str):
        return _foreign(status, place)
    kind = _classes().get(said["code"]) or next((known for known, of in STATUS.items() if of == status), ShelfError)
    details = said.get("details")
    error = kind(str(said.get("detail", "")))
    error.details = details if isinstance(details, dict) else {}
    return error


def _foreign(status: int, place: str) -> ShelfError:
    if status in {401, 403, 407}:
        return errors.Unauthenticated(f"{place} answered {status}; check the token, or user name and password")
    hint = "; is this the address of a Modelshelf server?" if status < 500 else "; try again later"
    return Unavailable(f"{place} answered {status}{hint}", status=status)


def _classes() -> dict[str, type[ShelfError]]:
    found: dict[str, type[ShelfError]] = {}
    waiting: list[type[ShelfError]] = [ShelfError]
    while waiting:
        kind = waiting.pop()
        if kind.__module__ == errors.__name__:
            found[kind.code] = kind
        waiting += kind.__subclasses__()
    return found
