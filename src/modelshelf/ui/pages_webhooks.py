"""Webhooks: who is told of what, and what became of each delivery. All of it is for administrators."""

from modelshelf.domain.webhooks import DeliveryState
from modelshelf.ui.exchange import Answer, Asked, Routes
from modelshelf.ui.rendering import page

_SIZE = 50
_STATES = {"": "All", **{state.value: state.value.title() for state in DeliveryState}}


def webhooks(asked: Asked) -> Answer:
    """All endpoints."""
    found = asked.registry.events.webhooks(limit=_SIZE, page_token=asked.one("page") or None)
    return page(
        asked,
        "webhooks.html",
        title="Webhooks",
        webhooks=found.items,
        next_token=found.next_token,
        measured=asked.registry.measured(),
    )


def webhook(asked: Asked) -> Answer:
    """One endpoint with its deliveries."""
    found = asked.registry.events.webhook(asked.parts["webhook"])
    state = asked.one("state") if asked.one("state") in _STATES else ""
    sent = asked.registry.events.deliveries(found.id, state=state, limit=_SIZE, page_token=asked.one("page") or None)
    return page(
        asked,
        "webhook.html",
        title=found.name,
        webhook=found,
        states=_STATES,
        state=state,
        deliveries=sent.items,
        next_token=sent.next_token,
    )


ROUTES: Routes = {
    ("GET", "/webhooks"): webhooks,
    ("GET", "/webhooks/{webhook}"): webhook,
}
