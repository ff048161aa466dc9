-- Experiments, runs and what they logged, and logged models. Times are milliseconds since the epoch, UTC.
-- In every column of metric values NULL means NaN; infinities are stored as the largest numbers.
-- Values are indexed by their first 200 characters: an entry of PostgreSQL's index holds no more than 2,700 bytes. Who
-- looks for a value writes: substr(value, 1, 200) = substr(:value, 1, 200) AND value || '' = :value. Beside a plain
-- value = :value SQLite would put the constant into substr(value, ...) as well, and no longer see the index.

CREATE TABLE experiments (
    id SERIAL_ID,
    name TEXT NOT NULL UNIQUE,
    lifecycle TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    updated_ms INTEGER NOT NULL
);

CREATE INDEX experiments_by_creation ON experiments (created_ms, id);

CREATE INDEX experiments_by_update ON experiments (updated_ms, id);

INSERT INTO experiments (id, name, lifecycle, created_ms, updated_ms)
SELECT 0, 'Default', 'active', applied_ms, applied_ms FROM modelshelf_schema WHERE number = 1;

CREATE TABLE experiment_tags (
    experiment_id INTEGER NOT NULL REFERENCES experiments (id) ON DELETE CASCADE,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (experiment_id, key)
);

CREATE TABLE runs (
    id TEXT PRIMARY KEY,
    experiment_id INTEGER NOT NULL REFERENCES experiments (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    user_name TEXT NOT NULL,
    status TEXT NOT NULL,
    started_ms INTEGER NOT NULL,
    ended_ms INTEGER,
    lifecycle TEXT NOT NULL,
    deleted_ms INTEGER
);

CREATE INDEX runs_by_start ON runs (experiment_id, lifecycle, started_ms DESC, id);

CREATE INDEX runs_by_name ON runs (substr(name, 1, 200), id);

CREATE INDEX runs_by_status ON runs (experiment_id, status, id);

CREATE TABLE run_params (
    run_id TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (run_id, key)
);

CREATE INDEX run_params_by_value ON run_params (key, substr(value, 1, 200), run_id);

CREATE TABLE run_tags (
    run_id TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (run_id, key)
);

CREATE INDEX run_tags_by_value ON run_tags (key, substr(value, 1, 200), run_id);

-- The latest point of each metric of a run: the highest step, then time, then value, where NaN counts as zero.
CREATE TABLE run_metrics (
    run_id TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    key TEXT NOT NULL,
    value REAL,
    time_ms INTEGER NOT NULL,
    step INTEGER NOT NULL,
    PRIMARY KEY (run_id, key)
);

CREATE INDEX run_metrics_by_value ON run_metrics (key, value, run_id);

-- Every point that was logged, each once. NULLs are never equal, so the NaN points have an index of their own.
CREATE TABLE metric_points (
    run_id TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    key TEXT NOT NULL,
    time_ms INTEGER NOT NULL,
    step INTEGER NOT NULL,
    value REAL
);

CREATE UNIQUE INDEX metric_points_once ON metric_points (run_id, key, time_ms, step, value);

CREATE UNIQUE INDEX metric_points_nan_once ON metric_points (run_id, key, time_ms, step) WHERE value IS NULL;

CREATE TABLE datasets (
    id SERIAL_ID,
    experiment_id INTEGER NOT NULL REFERENCES experiments (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    digest TEXT NOT NULL,
    source_type TEXT NOT NULL,
    source TEXT NOT NULL,
    schema TEXT NOT NULL,
    profile TEXT NOT NULL,
    UNIQUE (experiment_id, name, digest)
);

CREATE TABLE run_datasets (
    id SERIAL_ID,
    run_id TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    dataset_id INTEGER NOT NULL REFERENCES datasets (id) ON DELETE CASCADE,
    UNIQUE (run_id, dataset_id)
);

CREATE INDEX run_datasets_by_dataset ON run_datasets (dataset_id, run_id);

CREATE TABLE run_dataset_tags (
    run_dataset_id INTEGER NOT NULL REFERENCES run_datasets (id) ON DELETE CASCADE,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (run_dataset_id, key)
);

-- No reference from a run to the models that it used or made: they may be elsewhere.
CREATE TABLE run_model_inputs (
    run_id TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    model_id TEXT NOT NULL,
    PRIMARY KEY (run_id, model_id)
);

CREATE TABLE run_model_outputs (
    run_id TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    model_id TEXT NOT NULL,
    step INTEGER NOT NULL,
    PRIMARY KEY (run_id, model_id)
);

CREATE TABLE logged_models (
    id TEXT PRIMARY KEY,
    experiment_id INTEGER NOT NULL REFERENCES experiments (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    model_type TEXT NOT NULL,
    run_id TEXT NOT NULL,
    status TEXT NOT NULL,
    status_message TEXT NOT NULL,
    lifecycle TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    updated_ms INTEGER NOT NULL
);

CREATE INDEX logged_models_by_creation ON logged_models (experiment_id, lifecycle, created_ms DESC, id);

CREATE INDEX logged_models_by_run ON logged_models (run_id, created_ms);

CREATE TABLE logged_model_params (
    model_id TEXT NOT NULL REFERENCES logged_models (id) ON DELETE CASCADE,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (model_id, key)
);

CREATE TABLE logged_model_tags (
    model_id TEXT NOT NULL REFERENCES logged_models (id) ON DELETE CASCADE,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (model_id, key)
);

-- Points that runs measured on a logged model; of each run, time and step the first one stays.
CREATE TABLE logged_model_metrics (
    model_id TEXT NOT NULL REFERENCES logged_models (id) ON DELETE CASCADE,
    key TEXT NOT NULL,
    time_ms INTEGER NOT NULL,
    step INTEGER NOT NULL,
    run_id TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    value REAL,
    dataset_name TEXT NOT NULL,
    dataset_digest TEXT NOT NULL,
    PRIMARY KEY (model_id, key, time_ms, step, run_id)
);

CREATE INDEX logged_model_metrics_by_run ON logged_model_metrics (run_id);
