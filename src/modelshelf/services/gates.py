"""Gates: the conditions that a version has to pass before an alias or a stage moves to it."""

from modelshelf.services.governance_part import GovernancePart


class Gates(GovernancePart):
    """Gates: the conditions that a version has to pass before an alias or a stage moves to it."""
