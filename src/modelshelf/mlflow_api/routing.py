"""How a request finds the function that answers it.

Each module of endpoints has a tuple `ENDPOINTS` that `table.py` gathers. An entry is one of two kinds:

    Endpoint("POST", "/mlflow/registered-models/rename", rename, fields(name=MODEL, new_name=MODEL))

        A JSON endpoint. `rename(registry, body) -> body` is synchronous and is run in a thread. `registry` is a
        Registry that acts as whoever asks. The incoming `body` is a dict of what the request said, read and checked by
        `fields` (see `fields.py`): fields that were not given are absent unless they have a default. Parts of the path
        in braces are in it too. The answer is a dict as well, sent as JSON with status 200. Every ShelfError that is
        raised becomes MLflow's error of its class (see `errors.py`); raise `Refusal(code, message)` for another code of
        MLflow's. `quick=True`: a read so short that it may be run on the event loop, or a write
        so short that others may wait for it, to share its commit.

    Stream("PUT", "/mlflow-artifacts/artifacts/{path...}", upload)

        A streaming endpoint. `await upload(scope, receive, send, registry, rest_of_path)` is called on the event loop
        and speaks plain ASGI; what blocks is its own to move to a thread. `rest_of_path` is what stands in the place of
        the braces, percent-decoded once ("" where there are none); `scope["raw_path"]` has the bytes as they came. A
        ShelfError or Refusal that is raised before the response was started is answered as above.

`{name}` stands for one part of the path and `{name...}`, at its end, for all the rest. A path is served below each of
`prefixes`: REST (the default), REST_3, AJAX or PLAIN.
"""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from modelshelf.mlflow_api.fields import Fields
from modelshelf.services.registry import Registry

Body: TypeAlias = dict[str, Any]
Scope: TypeAlias = dict[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[dict[str, Any]]]
Send: TypeAlias = Callable[[dict[str, Any]], Awaitable[None]]

REST = ("/api/2.0", "/ajax-api/2.0")
REST_3 = ("/api/3.0", "/ajax-api/3.0")
AJAX = ("/ajax-api/2.0",)
PLAIN = ("",)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An endpoint that takes and answers JSON."""

    method: str
    path: str
    handler: Callable[[Registry, Body], Body]
    fields: Fields = field(default_factory=lambda: Fields({}))
    prefixes: tuple[str, ...] = REST
    quick: bool = False


@dataclass(frozen=True, slots=True)
class Stream:
    """An endpoint that speaks ASGI itself."""

    method: str
    path: str
    handler: Callable[[Scope, Receive, Send, Registry, str], Awaitable[None]]
    prefixes: tuple[str, ...] = REST


Route: TypeAlias = Endpoint | Stream


@dataclass(frozen=True, slots=True)
class Found:
    """A route, and what stood in the place of its braces."""

    route: Route
    parts: dict[str, str]


@dataclass(slots=True)
class _Node:
    """What may follow a part of a path; only paths with braces are in here. Names are those of each route's braces."""

    literals: "dict[str, _Node]" = field(default_factory=dict)
    any: "_Node | None" = None
    here: dict[str, tuple[Route, tuple[str, ...]]] = field(default_factory=dict)
    rest: dict[str, tuple[Route, tuple[str, ...]]] = field(default_factory=dict)


class Table:
    """All routes: those without braces in a dict, the others in a tree of parts."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._fixed: dict[str, dict[str, Route]] = {}
        self._tree = _Node()
        for route in routes:
            for prefix in route.prefixes:
                self._add(prefix + route.path, route)

    def fixed(self, path: str, method: str) -> Route | None:
        """The route of a path without braces: the short way for what is asked for most."""
        methods = self._fixed.get(path)
        return methods.get(method) if methods is not None else None

    def find(self, path: str, method: str) -> Found | frozenset[str] | None:
        """The route of a path and a method; else the methods that the path has; None for a path that leads nowhere."""
        fixed = self._fixed.get(path, {})
        if method in fixed:
            return Found(fixed[method], {})
        walked, values = self._walk(path)
        if method in walked:
            route, names = walked[method]
            return Found(route, dict(zip(names, values, strict=True)))
        return frozenset({*fixed, *walked}) or None

    def _add(self, path: str, route: Route) -> None:
        if "{" not in path:
            self._fixed.setdefault(path, {})[route.method] = route
            return
        node, names = self._tree, tuple[str, ...]()
        for part in path.split("/")[1:]:
            if part.endswith("...}"):
                node.rest[route.method] = (route, (*names, part[1:-4]))
                return
            if part.startswith("{"):
                names = (*names, part[1:-1])
                node.any = node.any or _Node()
                node = node.any
            else:
                node = node.literals.setdefault(part, _Node())
        node.here[route.method] = (route, names)

    def _walk(self, path: str) -> tuple[dict[str, tuple[Route, tuple[str, ...]]], list[str]]:
        parts, values, node = path.split("/")[1:], list[str](), self._tree
        for index, part in enumerate(parts):
            if node.rest:
                return node.rest, [*values, "/".join(parts[index:])]
            following = node.literals.get(part)
            if following is None and node.any is not None and part:
                following = node.any
                values.append(part)
            if following is None:
                return {}, []
            node = following
        return node.here, values
