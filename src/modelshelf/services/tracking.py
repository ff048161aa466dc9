"""Tracking as one area: experiments, runs and logged models (by inheritance)."""

from modelshelf.services.logged_models import LoggedModels
from modelshelf.services.search import TrackingSearch


class Tracking(LoggedModels, TrackingSearch):
    """What is recorded while models are made."""
