"""Requests for promotion: opened, discussed, approved or rejected, and carried out."""

from modelshelf.services.governance_part import GovernancePart


class Requests(GovernancePart):
    """Requests for promotion: opened, discussed, approved or rejected, and carried out."""
