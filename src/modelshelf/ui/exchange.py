"""A page's request and its answer, as the functions that make pages see them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias
from urllib.parse import quote, urlencode

from modelshelf.domain.access import ANONYMOUS, GRANTS, Actor, Permission
from modelshelf.domain.artifacts import FileEntry
from modelshelf.domain.errors import Invalid
from modelshelf.services.registry import Registry
from modelshelf.ui.seals import Seal

Values: TypeAlias = Mapping[str, Sequence[str]]
Header: TypeAlias = tuple[bytes, bytes]

HTML: Final = b"text/html; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Asked:
    """What a browser asks for; `registry` acts as whoever sits in front of it."""

    registry: Registry
    method: str
    path: str
    """As it came, percent-encoded."""
    now_ms: int
    seal: Seal
    parts: Mapping[str, str] = field(default_factory=dict)
    query: Values = field(default_factory=dict)
    form: Values = field(default_factory=dict)
    theme: str = "auto"
    flash: str = ""
    request_id: str = ""
    signs_in: bool = False
    """Whether this server asks who somebody is."""
    is_secure: bool = False
    """Whether the browser came by https."""

    def one(self, name: str, default: str = "") -> str:
        """A parameter of the query, stripped."""
        values = self.query.get(name)
        return values[-1].strip() if values else default

    def all(self, name: str) -> list[str]:
        """All values of a parameter of the query, each once."""
        return list(dict.fromkeys(value for value in self.query.get(name, ()) if value))

    def field(self, name: str, default: str = "") -> str:
        """A field of the form that was sent."""
        values = self.form.get(name)
        return values[-1].replace("\r\n", "\n") if values else default

    def given(self, name: str) -> str:
        """A field of the form where one was sent, else a parameter of the query."""
        return self.field(name).strip() if self.method == "POST" else self.one(name)

    def number(self, name: str) -> int:
        """A whole number out of the path. Raises Invalid."""
        text = self.parts[name]
        if not text.isascii() or not text.isdigit() or len(text) > 18:
            raise Invalid(f"{text[:50]!r} is not a version's number; versions are numbered 1, 2, 3, ...")
        return int(text)

    def may(self, permission: str) -> bool:
        """Whether the actor's role lets them."""
        actor = self._actor
        return actor is not None and Permission(permission) in GRANTS.get(actor.role, frozenset())

    @property
    def user(self) -> str:
        """Who has signed in; empty for nobody."""
        actor = self._actor
        return "" if actor is None or actor.name == ANONYMOUS else actor.name

    @property
    def _actor(self) -> Actor | None:
        """None on pages that are shown before it is known who asks."""
        return getattr(self.registry, "actor", None)

    def here(self, **changes: str | Sequence[str] | None) -> str:
        """The page's own address with other parameters; None takes one away, and any change leads to the first page."""
        kept = {name: list(values) for name, values in self.query.items() if any(values) and name not in {"page", "as"}}
        for name, value in changes.items():
            kept[name.rstrip("_")] = [] if value is None else [value] if isinstance(value, str) else list(value)
        asked = urlencode({name: values for name, values in kept.items() if values}, doseq=True, quote_via=quote)
        return f"{self.path}?{asked}" if asked else self.path


@dataclass(frozen=True, slots=True)
class Answer:
    """What is sent back; bodies of text are compressed on the way."""

    body: bytes = b""
    status: int = 200
    kind: bytes = HTML
    headers: tuple[Header, ...] = ()


@dataclass(frozen=True, slots=True)
class Download:
    """A file as the answer: never a page of ours, whatever is in it."""

    find: Callable[[], FileEntry]


Page: TypeAlias = Callable[[Asked], Answer | Download]
Routes: TypeAlias = Mapping[tuple[str, str], Page]
Shown: TypeAlias = Mapping[str, Any]


def redirect(place: str, *, headers: tuple[Header, ...] = ()) -> Answer:
    """Send the browser to a page of ours, which it then asks for with GET."""
    return Answer(status=303, headers=((b"location", place.encode("ascii", "ignore")), *headers))


def local(place: str, otherwise: str = "/") -> str:
    """A place to go on to, if it is on this server."""
    is_ours = place.startswith("/") and not place.startswith(("//", "/\\")) and place.isascii() and place.isprintable()
    return place if is_ours and len(place) < 4000 else otherwise
