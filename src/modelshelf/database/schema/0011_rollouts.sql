-- Rollouts of a version behind an alias, and what became of the requests meanwhile.
-- No reference to the model's row: what happened outlives it. Of one alias one rollout is under way at most.

CREATE TABLE rollouts (
    id SERIAL_ID,
    model_id INTEGER NOT NULL,
    model TEXT NOT NULL,
    alias TEXT NOT NULL,
    stable INTEGER NOT NULL,
    target INTEGER NOT NULL,
    plan TEXT NOT NULL,
    state TEXT NOT NULL,
    step INTEGER NOT NULL,
    salt TEXT NOT NULL,
    started_ms INTEGER NOT NULL,
    started_by TEXT NOT NULL,
    started_as TEXT NOT NULL,
    step_ms INTEGER NOT NULL,
    paused_ms INTEGER,
    reason TEXT NOT NULL,
    ended_ms INTEGER,
    why TEXT NOT NULL,
    step_requests INTEGER NOT NULL DEFAULT 0,
    evidence TEXT NOT NULL,
    verdict TEXT
);

CREATE UNIQUE INDEX rollouts_live ON rollouts (model_id, alias) WHERE ended_ms IS NULL;

CREATE INDEX rollouts_by_model ON rollouts (model_id, id);

-- Reports that have not been counted yet: who steps the rollout adds them up, and deletes them.
CREATE TABLE rollout_reports (
    id SERIAL_ID,
    rollout INTEGER NOT NULL REFERENCES rollouts (id),
    report TEXT NOT NULL,
    received_ms INTEGER NOT NULL
);

CREATE INDEX rollout_reports_by_rollout ON rollout_reports (rollout, id);
