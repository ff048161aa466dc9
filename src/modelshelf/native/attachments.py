"""The headers of a file that is sent: never shown by a browser as a page of ours, named safely, told by its digest."""

import base64
import re
from urllib.parse import quote

from modelshelf.domain.artifacts import Digest

Headers = tuple[tuple[bytes, bytes], ...]

_UNSAFE_IN_QUOTES = re.compile(r"[^A-Za-z0-9._ +=@~-]")
_TEXT_NAMES = frozenset({"mlmodel", "mlproject", "license", "readme", "dockerfile", "makefile"})
_TEXT_SUFFIXES = frozenset(
    {
        *("txt", "log", "err", "md", "rst", "csv", "tsv", "json", "jsonl", "yaml", "yml", "toml", "xml", "hocon"),
        *("cfg", "conf", "cnf", "cf", "ini", "prop", "properties", "js", "py", "sh", "sql"),
    }
)
_TYPES = {
    "html": b"text/html",
    "htm": b"text/html",
    "css": b"text/css",
    "svg": b"image/svg+xml",
    "png": b"image/png",
    "jpg": b"image/jpeg",
    "jpeg": b"image/jpeg",
    "gif": b"image/gif",
    "webp": b"image/webp",
    "pdf": b"application/pdf",
    "tar": b"application/x-tar",
    "zip": b"application/zip",
}
_FIXED: Headers = (
    (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", b"sandbox; default-src 'none'"),
    (b"accept-ranges", b"bytes"),
    (b"cache-control", b"no-cache"),
)


def headers(name: str, digest: str) -> Headers:
    """All headers but the length, for a file of this name and digest."""
    return (
        (b"content-type", content_type(name)),
        (b"content-disposition", disposition(name)),
        (b"etag", etag(digest)),
        (b"repr-digest", b"sha-256=:" + base64.b64encode(bytes.fromhex(Digest.parse(digest).hex)) + b":"),
        *_FIXED,
    )


def etag(digest: str) -> bytes:
    """The entity tag of some bytes."""
    return b'"' + digest.encode() + b'"'


def disposition(name: str) -> bytes:
    """An attachment of this name; what is not plain is percent-encoded, and replaced for old clients (RFC 6266)."""
    plain = _UNSAFE_IN_QUOTES.sub("_", name)
    found = f'attachment; filename="{plain}"'
    if plain != name:
        found += f"; filename*=UTF-8''{quote(name, safe='')}"
    return found.encode()


def content_type(name: str) -> bytes:
    """What a name says about its file; the table is fixed, so that it is the same on every machine."""
    stem, dot, suffix = name.lower().rpartition(".")
    if suffix in _TEXT_SUFFIXES or (not dot and suffix in _TEXT_NAMES) or (dot and not stem and suffix in _TEXT_NAMES):
        return b"text/plain"
    return _TYPES.get(suffix, b"application/octet-stream") if dot else b"application/octet-stream"
