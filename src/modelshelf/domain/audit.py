"""What a verification of the ledger finds, and how a fault is told from another."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from modelshelf.domain.proofs import LedgerRow, hash_of, leaf_at

FAULT_LIMIT = 256
"""How many faults are named; the rest is counted."""


class FaultKind(StrEnum):
    """What was done."""

    EDITED = "edited"  # an event differs from what was sealed
    DELETED = "deleted"  # an event is gone
    REORDERED = "reordered"  # an event is in another's place
    INSERTED = "inserted"  # an event was put between others
    TRUNCATED = "truncated"  # the ledger ends before a head that was kept
    REWRITTEN = "rewritten"  # events and their hashes are others than a head says
    HEAD = "head"  # a head is not signed with this shelf's key
    MOVE = "move"  # a move and its event don't agree, or one has no other
    STATE = "state"  # an alias or a stage is not where its moves lead


@dataclass(frozen=True, slots=True)
class LedgerFault:
    """One thing that is wrong."""

    kind: FaultKind
    position: int | None
    """Where in the ledger, if at one place."""
    message: str


@dataclass(frozen=True, slots=True)
class AuditReport:
    """What a verification of the whole ledger found."""

    size: int
    """How many events are sealed."""
    waiting: int
    """How many are not sealed yet: nothing protects them."""
    moves: int
    heads: int
    compared: tuple[int, ...]
    """The sizes of the heads from outside that the ledger was compared with."""
    key: str
    """The public key that heads were checked with; empty where none was signed."""
    key_from: str
    """`key file`, or `database` where the file is not here: whoever wrote to the database may have put it there."""
    faults: tuple[LedgerFault, ...]
    more: int
    """Faults that are not named."""


@dataclass(slots=True)
class Faults:
    """Collects faults, up to a limit."""

    found: list[LedgerFault]
    more: int = 0

    def add(self, kind: FaultKind, position: int | None, message: str) -> None:
        """Note a fault."""
        if len(self.found) < FAULT_LIMIT:
            self.found.append(LedgerFault(kind, position, message))
        else:
            self.more += 1


def explained(
    misfits: Mapping[int, LedgerRow | None],
    sealed: Callable[[int], bytes | None],
    row_at: Callable[[int], LedgerRow | None],
) -> Iterator[LedgerFault]:
    """What was done at the positions whose event (None: there is none) is not the one that was sealed.

    `sealed` is the hash that was sealed at a position, `row_at` the event there now. An event that was sealed at
    another one of the positions, or beside its own, was moved; so it can be told whether the one in its place is new.
    """
    places = sorted({near for position in misfits for near in (position - 1, position, position + 1)})
    targets = {hash_: place for place in places if (hash_ := sealed(place)) is not None}
    rows = {place: misfits[place] if place in misfits else row_at(place) for place in places}
    home = {position: _home(row, places, targets) for position, row in rows.items() if row is not None}
    kept = {place for place in home.values() if place is not None}
    moved = {position: place for position in misfits if (place := home.get(position)) is not None}
    yield from _moves(moved)
    for position in sorted(misfits):
        row = misfits[position]
        if row is not None and position not in moved:
            yield _foreign(row, is_new=position in kept)
        elif position not in kept:
            yield LedgerFault(FaultKind.DELETED, position, f"the event that was sealed at position {position} is gone")


def _moves(moved: Mapping[int, int]) -> Iterator[LedgerFault]:
    """Where events were sealed that stand elsewhere now; those that were moved alike are told of together."""
    runs: list[list[int]] = []
    for position in sorted(moved):
        offset = moved[position] - position
        if runs and runs[-1][1] == position - 1 and runs[-1][2] == offset:
            runs[-1][1] = position
        else:
            runs.append([position, position, offset])
    for first, last, offset in runs:
        message = f"the event at position {first} was sealed at {first + offset}"
        if last > first:
            message = f"the events at positions {first} to {last} were sealed at {first + offset} to {last + offset}"
        yield LedgerFault(FaultKind.REORDERED, first, message)


def _foreign(row: LedgerRow, *, is_new: bool) -> LedgerFault:
    if is_new:
        message = f"the event at position {row.position} was put in later: {_told(row)}"
        return LedgerFault(FaultKind.INSERTED, row.position, message)
    message = f"the event at position {row.position} is not what was sealed there; now it says: {_told(row)}"
    return LedgerFault(FaultKind.EDITED, row.position, message)


def _home(row: LedgerRow, places: list[int], targets: Mapping[bytes, int]) -> int | None:
    """Where a row was sealed, if at one of the places."""
    return next((place for place in places if targets.get(hash_of(leaf_at(row, place))) == place), None)


def _told(row: LedgerRow) -> str:
    return f"{row.name} of {row.subject} by {row.actor}"
