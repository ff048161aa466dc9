-- Models, versions, aliases, the ledger of moves, events, and the files of the store.
-- A statement is a paragraph: blank lines separate statements. Times are milliseconds since the epoch, UTC.
-- SERIAL_ID is an integer primary key that is never reused. See migrations.py for what else is translated.

CREATE TABLE settings (
    key TEXT PRIMARY KEY,
    value TEXT NOT NULL
);

CREATE TABLE registered_models (
    id SERIAL_ID,
    name TEXT NOT NULL UNIQUE,
    description TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    updated_ms INTEGER NOT NULL,
    created_by TEXT NOT NULL,
    last_number INTEGER NOT NULL DEFAULT 0,
    last_move_ms INTEGER NOT NULL DEFAULT 0
);

CREATE INDEX registered_models_by_update ON registered_models (updated_ms, name);

CREATE INDEX registered_models_by_creation ON registered_models (created_ms, name);

-- Which model a name named, and when: history and "as of" survive renames and deletes.
CREATE TABLE model_names (
    name TEXT NOT NULL,
    model_id INTEGER NOT NULL,
    from_ms INTEGER NOT NULL,
    until_ms INTEGER,
    PRIMARY KEY (name, model_id, from_ms)
);

CREATE INDEX model_names_by_model ON model_names (model_id);

CREATE TABLE model_tags (
    model_id INTEGER NOT NULL REFERENCES registered_models (id) ON DELETE CASCADE,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (model_id, key)
);

CREATE TABLE manifests (
    id TEXT PRIMARY KEY,
    file_count INTEGER NOT NULL,
    size INTEGER NOT NULL,
    created_ms INTEGER NOT NULL
);

CREATE TABLE manifest_files (
    manifest TEXT NOT NULL REFERENCES manifests (id) ON DELETE CASCADE,
    path TEXT NOT NULL,
    digest TEXT NOT NULL,
    size INTEGER NOT NULL,
    PRIMARY KEY (manifest, path)
);

CREATE INDEX manifest_files_by_digest ON manifest_files (digest);

CREATE TABLE model_versions (
    id SERIAL_ID,
    model_id INTEGER NOT NULL REFERENCES registered_models (id) ON DELETE CASCADE,
    number INTEGER NOT NULL,
    manifest TEXT REFERENCES manifests (id),
    size INTEGER NOT NULL,
    source TEXT NOT NULL,
    origin TEXT NOT NULL,
    run_id TEXT NOT NULL,
    run_link TEXT NOT NULL,
    logged_model TEXT NOT NULL,
    description TEXT NOT NULL,
    stage TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    updated_ms INTEGER NOT NULL,
    created_by TEXT NOT NULL,
    UNIQUE (model_id, number)
);

CREATE INDEX model_versions_by_update ON model_versions (updated_ms, model_id, number);

CREATE INDEX model_versions_by_creation ON model_versions (created_ms, model_id, number);

CREATE INDEX model_versions_by_run ON model_versions (run_id);

CREATE INDEX model_versions_by_stage ON model_versions (stage, model_id, number);

CREATE INDEX model_versions_by_source ON model_versions (source);

CREATE INDEX model_versions_by_logged_model ON model_versions (logged_model);

CREATE INDEX model_versions_by_manifest ON model_versions (manifest);

CREATE INDEX model_versions_by_latest ON model_versions (model_id, stage, number);

CREATE TABLE version_tags (
    version_id INTEGER NOT NULL REFERENCES model_versions (id) ON DELETE CASCADE,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (version_id, key)
);

-- Where each alias points now; the moves say how it got there.
CREATE TABLE aliases (
    model_id INTEGER NOT NULL REFERENCES registered_models (id) ON DELETE CASCADE,
    alias TEXT NOT NULL,
    number INTEGER NOT NULL,
    moved_ms INTEGER NOT NULL,
    moved_by TEXT NOT NULL,
    PRIMARY KEY (model_id, alias)
);

CREATE INDEX aliases_by_version ON aliases (model_id, number);

CREATE INDEX aliases_by_alias ON aliases (alias, model_id, number);

-- Append-only. No reference to the model's row: the ledger outlives it.
CREATE TABLE moves (
    id SERIAL_ID,
    model_id INTEGER NOT NULL,
    model TEXT NOT NULL,
    slot TEXT NOT NULL,
    alias TEXT,
    version INTEGER,
    before_value TEXT,
    after_value TEXT,
    time_ms INTEGER NOT NULL,
    actor TEXT NOT NULL,
    reason TEXT NOT NULL,
    cause TEXT NOT NULL
);

CREATE INDEX moves_by_alias ON moves (model_id, alias, id);

CREATE INDEX moves_by_model ON moves (model_id, id);

-- Append-only. `position` is assigned after the commit, gap-free; readers follow it and never the id.
CREATE TABLE events (
    id SERIAL_ID,
    position INTEGER UNIQUE,
    name TEXT NOT NULL,
    actor TEXT NOT NULL,
    time_ms INTEGER NOT NULL,
    subject TEXT NOT NULL,
    model_id INTEGER,
    data TEXT NOT NULL
);

CREATE INDEX events_waiting ON events (id) WHERE position IS NULL;

CREATE INDEX events_by_subject ON events (subject, id);

CREATE INDEX events_by_model ON events (model_id, id);

CREATE INDEX events_by_name ON events (name, id);

-- The changeable folders of runs and logged models: a path in the store, and the blob it holds now.
CREATE TABLE files (
    path TEXT PRIMARY KEY,
    digest TEXT NOT NULL,
    size INTEGER NOT NULL,
    modified_ms INTEGER NOT NULL
);

CREATE INDEX files_by_digest ON files (digest);
