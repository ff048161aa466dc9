"""Moves of aliases and stages as sentences."""

from modelshelf.cli import records
from modelshelf.cli.blocks import Note
from modelshelf.cli.invocation import Invocation
from modelshelf.domain.governance import Cause, Move, Slot

_NOWHERE = "nothing"


def said(move: Move) -> str:
    """What moved: `production: 1 → 2`, `version 3: Staging → Production`."""
    what = move.alias if move.slot is Slot.ALIAS else f"version {move.version}"
    before = _NOWHERE if move.before is None else move.before
    after = _NOWHERE if move.after is None else move.after
    return f"{what}: {before} → {after}"


def show(invocation: Invocation, move: Move) -> None:
    """Answer with a move that was just made."""
    invocation.show({"move": records.move(move)}, Note(f"{move.model} {said(move)}"))


def cause(move: Move) -> str:
    """Why it moved; nothing where somebody just set it."""
    return "" if move.cause is Cause.SET else move.cause.value
