-- The Merkle tree over the events, in the order of their positions, and its signed heads.
-- BYTEA is PostgreSQL's word for bytes; SQLite takes any word, and keeps bytes as they are.

-- A tile holds up to 256 hashes of 32 bytes: at level 0 those of leaves, at level n of complete subtrees of 256^n leaves.
CREATE TABLE ledger_tiles (
    level INTEGER NOT NULL,
    place INTEGER NOT NULL,
    hashes BYTEA NOT NULL,
    PRIMARY KEY (level, place)
);

CREATE TABLE ledger_heads (
    size INTEGER PRIMARY KEY,
    root TEXT NOT NULL,
    checkpoint TEXT NOT NULL,
    sealed_ms INTEGER NOT NULL
);

-- From a version to its moves.
CREATE INDEX moves_by_version ON moves (model_id, version, id);

CREATE INDEX moves_by_before ON moves (model_id, before_value, id);

CREATE INDEX moves_by_after ON moves (model_id, after_value, id);

-- What was decided about versions, of which a model has few among its events.
CREATE INDEX events_of_decisions ON events (model_id, id) WHERE name IN (
    'move.refused', 'request.opened', 'request.commented', 'request.approved', 'request.rejected', 'request.withdrawn',
    'request.expired', 'request.superseded', 'request.refused', 'request.fulfilled'
);
