-- Indexes for search: from a value to what has it, and for each order in which pages are read.
-- As in 0002 a value is indexed by its first 200 characters.
-- Texts between wildcards are found by trigrams, in names of models and in values of tags of up to 1,000 characters;
-- the few longer values are few enough to be looked through, by an index that has only them.

DROP INDEX model_versions_by_source;

CREATE INDEX model_versions_by_source ON model_versions (substr(source, 1, 200));

CREATE INDEX model_versions_by_creator ON model_versions (created_by);

CREATE INDEX registered_models_by_creator ON registered_models (created_by);

CREATE INDEX experiment_tags_by_value ON experiment_tags (key, substr(value, 1, 200), experiment_id);

CREATE INDEX runs_by_start_anywhere ON runs (started_ms, id);

CREATE INDEX runs_by_end ON runs (ended_ms);

CREATE INDEX runs_by_user ON runs (substr(user_name, 1, 200));

CREATE INDEX datasets_by_name ON datasets (substr(name, 1, 200), id);

CREATE INDEX datasets_by_digest ON datasets (digest, id);

CREATE INDEX run_dataset_tags_by_value ON run_dataset_tags (key, substr(value, 1, 200), run_dataset_id);

CREATE INDEX logged_models_by_creation_anywhere ON logged_models (created_ms, id);

CREATE INDEX logged_models_by_update ON logged_models (updated_ms, id);

CREATE INDEX logged_models_by_name ON logged_models (substr(name, 1, 200), id);

CREATE INDEX logged_model_params_by_value ON logged_model_params (key, substr(value, 1, 200), model_id);

CREATE INDEX logged_model_tags_by_value ON logged_model_tags (key, substr(value, 1, 200), model_id);

CREATE INDEX logged_model_metrics_by_value ON logged_model_metrics (key, value, model_id);

-- sqlite: the trigrams refer to rows by their ids, which only a column keeps when VACUUM moves the rows.
CREATE TABLE model_tags_with_id (
    id INTEGER PRIMARY KEY,
    model_id INTEGER NOT NULL REFERENCES registered_models (id) ON DELETE CASCADE,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    UNIQUE (model_id, key)
);

-- sqlite:
INSERT INTO model_tags_with_id (model_id, key, value) SELECT model_id, key, value FROM model_tags;

-- sqlite:
DROP TABLE model_tags;

-- sqlite:
ALTER TABLE model_tags_with_id RENAME TO model_tags;

-- sqlite:
CREATE TABLE version_tags_with_id (
    id INTEGER PRIMARY KEY,
    version_id INTEGER NOT NULL REFERENCES model_versions (id) ON DELETE CASCADE,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    UNIQUE (version_id, key)
);

-- sqlite:
INSERT INTO version_tags_with_id (version_id, key, value) SELECT version_id, key, value FROM version_tags;

-- sqlite:
DROP TABLE version_tags;

-- sqlite:
ALTER TABLE version_tags_with_id RENAME TO version_tags;

-- sqlite:
CREATE TABLE run_tags_with_id (
    id INTEGER PRIMARY KEY,
    run_id TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    UNIQUE (run_id, key)
);

-- sqlite:
INSERT INTO run_tags_with_id (run_id, key, value) SELECT run_id, key, value FROM run_tags;

-- sqlite:
DROP TABLE run_tags;

-- sqlite:
ALTER TABLE run_tags_with_id RENAME TO run_tags;

-- sqlite: it went with the table.
CREATE INDEX run_tags_by_value ON run_tags (key, substr(value, 1, 200), run_id);

CREATE INDEX model_tags_by_value ON model_tags (key, substr(value, 1, 200), model_id);

CREATE INDEX version_tags_by_value ON version_tags (key, substr(value, 1, 200), version_id);

CREATE INDEX model_tags_long ON model_tags (key, model_id) WHERE length(value) > 1000;

CREATE INDEX version_tags_long ON version_tags (key, version_id) WHERE length(value) > 1000;

CREATE INDEX run_tags_long ON run_tags (key, run_id) WHERE length(value) > 1000;

-- sqlite:
CREATE VIRTUAL TABLE model_name_trigrams USING fts5(name, content = '', tokenize = 'trigram', detail = none);

-- sqlite:
INSERT INTO model_name_trigrams (rowid, name) SELECT id, name FROM registered_models;

-- sqlite:
CREATE TRIGGER model_name_trigrams_insert AFTER INSERT ON registered_models BEGIN
    INSERT INTO model_name_trigrams (rowid, name) VALUES (new.id, new.name);
END;

-- sqlite:
CREATE TRIGGER model_name_trigrams_update AFTER UPDATE OF name ON registered_models BEGIN
    INSERT INTO model_name_trigrams (model_name_trigrams, rowid, name) VALUES ('delete', old.id, old.name);
    INSERT INTO model_name_trigrams (rowid, name) VALUES (new.id, new.name);
END;

-- sqlite:
CREATE TRIGGER model_name_trigrams_delete AFTER DELETE ON registered_models BEGIN
    INSERT INTO model_name_trigrams (model_name_trigrams, rowid, name) VALUES ('delete', old.id, old.name);
END;

-- sqlite:
CREATE VIRTUAL TABLE model_tag_trigrams USING fts5(value, content = '', tokenize = 'trigram', detail = none);

-- sqlite:
INSERT INTO model_tag_trigrams (rowid, value) SELECT id, value FROM model_tags WHERE length(value) <= 1000;

-- sqlite:
CREATE TRIGGER model_tag_trigrams_insert AFTER INSERT ON model_tags BEGIN
    INSERT INTO model_tag_trigrams (rowid, value) SELECT new.id, new.value WHERE length(new.value) <= 1000;
END;

-- sqlite:
CREATE TRIGGER model_tag_trigrams_update AFTER UPDATE OF value ON model_tags WHEN new.value <> old.value BEGIN
    INSERT INTO model_tag_trigrams (model_tag_trigrams, rowid, value)
    SELECT 'delete', old.id, old.value WHERE length(old.value) <= 1000;
    INSERT INTO model_tag_trigrams (rowid, value) SELECT new.id, new.value WHERE length(new.value) <= 1000;
END;

-- sqlite:
CREATE TRIGGER model_tag_trigrams_delete AFTER DELETE ON model_tags BEGIN
    INSERT INTO model_tag_trigrams (model_tag_trigrams, rowid, value)
    SELECT 'delete', old.id, old.value WHERE length(old.value) <= 1000;
END;

-- sqlite:
CREATE VIRTUAL TABLE version_tag_trigrams USING fts5(value, content = '', tokenize = 'trigram', detail = none);

-- sqlite:
INSERT INTO version_tag_trigrams (rowid, value) SELECT id, value FROM version_tags WHERE length(value) <= 1000;

-- sqlite:
CREATE TRIGGER version_tag_trigrams_insert AFTER INSERT ON version_tags BEGIN
    INSERT INTO version_tag_trigrams (rowid, value) SELECT new.id, new.value WHERE length(new.value) <= 1000;
END;

-- sqlite:
CREATE TRIGGER version_tag_trigrams_update AFTER UPDATE OF value ON version_tags WHEN new.value <> old.value BEGIN
    INSERT INTO version_tag_trigrams (version_tag_trigrams, rowid, value)
    SELECT 'delete', old.id, old.value WHERE length(old.value) <= 1000;
    INSERT INTO version_tag_trigrams (rowid, value) SELECT new.id, new.value WHERE length(new.value) <= 1000;
END;

-- sqlite:
CREATE TRIGGER version_tag_trigrams_delete AFTER DELETE ON version_tags BEGIN
    INSERT INTO version_tag_trigrams (version_tag_trigrams, rowid, value)
    SELECT 'delete', old.id, old.value WHERE length(old.value) <= 1000;
END;

-- sqlite:
CREATE VIRTUAL TABLE run_tag_trigrams USING fts5(value, content = '', tokenize = 'trigram', detail = none);

-- sqlite:
INSERT INTO run_tag_trigrams (rowid, value) SELECT id, value FROM run_tags WHERE length(value) <= 1000;

-- sqlite:
CREATE TRIGGER run_tag_trigrams_insert AFTER INSERT ON run_tags BEGIN
    INSERT INTO run_tag_trigrams (rowid, value) SELECT new.id, new.value WHERE length(new.value) <= 1000;
END;

-- sqlite:
CREATE TRIGGER run_tag_trigrams_update AFTER UPDATE OF value ON run_tags WHEN new.value <> old.value BEGIN
    INSERT INTO run_tag_trigrams (run_tag_trigrams, rowid, value)
    SELECT 'delete', old.id, old.value WHERE length(old.value) <= 1000;
    INSERT INTO run_tag_trigrams (rowid, value) SELECT new.id, new.value WHERE length(new.value) <= 1000;
END;

-- sqlite:
CREATE TRIGGER run_tag_trigrams_delete AFTER DELETE ON run_tags BEGIN
    INSERT INTO run_tag_trigrams (run_tag_trigrams, rowid, value)
    SELECT 'delete', old.id, old.value WHERE length(old.value) <= 1000;
END;

-- postgres: an unprivileged user of a database without the extension does without: those searches look at every row.
DO $$
BEGIN
    CREATE EXTENSION IF NOT EXISTS pg_trgm;
    CREATE INDEX model_name_trigrams ON registered_models USING gin (name gin_trgm_ops);
    CREATE INDEX model_tag_trigrams ON model_tags USING gin (value gin_trgm_ops) WHERE length(value) <= 1000;
    CREATE INDEX version_tag_trigrams ON version_tags USING gin (value gin_trgm_ops) WHERE length(value) <= 1000;
    CREATE INDEX run_tag_trigrams ON run_tags USING gin (value gin_trgm_ops) WHERE length(value) <= 1000;
EXCEPTION WHEN insufficient_privilege OR feature_not_supported OR undefined_file OR undefined_object THEN
    NULL;
END
$$;
