"""Reads for those who watch over a shelf: the ledger by actor, kind and time, and how the shelf is."""

import sys
from collections.abc import Callable, Sequence
from typing import Final

from modelshelf.database import catalog, oversight, overviews, proofs, rollouts
from modelshelf.database.database import Database, Transaction
from modelshelf.domain.access import Actor, Permission
from modelshelf.domain.errors import NotFound
from modelshelf.domain.events import Event, EventName
from modelshelf.domain.oversight import LedgerPage, ShelfHealth
from modelshelf.domain.rollouts import Rollout
from modelshelf.services import refusals

PAGE_LIMIT: Final = 200
LOOKED_THROUGH: Final = 50_000
"""Events that one page is looked for among: so the time for a page does not grow with the ledger."""
COUNTED: Final = 100_000
_SLACK = 5_000
"""How far, in positions, times may be out of order: servers' clocks differ."""
_WEIGHTS = 200


class Oversight:
    """Bound to a database and an actor; `clock` tells milliseconds since the epoch."""

    def __init__(self, database: Database, *, actor: Actor, clock: Callable[[], int]) -> None:
        self._database, self._actor, self._clock = database, actor, clock

    def ledger(
        self,
        *,
        actor: str = "",
        names: Sequence[str] = (),
        model: str = "",
        since_ms: int = 0,
        until_ms: int = sys.maxsize,
        before: int | None = None,
        limit: int = 50,
    ) -> LedgerPage:
        """Events by an actor or a token of theirs, of kinds, of a model, within a time, below a position; newest first.

        Empty is any. It looks back over 50,000 events at most, and tells where to go on. Raises NotFound where no model
        ever had the name.
        """
        self._actor.require(Permission.READ)
        limit = max(1, min(limit, PAGE_LIMIT))
        with self._database.read() as tx:
            ids = catalog.model_ids_ever(tx, model) if model else []
            if model and not ids:
                raise refusals.no_model(tx, model)
            end = oversight.last_position(tx) + 1
            below = min(end if before is None else before, self._behind(tx, until_ms, end))
            first = self._from(tx, since_ms, end)
            above = max(below - LOOKED_THROUGH, first) - 1
            found = oversight.events_between(
                tx,
                above=above,
                below=below,
                actor=actor,
                names=names,
                model_ids=ids,
                since_ms=since_ms,
                until_ms=until_ms,
                limit=limit + 1,
            )
        page = tuple(found[:limit])
        if len(found) > limit:
            return LedgerPage(page, page[-1].position, is_whole=True)
        is_whole = above < first
        return LedgerPage(page, None if is_whole else above + 1, is_whole=is_whole)

    def event(self, position: int) -> Event:
        """The event at a position of the ledger. Raises NotFound."""
        self._actor.require(Permission.READ)
        with self._database.read() as tx:
            found = oversight.event_at(tx, position) if 0 < position < 2**63 else None
        if found is None:
            raise NotFound(f"no event at position {position}", position=position)
        return found

    def shelf_health(self) -> ShelfHealth:
        """How the shelf is, told without going through it."""
        self._actor.require(Permission.READ)
        with self._database.read() as tx:
            schema, schema_ms = oversight.schema(tx)
            last = oversight.last_position(tx)
            return ShelfHealth(
                schema=schema,
                schema_ms=schema_ms,
                database_bytes=oversight.database_bytes(tx),
                sealed=oversight.sealed_manifests(tx, most=COUNTED),
                files=oversight.changeable_files(tx, most=COUNTED),
                events=last,
                unsealed_events=max(0, last - proofs.sealed_size(tx)),
                leases=tuple(oversight.leases(tx)),
            )

    def live_rollouts(self) -> list[Rollout]:
        """The rollouts of all models that are under way."""
        self._actor.require(Permission.READ)
        with self._database.read() as tx:
            return rollouts.all_live(tx)

    def rollout_events(self, rollout: Rollout) -> list[Event]:
        """What happened to a rollout, the oldest first: its weights, pauses, and its end."""
        self._actor.require(Permission.READ)
        names = [value for key, value in vars(EventName).items() if key.startswith("ROLLOUT_")]
        with self._database.read() as tx:
            found = overviews.events_of_model(
                tx, [rollout.model_id], names, before=sys.maxsize, until_ms=rollout.ended_ms, limit=_WEIGHTS
            )
        return [event for event in reversed(found) if event.data.get("rollout") == rollout.id]

    @staticmethod
    def _behind(tx: Transaction, time_ms: int, end: int) -> int:
        """A position behind which nothing is that happened until a time."""
        return end if time_ms >= sys.maxsize else min(end, _place(tx, time_ms + 1, end) + _SLACK)

    @staticmethod
    def _from(tx: Transaction, time_ms: int, end: int) -> int:
        """A position before which nothing is that happened since a time."""
        return 1 if time_ms <= 0 else max(1, _place(tx, time_ms, end) - _SLACK)


def _place(tx: Transaction, time_ms: int, end: int) -> int:
    """About where the ledger reaches a time, by halving."""
    low, high = 1, end
    while low < high:
        middle = (low + high) // 2
        found = oversight.time_at(tx, middle)
        if found is None or found >= time_ms:
            high = middle
        else:
            low = middle + 1
    return low
