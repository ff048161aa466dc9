-- Where the files of an experiment's runs and logged models lie in the store; empty: in a folder called by its id.

ALTER TABLE experiments ADD COLUMN location TEXT NOT NULL DEFAULT '';
