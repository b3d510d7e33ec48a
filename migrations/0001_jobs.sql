-- Jobs, what their runs reported, and who asked. Times are milliseconds since 1970 UTC; 0 means "not yet". JSON is kept as text.
-- Later parts of the service (data sets, sweeps, models, tokens) bring their own numbered files.

CREATE TABLE job (
    num INTEGER PRIMARY KEY, -- by age; the key of all other tables
    id TEXT NOT NULL UNIQUE, -- job_ + ULID, what the outside sees
    name TEXT NOT NULL,
    experiment TEXT NOT NULL,
    owner TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('queued', 'starting', 'running', 'stopping', 'paused', 'succeeded', 'failed', 'cancelled')),
    wish INTEGER NOT NULL DEFAULT 0, -- enum job_wish: why it is stopping
    cause TEXT NOT NULL DEFAULT '',  -- of failed
    reason TEXT NOT NULL,
    message TEXT NOT NULL,
    priority INTEGER NOT NULL,
    slots INTEGER NOT NULL,
    created_ms INTEGER NOT NULL,
    queued_ms INTEGER NOT NULL,
    started_ms INTEGER NOT NULL DEFAULT 0,
    ended_ms INTEGER NOT NULL DEFAULT 0,
    changed_ms INTEGER NOT NULL,
    not_before_ms INTEGER NOT NULL DEFAULT 0,
    attempt INTEGER NOT NULL DEFAULT 0,
    launches INTEGER NOT NULL DEFAULT 0,
    losses INTEGER NOT NULL DEFAULT 0,
    progress_step INTEGER NOT NULL DEFAULT 0,
    event_id INTEGER NOT NULL DEFAULT 0,    -- newest event
    tail_offset INTEGER NOT NULL DEFAULT 0, -- bytes of events.ndjson that are in `event`
    labels TEXT NOT NULL,
    asked TEXT NOT NULL,    -- the request
    spec TEXT NOT NULL,     -- resolved
    run_spec TEXT NOT NULL, -- resolved, with absolute paths: spec.json of the run
    latest TEXT,            -- newest value of each metric
    evaluated TEXT          -- "metrics" of the newest evaluation
) STRICT;
CREATE INDEX job_active ON job (priority DESC, num) WHERE state IN ('queued', 'starting', 'running', 'stopping', 'paused');
CREATE INDEX job_state ON job (state, cause, queued_ms);
CREATE INDEX job_experiment ON job (experiment);
CREATE INDEX job_name ON job (name);
CREATE INDEX job_priority ON job (priority);
CREATE INDEX job_changed ON job (changed_ms);

CREATE TABLE label (
    job INTEGER NOT NULL REFERENCES job (num) ON DELETE CASCADE,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (job, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE idempotency (
    key TEXT PRIMARY KEY,
    request_hash TEXT NOT NULL,
    job_id TEXT NOT NULL, -- stays when the job is deleted: a late repetition must not train again
    created_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX idempotency_age ON idempotency (created_ms);

CREATE TABLE event (
    id INTEGER PRIMARY KEY AUTOINCREMENT, -- server-wide, never used twice: streams resume by it
    job INTEGER NOT NULL REFERENCES job (num) ON DELETE CASCADE,
    seq INTEGER NOT NULL, -- in the run's events.ndjson; 0: made by the server
    attempt INTEGER NOT NULL,
    step INTEGER NOT NULL,
    utc_ms INTEGER NOT NULL,
    type INTEGER NOT NULL, -- enum event_type
    body TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX event_once ON event (job, seq) WHERE seq > 0;
CREATE INDEX event_job ON event (job);

CREATE TABLE metric_name (
    num INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE metric (
    job INTEGER NOT NULL REFERENCES job (num) ON DELETE CASCADE,
    name INTEGER NOT NULL REFERENCES metric_name (num),
    step INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    utc_ms INTEGER NOT NULL,
    value REAL, -- NULL: not finite
    PRIMARY KEY (job, name, step, attempt)
) STRICT, WITHOUT ROWID;

CREATE TABLE checkpoint (
    id TEXT PRIMARY KEY, -- ckpt_ + ULID
    job INTEGER NOT NULL REFERENCES job (num) ON DELETE CASCADE,
    path TEXT NOT NULL, -- in the run directory
    step INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    size_bytes INTEGER NOT NULL,
    utc_ms INTEGER NOT NULL,
    sha256 TEXT NOT NULL,
    best INTEGER NOT NULL,
    metrics TEXT NOT NULL,
    UNIQUE (job, path)
) STRICT, WITHOUT ROWID;

CREATE TABLE evaluation (
    job INTEGER PRIMARY KEY REFERENCES job (num) ON DELETE CASCADE,
    event INTEGER NOT NULL,
    body TEXT NOT NULL
) STRICT;

CREATE TABLE attempt (
    job INTEGER NOT NULL REFERENCES job (num) ON DELETE CASCADE,
    launch INTEGER NOT NULL,            -- 1, 2, ...: a process that was started
    attempt INTEGER NOT NULL DEFAULT 0, -- the run's own number, once it wrote an event
    pid INTEGER NOT NULL DEFAULT 0,
    pid_start INTEGER NOT NULL DEFAULT 0,
    started_ms INTEGER NOT NULL,
    ended_ms INTEGER NOT NULL DEFAULT 0,
    exit_code INTEGER NOT NULL DEFAULT -1,
    signal INTEGER NOT NULL DEFAULT 0,
    cause TEXT NOT NULL DEFAULT '',
    message TEXT NOT NULL DEFAULT '',
    log_from INTEGER NOT NULL,
    PRIMARY KEY (job, launch)
) STRICT, WITHOUT ROWID;
