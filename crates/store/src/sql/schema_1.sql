-- Text that SQLite and PostgreSQL both take. Moments are nanoseconds since 1970; `body` is the record as JSON.

CREATE TABLE leader (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    epoch BIGINT NOT NULL
);
INSERT INTO leader (id, epoch) VALUES (1, 0);

CREATE TABLE config (
    digest TEXT PRIMARY KEY,
    seq BIGINT NOT NULL UNIQUE, -- the highest is in force
    source TEXT NOT NULL,
    body TEXT NOT NULL
);

CREATE TABLE branch (
    repo TEXT NOT NULL,
    name TEXT NOT NULL,
    observed_at BIGINT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (repo, name)
);

CREATE TABLE build (
    id TEXT PRIMARY KEY,
    repo TEXT NOT NULL,
    commit_id TEXT NOT NULL,
    builder TEXT NOT NULL,
    wanted_at BIGINT NOT NULL,
    body TEXT NOT NULL
);
CREATE INDEX build_by_commit ON build (commit_id, builder);

CREATE TABLE run (
    build TEXT NOT NULL REFERENCES build (id),
    number BIGINT NOT NULL,
    opened_at BIGINT NOT NULL,
    outcome TEXT, -- null while it is open
    body TEXT NOT NULL,
    PRIMARY KEY (build, number)
);
CREATE INDEX run_open ON run (opened_at) WHERE outcome IS NULL;

CREATE TABLE inbox (
    key TEXT PRIMARY KEY,
    at BIGINT NOT NULL
);
CREATE INDEX inbox_by_time ON inbox (at);

CREATE TABLE outbox (
    seq BIGINT PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    topic TEXT NOT NULL,
    body TEXT NOT NULL
);

CREATE TABLE dirty (
    key TEXT PRIMARY KEY
);

CREATE TABLE history (
    hour BIGINT NOT NULL, -- whole hours since 1970
    seq BIGINT NOT NULL,  -- from 1 in each hour
    build TEXT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (hour, seq)
);

CREATE TABLE feed (
    at BIGINT PRIMARY KEY,
    body TEXT NOT NULL
);

CREATE TABLE decision (
    seq BIGINT PRIMARY KEY,
    epoch BIGINT NOT NULL,
    at BIGINT NOT NULL,
    config_digest TEXT NOT NULL,
    inputs TEXT NOT NULL
);
CREATE INDEX decision_by_time ON decision (at);
