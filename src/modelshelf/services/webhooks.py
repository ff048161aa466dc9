"""Webhooks: who wants to be told of which events, and how the telling went."""

from modelshelf.services.events_part import EventsPart


class Webhooks(EventsPart):
    """Webhooks: who wants to be told of which events, and how the telling went."""
