"""The ledger of events: who did what, when, to what."""

import sys

from modelshelf.database import catalog, events
from modelshelf.domain.access import Permission
from modelshelf.domain.events import Event
from modelshelf.services import refusals
from modelshelf.services.events_part import EventsPart

PAGE_LIMIT = 1000


class Ledger(EventsPart):
    """Reads of the ledger, in an order without gaps that no later commit changes."""

    def after(self, position: int, *, limit: int = PAGE_LIMIT) -> list[Event]:
        """The next events behind a position (0: from the first), the oldest first."""
        self._actor.require(Permission.READ)
        self.settle()
        with self._database.read() as tx:
            return events.after(tx, position, min(max(limit, 1), PAGE_LIMIT))

    def latest(self, *, model: str | None = None, before: int | None = None, limit: int = 100) -> list[Event]:
        """The newest events first, of the whole shelf or of one model (also a deleted or renamed one).

        `before` is the position behind which a page ended. Raises NotFound where no model ever had the name.
        """
        self._actor.require(Permission.READ)
        self.settle()
        position, limit = before if before is not None else sys.maxsize, min(max(limit, 1), PAGE_LIMIT)
        with self._database.read() as tx:
            if model is None:
                return events.latest(tx, position, limit)
            ids = catalog.model_ids_ever(tx, model)
            if not ids:
                raise refusals.no_model(tx, model)
            return events.of_model(tx, ids, position, limit)
