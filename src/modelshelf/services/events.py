"""Events as one area: the ledger, proofs that nobody edited it, and the telling of it to others (by inheritance)."""

from modelshelf.services.ledger import PAGE_LIMIT, Ledger
from modelshelf.services.proofs import Proofs
from modelshelf.services.provenance import Provenances
from modelshelf.services.webhooks import Webhooks

__all__ = ["PAGE_LIMIT", "Events"]


class Events(Ledger, Proofs, Provenances, Webhooks):
    """What happened."""
