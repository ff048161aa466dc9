"""Which version serves: an alias or a stage that means production, and who put it there."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from modelshelf.domain.catalog import RegisteredModel
from modelshelf.domain.governance import Move, Slot
from modelshelf.domain.patterns import matches
from modelshelf.domain.protection import ProtectedName

SERVING: Final = ("production", "champion", "prod", "live")
"""Aliases that mean production, the first that there is counts."""


@dataclass(frozen=True, slots=True)
class Held:
    """An alias and the move that brought it where it is."""

    alias: str
    version: int
    move: Move | None = None
    is_protected: bool = False


def held(
    aliases: Mapping[str, int], moves: Iterable[Move], *, model: str = "", protections: Iterable[ProtectedName] = ()
) -> list[Held]:
    """The aliases of a model: those that mean production first, the others by name."""
    by_alias = {move.alias: move for move in moves}
    names = protected(model, protections)
    return sorted(
        (Held(alias, version, by_alias.get(alias), alias in names) for alias, version in aliases.items()),
        key=lambda each: (_rank(each.alias), each.alias),
    )


def protected(model: str, protections: Iterable[ProtectedName]) -> set[str]:
    """The aliases of a model that only some may move."""
    return {each.name for each in protections if each.slot is Slot.ALIAS and matches(each.pattern, model)}


def serving(model: RegisteredModel, holding: Iterable[Held]) -> Held | None:
    """What production is: the alias that means it, or else the newest version of the stage Production."""
    found = next((each for each in holding if _rank(each.alias) < len(SERVING)), None)
    if found is not None:
        return found
    staged = next((version for version in model.latest_versions if version.stage.value == "Production"), None)
    return Held("", staged.number) if staged else None


def newest(model: RegisteredModel) -> int | None:
    """The highest number that a version has."""
    return max((version.number for version in model.latest_versions), default=None)


def _rank(alias: str) -> int:
    return SERVING.index(alias.lower()) if alias.lower() in SERVING else len(SERVING)
