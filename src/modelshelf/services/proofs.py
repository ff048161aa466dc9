"""Proofs: a Merkle log over the ledger, signed heads, and what they show about one event."""

import base64
from collections.abc import Iterable
from contextlib import suppress

from modelshelf.database import proofs, shelf
from modelshelf.database.database import Transaction
from modelshelf.database.proofs import Tiles
from modelshelf.domain import merkle
from modelshelf.domain.access import Permission
from modelshelf.domain.audit import AuditReport
from modelshelf.domain.errors import Corrupt, Invalid, MissingPackage, NotFound, Unavailable
from modelshelf.domain.proofs import (
    Consistency,
    LedgerRow,
    Receipt,
    SealedEvent,
    TreeHead,
    checkpoint_text,
    checkpoints,
    hash_of,
    hole,
    origin_of,
    signed,
    written_key,
)
from modelshelf.services.audit import Audit
from modelshelf.services.events_part import EventsPart

BATCH = 1_000
"""How many events are sealed in one transaction: on SQLite others wait for it, some 20 to 40 ms."""
PAGE_LIMIT = 1_000
_MOST_HOLES = 1_000


class Proofs(EventsPart):
    """Proofs: a Merkle log over the ledger, signed heads, and what they show about one event.

    Heads and hashes are in base64, as in C2SP's checkpoints; positions count from 1.
    """

    def seal(self) -> TreeHead | None:
        """Put the next committed events into the tree, up to 1,000; the new head, or None where none were waiting.

        Raises MissingPackage or Unavailable where there is no key to sign with, Corrupt where the ledger can't go on.
        """
        self.settle()
        with self._database.read() as tx:
            if not proofs.is_waiting(tx, proofs.sealed_size(tx)):
                return None
        with self._database.exclusive("sealer") as tx:
            size = proofs.sealed_size(tx)
            rows = proofs.rows_after(tx, size, BATCH)
            return self._grown(tx, size, rows) if rows else None

    def _grown(self, tx: Transaction, size: int, rows: list[LedgerRow]) -> TreeHead:
        self._keys.claim(tx)
        if Tiles(tx).width(size // 256) != size % 256:
            raise Corrupt(f"the ledger's tree does not end where its newest head does, at {size}; see audit verify")
        leaves = _leaves(size, rows)
        proofs.put_leaves(tx, size, leaves)
        grown = size + len(leaves)
        head = self._signed(tx, grown, merkle.range_hash(0, grown, Tiles(tx).subtree))
        proofs.insert_head(tx, head)
        return head

    def _signed(self, tx: Transaction, size: int, root: bytes) -> TreeHead:
        origin, public = _origin(tx), self._keys.public_key
        text = checkpoint_text(origin, size, root)
        note = signed(text, origin, public, self._keys.sign(text.encode()))
        return TreeHead(size, _base64(root), note, written_key(origin, public), self._clock())

    def head(self, size: int | None = None) -> TreeHead:
        """The signed head of all events so far, or that of an earlier size. Raises NotFound where there is none."""
        self._actor.require(Permission.READ)
        if size is None:
            self._seal_all()
        with self._database.read() as tx:
            return self._head(tx, size)

    def receipt(self, position: int) -> Receipt:
        """The proof that the event at a position is in the ledger; `holds` tells whether it is right.

        Raises NotFound where there is no such event, Corrupt where it is not what was sealed.
        """
        self._actor.require(Permission.READ)
        self._seal_all()
        with self._database.read() as tx:
            row = proofs.row_at(tx, position)
            if row is None:
                raise NotFound(f"no event at position {position}", position=position)
            head, tiles = self._head(tx, None), Tiles(tx)
            if hash_of(row.leaf) != tiles.leaf(position - 1):
                raise Corrupt(f"the event at position {position} is not what was sealed; see audit verify")
            ranges = merkle.inclusion_ranges(position - 1, head.size)
            return Receipt(position, row.leaf, _hashes(ranges, tiles), head)

    def consistency(self, first: int, second: int | None = None) -> Consistency:
        """The proof that the first events of a ledger of `second` events (left out: all) are those of one of `first`.

        Raises Invalid for sizes that are none, or the wrong way round.
        """
        self._actor.require(Permission.READ)
        self._seal_all()
        with self._database.read() as tx:
            size, tiles = proofs.sealed_size(tx), Tiles(tx)
            second = size if second is None else second
            if not 0 < first <= second <= size:
                raise Invalid(f"sizes are 1 to {size}, the smaller one first, not {first} and {second}")
            roots = [_base64(merkle.range_hash(0, end, tiles.subtree)) for end in (first, second)]
            ranges = merkle.consistency_ranges(first, second)
            return Consistency(first, second, roots[0], roots[1], _hashes(ranges, tiles))

    def sealed(self, after: int = 0, *, limit: int = PAGE_LIMIT) -> list[SealedEvent]:
        """The next sealed events behind a position (0: from the first), as the tree has them.

        The hash is that which was sealed, also where the event was changed since; where it is gone, its leaf is empty.
        """
        self._actor.require(Permission.READ)
        after, limit = max(after, 0), min(max(limit, 1), PAGE_LIMIT)
        with self._database.read() as tx:
            last, tiles = min(proofs.sealed_size(tx), after + limit), Tiles(tx)
            rows = {row.position: row for row in proofs.rows_after(tx, after, limit)}
            return [
                _sealed(position, rows.get(position), tiles.leaf(position - 1) or b"")
                for position in range(after + 1, last + 1)
            ]

    def verify(self, *, against: str = "") -> AuditReport:
        """Hash every event again and compare all with all: hashes, signed heads, moves, aliases and stages.

        `against` is the text of heads that were kept elsewhere: the ledger must have grown from each of them. Raises
        Invalid where they are none, or another shelf's.
        """
        self._actor.require(Permission.READ)
        kept = checkpoints(against) if against.strip() else []
        with suppress(MissingPackage, Unavailable, Corrupt):  # what can't be sealed is told of as waiting
            self._seal_all()
        with self._database.read() as tx:
            origin = _origin(tx)
            for each in kept:
                if each.origin != origin:
                    raise Invalid(f"the head of size {each.size} is {each.origin}'s; this shelf is {origin}")
            public, key_from = self._keys.recorded(tx)
            return Audit(tx, origin=origin, public=public, key_from=key_from, kept=kept).report()

    def _seal_all(self) -> None:
        """Seal what is committed now; what comes meanwhile may wait."""
        self.settle()
        with self._database.read() as tx:
            size, last = proofs.sealed_size(tx), proofs.last_position(tx)
        while size < last and (head := self.seal()) is not None:
            size = head.size

    def _head(self, tx: Transaction, size: int | None) -> TreeHead:
        public, _ = self._keys.recorded(tx)
        key = written_key(_origin(tx), public)
        found = proofs.newest_head(tx, key) if size is None else proofs.head(tx, size, key)
        if found is None:
            wanted = "nothing has happened yet" if size is None else f"no head of size {size} was signed"
            raise NotFound(f"{wanted}: there is no such head of the ledger")
        return found


def _leaves(size: int, rows: list[LedgerRow]) -> list[bytes]:
    """The hashes behind the first so many; an event that is gone leaves a hole, which is sealed as one."""
    leaves: list[bytes] = []
    for row in rows:
        missing = range(size + len(leaves) + 1, row.position)
        if len(missing) > _MOST_HOLES:
            raise Corrupt(f"the ledger jumps from position {missing[0] - 1} to {row.position}; see audit verify")
        leaves += [hash_of(hole(position)) for position in missing]
        leaves.append(hash_of(row.leaf))
    return leaves


def _sealed(position: int, row: LedgerRow | None, hash_: bytes) -> SealedEvent:
    gone = hole(position) if hash_ == hash_of(hole(position)) else ""
    return SealedEvent(position, row.leaf if row else gone, _base64(hash_))


def _hashes(ranges: Iterable[merkle.Range], tiles: Tiles) -> tuple[str, ...]:
    return tuple(_base64(merkle.range_hash(begin, end, tiles.subtree)) for begin, end in ranges)


def _origin(tx: Transaction) -> str:
    return origin_of(shelf.setting(tx, "shelf_id") or "unnamed")


def _base64(hash_: bytes) -> str:
    return base64.b64encode(hash_).decode()
