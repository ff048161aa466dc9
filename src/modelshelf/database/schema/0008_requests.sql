-- People: protected names, requests for promotion with what was said and agreed, and the approval status of a version.

-- Only `movers` (JSON: roles, users, tokens, policies) may move the alias or stage `name` of models that match `pattern`.
CREATE TABLE protections (
    slot TEXT NOT NULL,
    name TEXT NOT NULL,
    pattern TEXT NOT NULL,
    movers TEXT NOT NULL,
    changed_ms INTEGER NOT NULL,
    changed_by TEXT NOT NULL,
    PRIMARY KEY (slot, name, pattern)
);

-- No reference to the model's row: a request outlives it. `name` is the alias or the stage, `before_value` what was
-- there when it was opened; `if_current` is -1 where anything may be there, NULL where nothing may.
CREATE TABLE promotion_requests (
    id SERIAL_ID,
    model_id INTEGER NOT NULL,
    model TEXT NOT NULL,
    version INTEGER NOT NULL,
    slot TEXT NOT NULL,
    name TEXT NOT NULL,
    state TEXT NOT NULL,
    reason TEXT NOT NULL,
    author TEXT NOT NULL,
    before_value INTEGER,
    if_current INTEGER,
    created_ms INTEGER NOT NULL,
    updated_ms INTEGER NOT NULL,
    expires_ms INTEGER,
    closed_by TEXT NOT NULL,
    closing TEXT NOT NULL,
    refusal TEXT NOT NULL,
    move_id INTEGER
);

CREATE UNIQUE INDEX promotion_requests_open ON promotion_requests (model_id, slot, name, version)
    WHERE state = 'open';

CREATE INDEX promotion_requests_by_model ON promotion_requests (model_id, id);

CREATE INDEX promotion_requests_by_state ON promotion_requests (state, id);

CREATE INDEX promotion_requests_by_expiry ON promotion_requests (expires_ms) WHERE state = 'open';

-- A person agrees once: `person` is the user, also where it was done with a token (`actor`).
CREATE TABLE request_approvals (
    request_id INTEGER NOT NULL REFERENCES promotion_requests (id),
    person TEXT NOT NULL,
    actor TEXT NOT NULL,
    role TEXT NOT NULL,
    reason TEXT NOT NULL,
    time_ms INTEGER NOT NULL,
    PRIMARY KEY (request_id, person)
);

CREATE TABLE request_comments (
    id SERIAL_ID,
    request_id INTEGER NOT NULL REFERENCES promotion_requests (id),
    actor TEXT NOT NULL,
    text TEXT NOT NULL,
    time_ms INTEGER NOT NULL
);

CREATE INDEX request_comments_by_request ON request_comments (request_id, id);

ALTER TABLE model_versions ADD COLUMN approval_status TEXT NOT NULL DEFAULT '';

CREATE INDEX model_versions_by_approval ON model_versions (approval_status, model_id, number);
