"""What a page of somebody else may make a browser send here, and is refused: pure functions of a request's head.

The dispatcher calls `refusal(scope["headers"], scope["method"], scope["path"], allowed)` for every request, before it
looks at credentials; where that is a text, it answers 403 with it. `allowed` is made once, when the server starts:
`allowed_hosts(host, port, listed)`. Where a protocol prescribes another answer to a wrong content type (MLflow: 400, by
its own adapter), call `origin_refusal` alone.

Programs send no Origin and no Sec-Fetch-Site, so all that they meet is the list of hosts, which is what stops a foreign
name that was pointed at this machine (DNS rebinding).
"""

import re
from collections.abc import Collection, Iterable, Sequence
from functools import lru_cache

from modelshelf.domain.errors import Invalid
from modelshelf.hosting.exposure import is_loopback

Headers = Sequence[tuple[bytes, bytes]]

_HOST = re.compile(r"(\[[0-9a-f:.]{2,45}\]|[a-z0-9_]([a-z0-9_.\-]{0,252}))(?::(\d{1,5}))?", re.ASCII)
_ORIGIN = re.compile(r"(https?)://([^/\s]+)", re.ASCII)
_LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
_DEFAULT_PORTS = {"http": "80", "https": "443"}
_LONGEST_NAME = 300
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_ONCE = frozenset({b"host", b"origin", b"authorization", b"content-type", b"sec-fetch-site"})
_JSON_METHODS = frozenset({"POST", "PATCH"})
_JSON_ROUTES = ("/api/", "/ajax-api/")
_CONTENT = frozenset({b"application/json", b"application/octet-stream"})
"""Types that no page of another origin can send without asking first, which is never granted. The second is for batches
of files."""

_BYTES_ROUTES = ("/ajax-api/2.0/mlflow/upload-artifact", "/api/2.0/mlflow/upload-artifact")
"""Routes below those of JSON that take a file in a POST. (A PUT takes anything: no page can send one unasked.)"""


def allowed_hosts(host: str, port: int, listed: Iterable[str] = ()) -> frozenset[str]:
    """The hosts that requests may name: where the server listens, the names of loopback if it listens there, and those
    listed by whoever started it (`models.example.com`, `localhost:8080`), each with its port unless that is 80 or 443.

    Raises Invalid for a listed host that is none; there are no wildcards.
    """
    shown = f"[{host}]" if ":" in host and not host.startswith("[") else host
    everywhere = host in {"", "0.0.0.0", "::", "[::]"}  # noqa: S104 - compared, not listened on
    names = [] if everywhere else [shown]
    if everywhere or is_loopback(host):
        names += _LOOPBACK
    return frozenset(_listed(name) for name in [*(f"{name}:{port}" for name in names), *listed])


def refusal(scope_headers: Headers, method: str, path: str, allowed_hosts: Collection[str]) -> str | None:
    """Why the request is refused, or None."""
    return origin_refusal(scope_headers, method, allowed_hosts) or content_refusal(scope_headers, method, path)


def origin_refusal(headers: Headers, method: str, allowed_hosts: Collection[str]) -> str | None:
    """Whether the request names one of our hosts, and doesn't come from a page of another origin."""
    found: dict[bytes, bytes] = {}
    for name, value in headers:
        if name in _ONCE:
            if name in found:
                return f"the header {name.decode()} was sent twice"
            found[name] = value
    host = _authority(found.get(b"host", b"")[:_LONGEST_NAME])
    if host is None or host not in allowed_hosts:
        return _foreign_host(host)
    return _foreign_origin(found, method, allowed_hosts) or _foreign_site(found, headers, method)


def content_refusal(headers: Headers, method: str, path: str) -> str | None:
    """Whether a route of JSON got something that a form of any page could have sent."""
    if method not in _JSON_METHODS or not path.startswith(_JSON_ROUTES) or path in _BYTES_ROUTES:
        return None
    kind = _value(headers, b"content-type").partition(b";")[0].strip().lower()
    return None if kind in _CONTENT else "the body must be JSON: send Content-Type: application/json"


def _foreign_host(host: str | None) -> str:
    if host is None:
        return "the request names no host that could be read"
    return f"the request is for {host}, which is not a name of this server; list it with --allowed-hosts if it is one"


def _foreign_origin(found: dict[bytes, bytes], method: str, allowed_hosts: Collection[str]) -> str | None:
    """An unsafe method from a page needs an origin that is exactly ours: another port of this machine is foreign.

    The scheme is not compared, because a proxy in front may speak TLS; a browser calls a page of the other scheme
    cross-site, and that is refused below.
    """
    if method in _SAFE or b"origin" not in found:
        return None
    if _origin(found[b"origin"][:_LONGEST_NAME]) in allowed_hosts:
        return None
    return "the request comes from a page of another origin; nothing is changed on its behalf"


def _foreign_site(found: dict[bytes, bytes], headers: Headers, method: str) -> str | None:
    """Pages of other sites may link here, and nothing else: no forms, scripts, images, frames or fetches."""
    site = found.get(b"sec-fetch-site")
    if site is None or site in {b"same-origin", b"none"}:
        return None
    is_link = _value(headers, b"sec-fetch-mode") == b"navigate" and _value(headers, b"sec-fetch-dest") == b"document"
    if method in _SAFE and is_link:
        return None
    return "the request was made by a page of another site; open this server's own pages instead"


def _value(headers: Headers, wanted: bytes) -> bytes:
    return next((value for name, value in headers if name == wanted), b"")


@lru_cache(maxsize=1024)
def _authority(raw: bytes) -> str | None:
    """`host:port` in small letters, without the port where it is a default one; None for what is no host."""
    found = _HOST.fullmatch(raw.decode("latin-1").lower())
    if found is None:
        return None
    name, port = found[1].removesuffix("."), found[3]
    return name if port in {None, *_DEFAULT_PORTS.values()} else f"{name}:{int(port)}"


@lru_cache(maxsize=1024)
def _origin(raw: bytes) -> str | None:
    """The authority of an origin; None for `null` and whatever else is no page of ours."""
    found = _ORIGIN.fullmatch(raw.decode("latin-1").lower())
    if found is None:
        return None
    scheme, authority = found[1], found[2]
    other = "443" if scheme == "http" else "80"
    return None if authority.endswith(f":{other}") else _authority(authority.encode("latin-1"))


def _listed(text: str) -> str:
    found = _authority(text.strip().encode("utf-8", "replace"))
    if found is None:
        raise Invalid(f"{text!r} is not a host; write it like models.example.com or localhost:8080", host=text)
    return found
