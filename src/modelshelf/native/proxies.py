"""Proxies on the way to a server: what HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY say."""

import base64
import ipaddress
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import SplitResult, unquote, urlsplit

from modelshelf.domain.errors import Invalid

DEFAULT_PORT: Final = 8080


@dataclass(frozen=True, slots=True)
class Proxy:
    """Where requests are sent to be passed on, and who says so."""

    host: str
    port: int
    authorization: str = field(default="", repr=False)

    @property
    def headers(self) -> dict[str, str]:
        return {"Proxy-Authorization": self.authorization} if self.authorization else {}


def proxy_for(url: str, environment: Mapping[str, str] | None = None) -> Proxy | None:
    """The proxy on the way to a URL; None for a direct way, as it always is within this machine.

    Raises Invalid for a proxy that is not spoken to over plain HTTP.
    """
    given = os.environ if environment is None else environment
    parts = urlsplit(url)
    host, port = (parts.hostname or "").lower(), _port(parts)
    names = (f"{parts.scheme}_proxy", f"{parts.scheme}_proxy".upper(), "all_proxy", "ALL_PROXY")
    in_cgi = "REQUEST_METHOD" in given  # where HTTP_PROXY is a header of whoever asks
    name = next((name for name in names if given.get(name) and not (in_cgi and name == "HTTP_PROXY")), "")
    if not name or _is_this_machine(host):
        return None
    if _is_excepted(host, port, given.get("no_proxy") or given.get("NO_PROXY") or ""):
        return None
    return _proxy(name, given[name])


def _port(parts: SplitResult) -> int | None:
    try:
        return parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    except ValueError:  # whoever connects tells what is wrong with it
        return None


def _proxy(name: str, text: str) -> Proxy:
    parts = urlsplit(text if "://" in text else f"http://{text}")
    try:
        host, port = parts.hostname, parts.port or DEFAULT_PORT
    except ValueError:
        host, port = None, 0
    if parts.scheme != "http" or not host:
        shown = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
        raise Invalid(
            f"{name} is {shown!r}; write it like http://proxy.example.com:3128, or put the server in NO_PROXY"
        )
    pair = f"{unquote(parts.username or '')}:{unquote(parts.password or '')}"
    basic = "Basic " + base64.b64encode(pair.encode()).decode() if parts.username else ""
    return Proxy(host, port, basic)


def _is_this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _is_excepted(host: str, port: int | None, exceptions: str) -> bool:
    """Whether NO_PROXY has the host, a domain above it, a network around it, or `*`; a port narrows an entry."""
    for entry in exceptions.lower().replace(" ", ",").split(","):
        name, colon, digits = entry.rpartition(":")
        wanted = int(digits) if colon and digits.isdigit() and name.count(":") == 0 else None
        name = (name if wanted is not None else entry).lstrip("*").lstrip(".")
        if entry.strip() == "*" or (name and wanted in (None, port) and _fits(host, name)):
            return True
    return False


def _fits(host: str, name: str) -> bool:
    if host == name.strip("[]") or host.endswith(f".{name}"):
        return True
    try:
        return ipaddress.ip_address(host) in ipaddress.ip_network(name, strict=False)
    except ValueError:
        return False
