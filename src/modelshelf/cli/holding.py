"""Which aliases point where, and the moves that made it so."""

from collections.abc import Mapping

from modelshelf.cli import records
from modelshelf.cli.blocks import Instant, Styled, Table
from modelshelf.domain.governance import Move, Slot
from modelshelf.services.registry import Registry

_MOVES = 100_000


def last_moves(registry: Registry, model: str) -> dict[str, Move]:
    """The newest move of each alias that a model has or had."""
    newest: dict[str, Move] = {}
    for move in registry.governance.history(model, limit=_MOVES):
        if move.slot is Slot.ALIAS and move.alias:
            newest.setdefault(move.alias, move)
    return newest


def content(aliases: Mapping[str, int], moves: Mapping[str, Move]) -> list[records.Record]:
    """For `--json`: what each alias points at, since when, by whom and why."""
    return [_record(alias, number, moves.get(alias)) for alias, number in aliases.items()]


def _record(alias: str, number: int, move: Move | None) -> records.Record:
    known = records.move(move) if move else {}
    since = {"since": known.get("time"), "by": known.get("actor"), "reason": known.get("reason", "")}
    return {"alias": alias, "version": number, **since}


def table(aliases: Mapping[str, int], moves: Mapping[str, Move], empty: str) -> Table:
    rows = []
    for alias, number in aliases.items():
        move = moves.get(alias)
        since = (Instant(move.time_ms), move.actor, move.reason) if move else (None, None, None)
        rows.append((Styled(alias, "green"), number, *since))
    return Table(("alias", "version", "since", "by", "why"), rows, empty)
