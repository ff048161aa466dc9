"""Deliveries as administrators see them: the log of what was sent, and sending it again."""

from dataclasses import replace

from modelshelf.database import deliveries, events, webhooks
from modelshelf.database.database import Transaction
from modelshelf.domain.access import Permission
from modelshelf.domain.errors import Conflict, Invalid, NotFound
from modelshelf.domain.events import Event, EventName
from modelshelf.domain.names import did_you_mean
from modelshelf.domain.pages import Page, page_start, page_token
from modelshelf.domain.webhooks import Delivery, DeliveryState, Webhook, known_id
from modelshelf.services.events_part import EventsPart
from modelshelf.services.outlet import Outlet

PAGE_LIMIT = 1000


class Deliveries(EventsPart):
    """What leaves for webhooks, or did in the last 30 days."""

    def deliveries(
        self, webhook: str, *, state: str = "", limit: int = 100, page_token: str | None = None
    ) -> Page[Delivery]:
        """The deliveries to a webhook, the newest first: how each went, and the beginning of what was answered.

        `state` is `waiting`, `delivered` or `dead`; empty is any. Raises NotFound, Invalid.
        """
        self._actor.require(Permission.ADMINISTER)
        wanted, limit = _state(state), min(max(limit, 1), PAGE_LIMIT)
        with self._database.read() as tx:
            of = self._webhook(tx, webhook).id
            query = ["deliveries", of, state]
            start = page_start(page_token, query=query, kinds=(int,))
            found = deliveries.deliveries(tx, of, state=wanted, limit=limit + 1, before=start[0] if start else None)
        page = tuple(found[:limit])
        return Page(page, _page_token(page[-1], query) if len(found) > limit else None)

    def redeliver(self, delivery: int) -> Delivery:
        """Send a delivery again, with the same id, whatever became of it before; one that waits is tried now.

        Raises NotFound, also for deliveries that were done with so long ago that they are forgotten.
        """
        self._actor.require(Permission.ADMINISTER)
        now_ms = self._clock()
        with self._database.write() as tx:
            found = deliveries.delivery(tx, delivery) if 0 <= delivery < 2**63 else None
            of = webhooks.lock(tx, found.webhook) if found else None
            if found is None or of is None:
                raise NotFound(f"no delivery {delivery}; modelshelf webhook deliveries lists them", delivery=delivery)
            again = replace(found, state=DeliveryState.WAITING, tries=0, finished_ms=None)
            lane = deliveries.lane_of(tx, found.id)
            deliveries.open_lane(tx, of.id, lane, now_ms=now_ms)
            deliveries.note_try(tx, again)
            deliveries.hurry(tx, of.id, lane, now_ms=now_ms)
            data = {"delivery": found.id, "event": found.event, "position": found.position}
            told = Event(EventName.WEBHOOK_REDELIVERED, self._actor.name, now_ms, f"webhooks/{of.id}", data)
            events.append(tx, told)
        return again

    def _webhook(self, tx: Transaction, reference: str) -> Webhook:
        """The webhook with an id, or the only one with a name. Raises NotFound, Conflict."""
        if found := webhooks.webhook(tx, known_id(reference)):
            return found
        ids = webhooks.ids_named(tx, reference)
        if len(ids) > 1:
            raise Conflict(f"several webhooks are called {reference!r}; name one by its id: {', '.join(ids)}, ...")
        found = webhooks.webhook(tx, ids[0]) if ids else None
        if found is None:
            near = did_you_mean(reference, webhooks.names(tx))
            raise NotFound(f"no webhook {reference!r}{near}; modelshelf webhook list shows them", webhook=reference)
        return found

    def _sending(self) -> Outlet:
        if self._outlet is None:
            raise Conflict("this shelf was opened without a sender; ask a server, or open it with modelshelf.connect")
        return self._outlet


def _page_token(last: Delivery, query: list[str]) -> str:
    return page_token((last.id,), query=query)


def _state(text: str) -> DeliveryState | None:
    if not text:
        return None
    try:
        return DeliveryState(text)
    except ValueError:
        known = ", ".join(state.value for state in DeliveryState)
        raise Invalid(f"unknown state {text!r}: deliveries are {known}", field="state") from None
