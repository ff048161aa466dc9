-- Sessions of browsers. What the browser holds is not stored, only its SHA-256. Times are milliseconds since the epoch, UTC.

-- A session that a token opened ends with the token; one that a password opened ends when the password changes, of which
-- `password_mark` is a digest ('' where a token opened it).
CREATE TABLE ui_sessions (
    digest TEXT PRIMARY KEY,
    user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    token_id TEXT REFERENCES tokens (id) ON DELETE CASCADE,
    password_mark TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    expires_ms INTEGER NOT NULL
);

CREATE INDEX ui_sessions_by_expiry ON ui_sessions (expires_ms);

CREATE INDEX ui_sessions_by_user ON ui_sessions (user_id);

CREATE INDEX ui_sessions_by_token ON ui_sessions (token_id);
