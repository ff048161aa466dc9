"""Where a webhook's deliveries go: a URL, read once and by one parser; what is connected to are its parts."""

import re
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address, IPv6Address

from modelshelf.domain.errors import Invalid

URL_LIMIT = 2_000
HOST_LIMIT = 253

_URL = re.compile(r"(https?)://([^/?#]*)([/?][\x21\x22\x24-\x5b\x5d-\x7e]*)?", re.IGNORECASE)
_PLACE = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^:\[\]]+)(?::(\d{1,5}))?", re.ASCII)
_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?", re.ASCII)
_LIKE_A_NUMBER = re.compile(r"\d+|0x[0-9a-f]*", re.ASCII)
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Target:
    """A URL in parts; `host` is a name in small letters or an address, without brackets; `path` has the query too."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def address(self) -> IPv4Address | IPv6Address | None:
        """The address, where the URL has one and no name."""
        return IPv6Address(self.host) if ":" in self.host else _ipv4(self.host)

    @property
    def place(self) -> str:
        """Host and port as the Host header has them."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def origin(self) -> str:
        """The URL as far as it holds no secret."""
        return f"{self.scheme}://{self.place}"


def target(text: object) -> Target:
    """Read a URL. Raises Invalid for what is not http(s), has a user or a password in it, or has two readings."""
    if not isinstance(text, str):
        raise Invalid(f"a webhook's URL must be a text, not {type(text).__name__}", field="url")
    if len(text) > URL_LIMIT:
        raise Invalid(f"the webhook's URL is {len(text):,} characters long; the limit is {URL_LIMIT:,}", field="url")
    found = _URL.fullmatch(text)
    if found is None:
        raise Invalid(_unreadable(text), field="url")
    scheme, authority, path = found[1].lower(), found[2].lower(), found[3] or "/"
    if "@" in authority:
        raise Invalid(
            "a webhook's URL must not hold a user or a password; deliveries are signed with its secret instead",
            field="url",
        )
    place = _PLACE.fullmatch(authority)
    if place is None:
        raise Invalid(f"the webhook's URL has no host that can be read: {authority[:300]!r}", field="url")
    port = int(place[2]) if place[2] else _PORTS[scheme]
    if not 1 <= port < 2**16:
        raise Invalid(f"the port of the webhook's URL is {port}; it must be 1 to 65535", field="url")
    return Target(scheme, _host(place[1]), port, path if path.startswith("/") else f"/{path}")


def _unreadable(text: str) -> str:
    scheme = text.partition(":")[0]
    if "://" not in text or scheme.lower() not in _PORTS:
        return f"a webhook's URL begins with https:// or http://, not {text[:100]!r}"
    if "#" in text:
        return "a webhook's URL must not have a fragment (#...), which is never sent"
    return "a webhook's URL must be printable ASCII without spaces and backslashes; percent-encode what else is in it"


def _host(text: str) -> str:
    if text.startswith("["):
        try:
            return str(IPv6Address(text[1:-1]))
        except AddressValueError:
            raise Invalid(f"not an IPv6 address: {text[:100]!r}", field="url") from None
    labels = text.split(".")
    if len(text) > HOST_LIMIT or not all(_LABEL.fullmatch(label) for label in labels):
        raise Invalid(
            f"invalid host {text[:300]!r}: a name has letters, digits, '-' and '.' (others in their xn-- form)",
            field="url",
        )
    if _LIKE_A_NUMBER.fullmatch(labels[-1]) and _ipv4(text) is None:
        raise Invalid(f"invalid host {text!r}: write an address as four decimal numbers, e.g. 203.0.113.7", field="url")
    return text


def _ipv4(text: str) -> IPv4Address | None:
    try:
        return IPv4Address(text)
    except AddressValueError:
        return None
