"""Rows of the Merkle log: events as they are stored, tiles of hashes, and signed heads."""

import json
from collections.abc import Iterator, Sequence

from modelshelf.database import arrays
from modelshelf.database.database import Row, Transaction
from modelshelf.domain.merkle import EMPTY_ROOT, Growing, node_hash
from modelshelf.domain.proofs import LedgerRow, TreeHead

_COLUMNS = "position, name, actor, time_ms, subject, model_id, data"
_LOG_WIDTH = 8
_WIDTH = 1 << _LOG_WIDTH
_HASH = 32
_PAGE = 1_000


def rows_after(tx: Transaction, position: int, limit: int) -> list[LedgerRow]:
    """The next events behind a position, as they are stored."""
    rows = tx.all(
        f"SELECT {_COLUMNS} FROM events WHERE position > :position ORDER BY position LIMIT :limit",
        position=position,
        limit=limit,
    )
    return [LedgerRow(**row) for row in rows]


def all_rows(tx: Transaction) -> Iterator[LedgerRow]:
    """Every event that has a position, in order, read page by page."""
    position = -(2**63)
    while page := rows_after(tx, position, _PAGE):
        yield from page
        position = page[-1].position


def unplaced_rows(tx: Transaction) -> list[LedgerRow]:
    """The events that wait for a position; theirs is told as 0."""
    rows = tx.all(f"SELECT {_COLUMNS} FROM events WHERE position IS NULL ORDER BY id")
    return [LedgerRow(**{**row, "position": 0}) for row in rows]


def row_at(tx: Transaction, position: int) -> LedgerRow | None:
    """The event at a position."""
    row = tx.one(f"SELECT {_COLUMNS} FROM events WHERE position = :position", position=position)
    return LedgerRow(**row) if row else None


def is_waiting(tx: Transaction, size: int) -> bool:
    """Whether there are events behind the sealed ones."""
    return tx.one("SELECT 1 AS found FROM events WHERE position > :size LIMIT 1", size=size) is not None


def newest_head(tx: Transaction, key: str) -> TreeHead | None:
    """The head that was signed last; `key` is told with it."""
    row = tx.one("SELECT size, root, checkpoint, sealed_ms FROM ledger_heads ORDER BY size DESC LIMIT 1")
    return _head(row, key) if row else None


def head(tx: Transaction, size: int, key: str) -> TreeHead | None:
    """The head of a size, if one was signed."""
    row = tx.one("SELECT size, root, checkpoint, sealed_ms FROM ledger_heads WHERE size = :size", size=size)
    return _head(row, key) if row else None


def last_position(tx: Transaction) -> int:
    """The position of the newest event that has one."""
    row = tx.one("SELECT MAX(position) AS position FROM events")
    return (row["position"] or 0) if row else 0


def sealed_size(tx: Transaction) -> int:
    """How many events are sealed."""
    row = tx.one("SELECT MAX(size) AS size FROM ledger_heads")
    return (row["size"] or 0) if row else 0


def all_heads(tx: Transaction, key: str) -> Iterator[TreeHead]:
    """Every head, the smallest first, read page by page."""
    size = -(2**63)
    while page := tx.all(
        """
        SELECT size, root, checkpoint, sealed_ms FROM ledger_heads WHERE size > :size ORDER BY size LIMIT :limit
        """,
        size=size,
        limit=_PAGE,
    ):
        yield from (_head(row, key) for row in page)
        size = page[-1]["size"]


def insert_head(tx: Transaction, new: TreeHead) -> None:
    """Keep a head."""
    tx.execute(
        """
        INSERT INTO ledger_heads (size, root, checkpoint, sealed_ms)
        VALUES (:size, :root, :checkpoint, :time_ms)
        """,
        size=new.size,
        root=new.root,
        checkpoint=new.checkpoint,
        time_ms=new.time_ms,
    )


def _head(row: Row, key: str) -> TreeHead:
    return TreeHead(row["size"], row["root"], row["checkpoint"], key, row["sealed_ms"])


class Tiles:
    """The hashes of complete subtrees, read tile by tile."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx
        self._read: dict[tuple[int, int], bytes] = {}

    def subtree(self, level: int, place: int) -> bytes:
        """The hash of a complete subtree; whatever is missing counts as nothing at all."""
        tile_level, inside = divmod(level, _LOG_WIDTH)
        first = place << inside
        tile, offset = self._tile(tile_level, first >> _LOG_WIDTH), first % _WIDTH
        if inside == 0:
            return tile[offset * _HASH : (offset + 1) * _HASH] or EMPTY_ROOT
        tree = Growing()
        for index in range(offset, offset + (1 << inside)):
            tree.add(tile[index * _HASH : (index + 1) * _HASH])
        return tree.root()

    def leaf(self, index: int) -> bytes | None:
        """The hash of a leaf, if it is there."""
        if index < 0:
            return None
        offset = index % _WIDTH * _HASH
        return self._tile(0, index >> _LOG_WIDTH)[offset : offset + _HASH] or None

    def width(self, place: int) -> int:
        """How many leaves a tile has."""
        return len(self._tile(0, place)) // _HASH

    def _tile(self, level: int, place: int) -> bytes:
        found = self._read.get((level, place))
        if found is None:
            if len(self._read) > 2 * _WIDTH:
                self._read.clear()
            found = self._read[level, place] = _hashes(self._tx, level, place)
        return found


def _hashes(tx: Transaction, level: int, place: int) -> bytes:
    row = tx.one("SELECT hashes FROM ledger_tiles WHERE level = :level AND place = :place", level=level, place=place)
    return bytes(row["hashes"]) if row else b""


def put_leaves(tx: Transaction, size: int, leaves: Sequence[bytes]) -> None:
    """Put hashes of leaves behind the first so many: the tiles at the edge grow, at each level as far as it got."""
    level, begin, hashes = 0, size, list(leaves)
    while hashes:
        roots: list[bytes] = []
        first, offset = divmod(begin, _WIDTH)
        if offset:
            whole = _hashes(tx, level, first)[: offset * _HASH]
            hashes = [*(whole[at : at + _HASH] for at in range(0, len(whole), _HASH)), *hashes]
        for step in range(0, len(hashes), _WIDTH):
            tile = hashes[step : step + _WIDTH]
            _put_tile(tx, level, first + step // _WIDTH, b"".join(tile))
            if len(tile) == _WIDTH:
                roots.append(_complete(tile))
        level, begin, hashes = level + 1, first, roots


def _put_tile(tx: Transaction, level: int, place: int, hashes: bytes) -> None:
    tx.execute(
        """
        INSERT INTO ledger_tiles (level, place, hashes) VALUES (:level, :place, :hashes)
        ON CONFLICT (level, place) DO UPDATE SET hashes = excluded.hashes
        """,
        level=level,
        place=place,
        hashes=hashes,
    )


def _complete(hashes: Sequence[bytes]) -> bytes:
    """The root of as many hashes as a tile has."""
    row = list(hashes)
    while len(row) > 1:
        row = [node_hash(row[at], row[at + 1]) for at in range(0, len(row), 2)]
    return row[0]


def moves_by_ids(tx: Transaction, ids: Sequence[int]) -> dict[int, Row]:
    """Rows of moves, as they are stored, by their ids."""
    rows = tx.all(
        f"SELECT {_MOVE} FROM moves WHERE id IN (SELECT value FROM {arrays.numbers(tx, 'ids')})",
        ids=json.dumps(list(ids)),
    )
    return {row["id"]: row for row in rows}


def move_ids_after(tx: Transaction, move: int, limit: int) -> list[int]:
    """The next ids of moves."""
    rows = tx.all("SELECT id FROM moves WHERE id > :move ORDER BY id LIMIT :limit", move=move, limit=limit)
    return [row["id"] for row in rows]


_MOVE = "id, model_id, model, slot, alias, version, before_value, after_value, time_ms, actor, reason, cause"


def astray_aliases(tx: Transaction, limit: int) -> list[Row]:
    """Aliases that are not where their last move put them: model_id, alias, `is_at` and `should` (None: nowhere)."""
    return tx.all(
        """
        SELECT a.model_id, a.alias, a.number AS is_at, m.after_value AS should
        FROM aliases a
        LEFT JOIN moves m ON m.id = (
            SELECT MAX(id) FROM moves WHERE model_id = a.model_id AND alias = a.alias AND slot = 'alias'
        )
        WHERE m.id IS NULL OR m.after_value IS NULL OR m.after_value <> CAST(a.number AS TEXT)
            OR m.time_ms <> a.moved_ms OR m.actor <> a.moved_by
        UNION ALL
        SELECT m.model_id, m.alias, NULL AS is_at, m.after_value AS should
        FROM moves m
        WHERE m.slot = 'alias' AND m.after_value IS NOT NULL
            AND NOT EXISTS (SELECT 1 FROM aliases a WHERE a.model_id = m.model_id AND a.alias = m.alias)
            AND NOT EXISTS (
                SELECT 1 FROM moves l WHERE l.model_id = m.model_id AND l.alias = m.alias AND l.id > m.id
            )
        LIMIT :limit
        """,
        limit=limit,
    )


def astray_stages(tx: Transaction, limit: int) -> list[Row]:
    """Versions that are not in the stage of their last move: model_id, number, `is_in` and `should`."""
    return tx.all(
        """
        WITH latest AS (
            SELECT model_id, version, MAX(id) AS id FROM moves WHERE slot = 'stage' GROUP BY model_id, version
        )
        SELECT v.model_id, v.number, v.stage AS is_in, COALESCE(m.after_value, 'None') AS should
        FROM model_versions v
        LEFT JOIN latest l ON l.model_id = v.model_id AND l.version = v.number
        LEFT JOIN moves m ON m.id = l.id
        WHERE v.stage <> COALESCE(m.after_value, 'None')
        LIMIT :limit
        """,
        limit=limit,
    )
