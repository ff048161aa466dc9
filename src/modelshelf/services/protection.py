"""Protected aliases and stages: who may move them."""

from modelshelf.services.governance_part import GovernancePart


class Protection(GovernancePart):
    """Protected aliases and stages: who may move them."""
