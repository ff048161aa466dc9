-- What was answered to requests that carried an Idempotency-Key, kept for a day.
-- The row is written in the transaction of the change itself: it is there exactly when the change is. `request` is a
-- digest of what was asked, so that a key can't be used for something else.

CREATE TABLE idempotency_keys (
    actor TEXT NOT NULL,
    key TEXT NOT NULL,
    request TEXT NOT NULL,
    answer TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    PRIMARY KEY (actor, key)
);

CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_ms);
