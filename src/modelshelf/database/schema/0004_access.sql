-- Who may come in: users with a role, and tokens of theirs. Times are milliseconds since the epoch, UTC.
-- No password and no token is stored: of a password there is its argon2 hash ('' where a user has none), of a token,
-- which is random, its SHA-256.

CREATE TABLE users (
    id SERIAL_ID,
    name TEXT NOT NULL UNIQUE,
    role TEXT NOT NULL,
    password_hash TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    created_by TEXT NOT NULL,
    updated_ms INTEGER NOT NULL
);

-- A NULL in expires_ms means never; in used_ms, not yet.
CREATE TABLE tokens (
    id TEXT PRIMARY KEY,
    user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    role TEXT NOT NULL,
    digest TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    created_by TEXT NOT NULL,
    expires_ms INTEGER,
    used_ms INTEGER,
    UNIQUE (user_id, name)
);
