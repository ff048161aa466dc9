"""The whole shelf as one value: its areas, bound to a database, a store of blobs, an actor, a clock and randomness."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Self

from modelshelf.blobs.store import BlobStore
from modelshelf.database.database import Database
from modelshelf.domain.access import Actor, Permission
from modelshelf.services.access import Access
from modelshelf.services.access_part import Changes
from modelshelf.services.artifacts import Artifacts
from modelshelf.services.catalog import Catalog
from modelshelf.services.dispatch import Dispatch
from modelshelf.services.events import Events
from modelshelf.services.governance import Governance
from modelshelf.services.keys import Keys
from modelshelf.services.measurements import Measurements, measure
from modelshelf.services.once import once
from modelshelf.services.outlet import Outlet
from modelshelf.services.overviews import Overviews
from modelshelf.services.rollouts import Rollouts
from modelshelf.services.sessions import Sessions
from modelshelf.services.tracking import Tracking


class Registry:
    """What every adapter holds: `catalog`, `tracking`, `artifacts`, `governance`, `rollouts`, `events` and `access`.

    Beside them stand `overviews`, which are reads for pages, the `sessions` of browsers, and `dispatch`, which sends
    what webhooks are told: all are for servers, and no route of an API leads there. `clock` tells milliseconds since
    the epoch; `entropy(n)` gives n random bytes.
    """

    def __init__(
        self,
        database: Database,
        blobs: BlobStore,
        *,
        actor: Actor,
        clock: Callable[[], int],
        entropy: Callable[[int], bytes],
        uri: str = "",
        access_changes: Changes | None = None,
        keys: Keys | None = None,
        outlet: Outlet | None = None,
    ) -> None:
        self._database, self._blobs = database, blobs
        self._clock, self._entropy, self._keys = clock, entropy, keys or Keys()
        self.actor, self.uri, self._outlet = actor, uri, outlet
        self.catalog = Catalog(database, blobs, actor=actor, clock=clock)
        self.tracking = Tracking(database, blobs, actor=actor, clock=clock, entropy=entropy)
        self.artifacts = Artifacts(database, blobs, actor=actor, clock=clock)
        self.governance = Governance(database, blobs, actor=actor, clock=clock, entropy=entropy)
        self.rollouts = Rollouts(database, blobs, actor=actor, clock=clock, entropy=entropy)
        self.events = Events(database, actor=actor, clock=clock, entropy=entropy, keys=self._keys, outlet=outlet)
        self.dispatch = Dispatch(database, actor=actor, clock=clock, entropy=entropy, keys=self._keys, outlet=outlet)
        self.access = Access(database, actor=actor, clock=clock, entropy=entropy, changes=access_changes or Changes())
        self.overviews = Overviews(database, actor=actor, clock=clock)
        self.sessions = Sessions(database, actor=actor, clock=clock, entropy=entropy, changes=self.access.changes)

    def acting_as(self, actor: Actor) -> "Registry":
        """The same shelf for another actor."""
        return self._bound(self._database, actor, self._clock)

    def state(self) -> int | None:
        """A number that is another one after every commit of anybody; None where the database can't tell it cheaply.

        It tells nothing about the shelf; each thread that asks has numbers of its own, so ask from few.
        """
        return self._database.state()

    def together(self) -> AbstractContextManager[None]:
        """A block whose writes, those of this thread, may share one commit.

        They are durable when the block has been left, and not before. Where leaving it raises, none of them happened.
        """
        return self._database.together()

    def measured(self) -> Measurements:
        """Numbers for those who watch over the shelf."""
        self.actor.require(Permission.READ)
        return measure(self._database, now_ms=self._clock())

    def once(self, key: str, work: "Callable[[Registry], str]", *, request: str) -> str:
        """Do something once: what `work`, given this shelf, answers, or what it answered to this key within a day.

        `work` makes one change; `request` tells what it is about. Raises Invalid for a key that was used for another
        request, and what `work` raises.
        """
        now_ms = self._clock()

        def inside(database: Database) -> str:
            return work(self._bound(database, self.actor, lambda: now_ms))

        return once(self._database, inside, actor=self.actor.name, key=key, request=request, now_ms=now_ms)

    def _bound(self, database: Database, actor: Actor, clock: Callable[[], int]) -> "Registry":
        return Registry(
            database,
            self._blobs,
            actor=actor,
            clock=clock,
            entropy=self._entropy,
            uri=self.uri,
            access_changes=self.access.changes,
            keys=self._keys,
            outlet=self._outlet,
        )

    def close(self) -> None:
        """Give connections back; no area can be used afterwards."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
