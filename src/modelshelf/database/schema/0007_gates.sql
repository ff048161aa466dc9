-- Gates, the decisions they led to with the evidence of the time, and evaluations of versions against one another.

-- A gate is for the alias or stage `target` of models that match `pattern`. `clauses` is JSON.
CREATE TABLE gates (
    name TEXT PRIMARY KEY,
    pattern TEXT NOT NULL,
    slot TEXT NOT NULL,
    target TEXT NOT NULL,
    clauses TEXT NOT NULL,
    automatic INTEGER NOT NULL,
    approvals INTEGER NOT NULL,
    approver_role TEXT NOT NULL,
    description TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    created_by TEXT NOT NULL,
    updated_ms INTEGER NOT NULL,
    updated_by TEXT NOT NULL
);

CREATE INDEX gates_by_target ON gates (slot, target);

CREATE INDEX gates_automatic ON gates (name) WHERE automatic = 1;

-- Append-only. What was decided on a move, passed (with the move's id) or refused. No reference to the model's row.
CREATE TABLE decisions (
    id SERIAL_ID,
    model_id INTEGER NOT NULL,
    model TEXT NOT NULL,
    version INTEGER NOT NULL,
    slot TEXT NOT NULL,
    target TEXT NOT NULL,
    before_number INTEGER,
    passed INTEGER NOT NULL,
    actor TEXT NOT NULL,
    time_ms INTEGER NOT NULL,
    cause TEXT NOT NULL,
    reason TEXT NOT NULL,
    move_id INTEGER,
    gates TEXT NOT NULL,
    evidence TEXT NOT NULL
);

CREATE INDEX decisions_by_model ON decisions (model_id, id);

CREATE INDEX decisions_by_move ON decisions (move_id);

CREATE INDEX decisions_refused ON decisions (slot, target, id) WHERE passed = 0;

CREATE INDEX moves_by_time ON moves (time_ms, id);

-- How a version did against another one on the same rows of data. `difference` is candidate minus baseline.
CREATE TABLE evaluations (
    id SERIAL_ID,
    model_id INTEGER NOT NULL REFERENCES registered_models (id) ON DELETE CASCADE,
    version INTEGER NOT NULL,
    against INTEGER NOT NULL,
    metric TEXT NOT NULL,
    greater_is_better INTEGER NOT NULL,
    candidate REAL NOT NULL,
    baseline REAL NOT NULL,
    difference REAL NOT NULL,
    difference_low REAL NOT NULL,
    difference_high REAL NOT NULL,
    confidence REAL NOT NULL,
    row_count INTEGER NOT NULL,
    dataset_name TEXT NOT NULL,
    dataset_digest TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    actor TEXT NOT NULL
);

CREATE INDEX evaluations_by_version ON evaluations (model_id, version, id);

-- Versions of which new evidence came since automatic gates last looked at them.
CREATE TABLE gate_marks (
    model_id INTEGER NOT NULL REFERENCES registered_models (id) ON DELETE CASCADE,
    number INTEGER NOT NULL,
    marks INTEGER NOT NULL,
    since_ms INTEGER NOT NULL,
    PRIMARY KEY (model_id, number)
);

CREATE INDEX gate_marks_by_time ON gate_marks (since_ms);
