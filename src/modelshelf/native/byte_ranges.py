"""What a request says of ranges: Range, If-Range, If-None-Match and Content-Range headers (RFC 9110), pure."""

import re
from dataclasses import dataclass

from modelshelf.domain.errors import Invalid

_CONTENT_RANGE = re.compile(rb"bytes (\d{1,18})-(\d{1,18})/(\d{1,18})")
_RANGE = re.compile(rb"bytes[ \t]*=[ \t]*(\d{0,19})[ \t]*-[ \t]*(\d{0,19})[ \t]*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Span:
    """Some consecutive bytes."""

    start: int
    length: int


@dataclass(frozen=True, slots=True)
class Unsatisfiable:
    """A range that begins behind the end of the file."""


def span(header: bytes | None, size: int) -> Span | Unsatisfiable | None:
    """The one range that a Range header asks for; None is the whole file, also for several ranges and other units."""
    match = _RANGE.fullmatch(header.strip()) if header else None
    if match is None or match[0] is None:
        return None
    first, last = match[1], match[2]
    if not first:
        return _suffix(int(last), size) if last else None
    start = int(first)
    if last and int(last) < start:
        return None
    if start >= size:
        return Unsatisfiable()
    return Span(start, min(int(last) if last else size - 1, size - 1) - start + 1)


def _suffix(length: int, size: int) -> Span | Unsatisfiable:
    length = min(length, size)
    return Span(size - length, length) if length else Unsatisfiable()


def content_span(header: bytes | None) -> tuple[int, int]:
    """Where the bytes of a body begin, and how many there are of the whole, as Content-Range tells. Raises Invalid."""
    match = _CONTENT_RANGE.fullmatch(header.strip()) if header else None
    if match is None or not int(match[1]) <= int(match[2]) == int(match[3]) - 1:
        raise Invalid("the body has to be the rest of the whole: send Content-Range: bytes FIRST-LAST/SIZE")
    return int(match[1]), int(match[3])


def names_entity(header: bytes | None, etag: bytes) -> bool:
    """Whether an If-None-Match header names an entity tag, or any."""
    if header is None:
        return False
    listed = [tag.strip().removeprefix(b"W/") for tag in header.split(b",")]
    return etag in listed or b"*" in listed


def still_wanted(if_range: bytes | None, etag: bytes) -> bool:
    """Whether a range holds: where the client has a part of another file already, it gets the whole."""
    return if_range is None or if_range.strip() == etag
