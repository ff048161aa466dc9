"""Tracking as one area: experiments, runs and logged models (by inheritance)."""

from modelshelf.services.logged_models import LoggedModels


class Tracking(LoggedModels):
    """What is recorded while models are made."""
