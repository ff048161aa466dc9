-- Webhooks: who is told of which events, and the deliveries under way or done. The events themselves are the outbox: a
-- webhook's position is that of the last event that was looked at for it, and moves in the transaction that adds the
-- deliveries. Secrets are encrypted with the shelf's key; '' where deliveries are not signed.

CREATE TABLE webhooks (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    description TEXT NOT NULL,
    url TEXT NOT NULL,
    events TEXT NOT NULL,
    model TEXT NOT NULL,
    alias TEXT NOT NULL,
    format TEXT NOT NULL,
    secret TEXT NOT NULL,
    tries INTEGER NOT NULL,
    state TEXT NOT NULL,
    paused_because TEXT NOT NULL,
    failures INTEGER NOT NULL,
    failing_since_ms INTEGER,
    position INTEGER NOT NULL,
    created_ms INTEGER NOT NULL,
    created_by TEXT NOT NULL,
    updated_ms INTEGER NOT NULL
);

CREATE INDEX webhooks_by_creation ON webhooks (created_ms, id);

CREATE INDEX webhooks_by_position ON webhooks (state, position);

-- One event on its way to one webhook. A lane is a model's id, or 0: what is in one lane leaves in order.
-- `finished_ms` is NULL while it is waiting.
CREATE TABLE deliveries (
    id SERIAL_ID,
    webhook TEXT NOT NULL,
    lane INTEGER NOT NULL,
    position INTEGER NOT NULL,
    event TEXT NOT NULL,
    subject TEXT NOT NULL,
    state TEXT NOT NULL,
    tries INTEGER NOT NULL,
    created_ms INTEGER NOT NULL,
    tried_ms INTEGER,
    finished_ms INTEGER,
    status INTEGER,
    latency_ms INTEGER,
    excerpt TEXT NOT NULL,
    error TEXT NOT NULL,
    UNIQUE (webhook, position)
);

CREATE INDEX deliveries_by_webhook ON deliveries (webhook, id);

CREATE INDEX deliveries_by_state ON deliveries (webhook, state, id);

CREATE INDEX deliveries_waiting ON deliveries (webhook, lane, position) WHERE state = 'waiting';

CREATE INDEX deliveries_waiting_by_time ON deliveries (created_ms) WHERE state = 'waiting';

CREATE INDEX deliveries_dead ON deliveries (id) WHERE state = 'dead';

CREATE INDEX deliveries_finished ON deliveries (finished_ms) WHERE finished_ms IS NOT NULL;

-- A lane is here while something waits in it. `due_ms` is when it may be taken: who takes it moves that past the end of
-- the lease, and is the holder until then; '' is nobody.
CREATE TABLE delivery_lanes (
    webhook TEXT NOT NULL,
    lane INTEGER NOT NULL,
    due_ms INTEGER NOT NULL,
    holder TEXT NOT NULL,
    PRIMARY KEY (webhook, lane)
);

CREATE INDEX delivery_lanes_by_due ON delivery_lanes (due_ms, webhook, lane);
