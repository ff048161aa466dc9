"""The verification of moves: each has its event, each event its move, and aliases and stages are where they lead."""

import json
from typing import Any

from modelshelf.database import proofs
from modelshelf.database.database import Row, Transaction
from modelshelf.domain.audit import FAULT_LIMIT, FaultKind, Faults
from modelshelf.domain.events import EventName
from modelshelf.domain.governance import Slot
from modelshelf.domain.proofs import LedgerRow

_MOVED = frozenset(
    {EventName.ALIAS_MOVED, EventName.ALIAS_CLEARED, EventName.STAGE_MOVED, EventName.ROLLOUT_WEIGHT_MOVED}
)
_PAGE = 1_000
_BITS = 16


class MovesAudit:
    """Is shown every event, and remembers of each move only that it was told of: one bit."""

    def __init__(self, tx: Transaction, faults: Faults) -> None:
        self._tx, self._faults = tx, faults
        self._waiting: list[tuple[LedgerRow, dict[str, Any]]] = []
        self._seen: dict[int, bytearray] = {}
        self.count = 0
        """How many moves there are, when it has finished."""

    def note(self, row: LedgerRow) -> None:
        """Look at an event, if it tells of a move."""
        if row.name not in _MOVED:
            return
        data = _read(row)
        if type(data.get("move")) is not int:
            self._add(row.position, f"the event at position {row.position} tells of a move, and does not say of which")
            return
        self._waiting.append((row, data))
        if len(self._waiting) >= _PAGE:
            self._compare()

    def finish(self) -> None:
        """Look for moves without events, and for aliases and stages that no move led to."""
        self._compare()
        last = -(2**63)
        while ids := proofs.move_ids_after(self._tx, last, _PAGE):
            for move in ids:
                if not self._mark(move):
                    self._add(None, f"move {move} has no event: it was put into the history of moves by itself")
            self.count += len(ids)
            last = ids[-1]
        self._compare_state()

    def _compare(self) -> None:
        moves = proofs.moves_by_ids(self._tx, [data["move"] for _, data in self._waiting])
        for row, data in self._waiting:
            move, where = moves.get(data["move"]), f"the event at position {row.position}"
            if move is None:
                self._add(
                    row.position, f"{where} tells of move {data['move']}, which is gone from the history of moves"
                )
            elif self._mark(data["move"]):
                self._add(row.position, f"{where} tells of move {data['move']} again")
            elif astray := _differences(row, data, move):
                said = ", ".join(astray)
                self._add(row.position, f"move {data['move']} and {where} don't agree about: {said}")
        self._waiting.clear()

    def _mark(self, move: int) -> bool:
        """Note that a move was told of; whether it was before."""
        chunk, bit = divmod(move, 1 << _BITS)
        bits = self._seen.setdefault(chunk, bytearray(1 << _BITS - 3))
        at, mask = bit >> 3, 1 << (bit & 7)
        known = bool(bits[at] & mask)
        bits[at] |= mask
        return known

    def _add(self, position: int | None, message: str) -> None:
        self._faults.add(FaultKind.MOVE, position, message)

    def _compare_state(self) -> None:
        for row in proofs.astray_aliases(self._tx, FAULT_LIMIT):
            message = (
                f"the alias {row['alias']} of model {row['model_id']} points at {_shown(row['is_at'])}; its moves put "
                f"it at {_shown(row['should'])}, by whom and when they say"
            )
            self._faults.add(FaultKind.STATE, None, message)
        for row in proofs.astray_stages(self._tx, FAULT_LIMIT):
            message = (
                f"version {row['number']} of model {row['model_id']} is in stage {row['is_in']}; its moves put it in "
                f"{row['should']}"
            )
            self._faults.add(FaultKind.STATE, None, message)


def _read(row: LedgerRow) -> dict[str, Any]:
    try:
        data = json.loads(row.data)
    except (ValueError, TypeError, RecursionError):
        return {}
    return data if isinstance(data, dict) else {}


def _shown(value: object) -> object:
    return "nothing" if value is None else value


def _text(value: object) -> str | None:
    """A value of an event as moves have it."""
    return None if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def _differences(row: LedgerRow, data: dict[str, Any], move: Row) -> list[str]:
    """What an event and its move say differently."""
    name, subject, version = _expected(move)
    pairs = {
        "name": (row.name, name),
        "actor": (row.actor, move["actor"]),
        "time_ms": (row.time_ms, move["time_ms"]),
        "model_id": (row.model_id, move["model_id"]),
        "subject": (row.subject, subject),
        "before": (_text(data.get("before")), move["before_value"]),
        "after": (_text(data.get("after")), move["after_value"]),
        "reason": (data.get("reason"), move["reason"]),
        "alias": (data.get("alias"), move["alias"]),
        "version": (data.get(version), move["version"]),
        "cause": (data.get("cause", move["cause"]), move["cause"]),
    }
    return [name for name, (told, made) in pairs.items() if told != made]


def _expected(move: Row) -> tuple[str, str, str]:
    """The name and the subject of a move's event, and what it calls the version."""
    subject = f"models/{move['model']}"
    if move["slot"] == Slot.STAGE.value:
        return EventName.STAGE_MOVED, f"{subject}/{move['version']}", "version"
    if move["slot"] == Slot.ROUTE.value:
        return EventName.ROLLOUT_WEIGHT_MOVED, subject, "target"
    return EventName.ALIAS_CLEARED if move["after_value"] is None else EventName.ALIAS_MOVED, subject, "version"
