"""Governance as one area: moves, what they must pass, who may make them, and who asks for them (by inheritance)."""

from modelshelf.services.gates import Gates
from modelshelf.services.moving import ANYTHING, Moving
from modelshelf.services.protection import Protection
from modelshelf.services.requests import Requests

__all__ = ["ANYTHING", "Governance"]


class Governance(Moving, Gates, Protection, Requests):
    """Which version is where, and how one comes there."""
