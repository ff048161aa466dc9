"""The client half of the native API: the areas of a registry that is somewhere else, with the same methods."""

from collections.abc import Callable, Iterator, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, cast

from modelshelf.domain.access import Actor
from modelshelf.domain.events import Event
from modelshelf.native import credentials as environment
from modelshelf.native import wire
from modelshelf.native.client import Server
from modelshelf.native.credentials import Credentials
from modelshelf.native.direct import DirectBytes
from modelshelf.native.operations import OPERATIONS, Operation
from modelshelf.native.proxies import proxy_for
from modelshelf.native.remote_artifacts import RemoteArtifacts
from modelshelf.native.remote_stream import events_behind
from modelshelf.native.shapes import shape
from modelshelf.native.transport import HttpTransport, Transport

if TYPE_CHECKING:
    from modelshelf.services.access import Access
    from modelshelf.services.artifacts import Artifacts
    from modelshelf.services.catalog import Catalog
    from modelshelf.services.events import Events
    from modelshelf.services.governance import Governance
    from modelshelf.services.rollouts import Rollouts
    from modelshelf.services.tracking import Tracking

_CALLED: Mapping[tuple[str, str], Operation] = {(each.area, each.method): each for each in OPERATIONS}


class RemoteArea:
    """One area: its methods are made of the table of operations when they are first used."""

    def __init__(self, server: Server, area: str) -> None:
        self._server, self._area = server, area

    def __getattr__(self, name: str) -> Callable[..., Any]:
        operation = _CALLED.get((self._area, name))
        if operation is None:
            raise AttributeError(f"a registry over HTTP has no {self._area}.{name}", name=name, obj=self)
        server, found = self._server, shape(operation)

        def method(*arguments: Any, **named: Any) -> Any:
            return server.call(operation, found, found.bind(arguments, named))

        method.__name__, method.__doc__ = name, found.says
        self.__dict__[name] = method
        return method

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *(name for area, name in _CALLED if area == self._area)})


class RemoteRegistry:
    """A stand-in for `services.registry.Registry`: the same areas, with the same methods and errors, over HTTP.

    `url` is that of the server, `http://host:5000`, maybe with a path. Who is asking is told by `token`, or `user` and
    `password`; left out, by the URL, or by MODELSHELF_TOKEN, MLFLOW_TRACKING_TOKEN and their like. Nothing is sent
    before it is first used.
    """

    catalog: "Catalog"
    tracking: "Tracking"
    artifacts: "Artifacts"
    governance: "Governance"
    rollouts: "Rollouts"
    events: "Events"
    access: "Access"

    def __init__(
        self, url: str, *, token: str = "", user: str = "", password: str = "", transport: Transport | None = None
    ) -> None:
        shown, in_url = environment.from_url(url)
        given = Credentials(token, user, password)
        if given == Credentials():
            given = in_url if in_url != Credentials() else Credentials.from_environment()
        self.uri = shown.rstrip("/")
        chosen = transport or HttpTransport(shown, tls=environment.tls_from_environment(), proxy=proxy_for(shown))
        self._server = server = Server(chosen, given, self.uri)
        self._actor: Actor | None = None
        for area in ("catalog", "tracking", "governance", "rollouts", "events", "access"):
            setattr(self, area, RemoteArea(server, area))
        of_artifacts = RemoteArea(server, "artifacts")
        self._direct = DirectBytes(of_artifacts)
        self.artifacts = cast("Artifacts", RemoteArtifacts(server, of_artifacts, self._direct))

    @property
    def actor(self) -> Actor:
        """Who the server takes the caller for. Raises Unauthenticated."""
        if self._actor is None:
            self._actor = wire.decode(self._server.send("GET", "/me").read(), Actor)
        return self._actor

    def events_behind(self, position: int | None) -> Iterator[Event | None]:
        """The events behind a position (None: from now on) as they happen; None now and then while all is quiet."""
        return events_behind(self._server, position)

    def close(self) -> None:
        """Close the connections."""
        self._direct.close()
        self._server.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
