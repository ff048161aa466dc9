"""The verification of a whole ledger, in one snapshot, page by page."""

import base64
from collections.abc import Sequence

from modelshelf.database import proofs
from modelshelf.database.database import Transaction
from modelshelf.database.proofs import Tiles
from modelshelf.domain.audit import FAULT_LIMIT, AuditReport, FaultKind, Faults, explained
from modelshelf.domain.errors import Invalid
from modelshelf.domain.merkle import Growing
from modelshelf.domain.proofs import (
    Checkpoint,
    LedgerRow,
    TreeHead,
    checkpoint_text,
    checkpoints,
    hash_of,
    hole,
    key_mark,
    written_key,
)
from modelshelf.services.audit_moves import MovesAudit
from modelshelf.services.keys import is_signed


class Audit:
    """Reads the ledger once: every event is hashed again, every head compared, every move looked up.

    The tree is grown from the hashes that were sealed, and each event compared with its own: so a changed event is
    named, and only a hash that was changed with it shows in the heads.
    """

    def __init__(
        self, tx: Transaction, *, origin: str, public: bytes, key_from: str, kept: Sequence[Checkpoint]
    ) -> None:
        self._tx, self._origin, self._public, self._key_from = tx, origin, public, key_from
        self._faults, self._tiles = Faults([]), Tiles(tx)
        self._moves = MovesAudit(tx, self._faults)
        self._tree = Growing(self._compare_subtree)
        self._misfits: dict[int, LedgerRow | None] = {}
        self._waiting = self._heads = self._right = 0
        self._is_astray = False
        self._stored = proofs.all_heads(tx, "")
        self._next = next(self._stored, None)
        self._kept = sorted(kept, key=lambda each: each.size)
        self._kept_next = 0

    def report(self) -> AuditReport:
        """Verify everything."""
        size = proofs.sealed_size(self._tx)
        self._check_events(size)
        if self._tiles.leaf(size) is not None:
            self._faults.add(
                FaultKind.HEAD, None, f"heads are gone: the tree goes on behind the newest, of {size} events"
            )
        for fault in explained(self._misfits, lambda place: self._tiles.leaf(place - 1), self._row_at):
            self._faults.add(fault.kind, fault.position, fault.message)
        for kept in self._kept[self._kept_next :]:
            message = f"a head of {kept.size} events was kept, and the ledger has {size}: the events behind are gone"
            self._faults.add(FaultKind.TRUNCATED, size + 1, message)
        self._moves.finish()
        return AuditReport(
            size=size,
            waiting=self._waiting,
            moves=self._moves.count,
            heads=self._heads,
            compared=tuple(each.size for each in self._kept),
            key=written_key(self._origin, self._public) if self._public else "",
            key_from=self._key_from if self._public else "",
            faults=tuple(self._faults.found),
            more=self._faults.more,
        )

    def _row_at(self, position: int) -> LedgerRow | None:
        return proofs.row_at(self._tx, position)

    def _check_events(self, size: int) -> None:
        expected = 1
        for row in proofs.all_rows(self._tx):
            self._moves.note(row)
            if row.position < 1:
                message = f"positions begin at 1, and an event was put in at {row.position}"
                self._faults.add(FaultKind.INSERTED, row.position, message)
                continue
            for position in range(expected, min(row.position, size + 1)):
                self._check(position, None)
            if row.position <= size:
                self._check(row.position, row)
            else:
                self._note_waiting(max(expected, size + 1), row.position)
            expected = row.position + 1
        for position in range(expected, size + 1):
            self._check(position, None)
        for row in proofs.unplaced_rows(self._tx):
            self._moves.note(row)
            self._waiting += 1

    def _note_waiting(self, expected: int, position: int) -> None:
        """An event that is not sealed: nothing is known about it but that no position is left out."""
        self._waiting += 1
        if position > expected:
            message = f"no event has a position from {expected} to {position - 1}"
            self._faults.add(FaultKind.DELETED, expected, message)

    def _check(self, position: int, row: LedgerRow | None) -> None:
        """Compare the event at a position with what was sealed there, and grow the tree by that."""
        sealed, found = self._tiles.leaf(position - 1), hash_of(row.leaf) if row else None
        if sealed is None:
            self._astray(f"the hash of position {position} is gone from the tree", position)
        elif row is None and sealed == hash_of(hole(position)):
            message = f"the event at position {position} was gone before it could be sealed"
            self._faults.add(FaultKind.DELETED, position, message)
        elif sealed != found:
            if len(self._misfits) < FAULT_LIMIT:
                self._misfits[position] = row
            else:
                self._faults.more += 1
        self._tree.add(sealed or found or b"")
        self._compare_heads()

    def _compare_subtree(self, level: int, place: int, found: bytes) -> None:
        """Hashes of subtrees are kept at every eighth level: where one is wrong, no proof over it holds."""
        if level % 8 == 0 and self._tiles.subtree(level, place) != found:
            begin, end = place << level, place + 1 << level
            self._astray(f"a hash in the tree over positions {begin + 1} to {end} was changed", begin + 1)

    def _astray(self, message: str, position: int) -> None:
        self._faults.add(FaultKind.REWRITTEN, position, message)

    def _compare_heads(self) -> None:
        """Compare what was signed at this size, here and elsewhere."""
        size = self._tree.size
        while self._next is not None and self._next.size <= size:
            self._compare_head(self._next)
            self._next = next(self._stored, None)
        while self._kept_next < len(self._kept) and self._kept[self._kept_next].size <= size:
            self._compare_kept(self._kept[self._kept_next])
            self._kept_next += 1

    def _compare_head(self, head: TreeHead) -> None:
        self._heads += 1
        root = self._tree.root()
        if not self._is_right(head):
            message = f"the head of {head.size} events is not signed with this shelf's key"
            self._faults.add(FaultKind.HEAD, head.size, message)
        elif base64.b64decode(head.root) == root:
            self._right = head.size
        elif not self._is_astray:
            self._is_astray = True
            self._astray(
                f"positions {self._right + 1} to {head.size}: the hashes there are not those that were signed; events "
                "were changed together with them",
                self._right + 1,
            )

    def _is_right(self, head: TreeHead) -> bool:
        """Whether a stored head says what its columns say, and is signed."""
        try:
            (read,) = checkpoints(head.checkpoint)
            text = checkpoint_text(self._origin, head.size, base64.b64decode(head.root, validate=True))
        except (Invalid, ValueError):
            return False
        return read.text == text and self._is_signed(read)

    def _is_signed(self, head: Checkpoint) -> bool:
        mark = key_mark(self._origin, self._public)
        return any(
            is_signed(head.text.encode(), signature, self._public)
            for name, own, signature in head.signatures
            if (name, own) == (self._origin, mark)
        )

    def _compare_kept(self, kept: Checkpoint) -> None:
        if not self._is_signed(kept):
            message = f"the kept head of {kept.size} events is not signed with this shelf's key"
            self._faults.add(FaultKind.HEAD, kept.size, message)
        elif kept.size == self._tree.size and kept.root != self._tree.root():
            message = f"the first {kept.size} events are not those of the head that was kept: history was rewritten"
            self._faults.add(FaultKind.REWRITTEN, None, message)
