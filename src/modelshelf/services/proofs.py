"""Proofs: a Merkle log over the ledger, signed heads, and what they show about one event."""

from modelshelf.services.events_part import EventsPart


class Proofs(EventsPart):
    """Proofs: a Merkle log over the ledger, signed heads, and what they show about one event."""
