-- What processes that load by alias last said of themselves. A row is worth something for a minute or two.

CREATE TABLE loaders (
    loader TEXT NOT NULL,
    model TEXT NOT NULL,
    alias TEXT NOT NULL,
    host TEXT NOT NULL,
    version INTEGER NOT NULL,
    digest TEXT NOT NULL,
    kind TEXT NOT NULL,
    loaded_ms INTEGER NOT NULL,
    stale_since_ms INTEGER,
    last_error TEXT NOT NULL,
    seen_ms INTEGER NOT NULL,
    actor TEXT NOT NULL,
    PRIMARY KEY (loader, model, alias)
);

CREATE INDEX loaders_by_model ON loaders (model, alias, seen_ms);

CREATE INDEX loaders_by_age ON loaders (seen_ms);
