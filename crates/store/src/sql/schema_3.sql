-- Leadership that shows it is alive; finished builds that can be left where they are; small records by kind and key.

ALTER TABLE leader ADD COLUMN renewed BIGINT NOT NULL DEFAULT 0; -- counted by the leader while it lives

ALTER TABLE run ADD COLUMN finished_at BIGINT; -- null while it is open
UPDATE run SET finished_at = opened_at WHERE outcome IS NOT NULL; -- those of before: nearly
DROP INDEX run_open;
CREATE INDEX run_open ON run (opened_at, build, number) WHERE outcome IS NULL;
CREATE INDEX run_by_end ON run (finished_at, build, number) WHERE finished_at IS NOT NULL;

CREATE TABLE kept (
    kind TEXT NOT NULL,
    key TEXT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (kind, key)
);

CREATE TABLE view_version (
    key TEXT PRIMARY KEY,
    version TEXT NOT NULL, -- of the document in the bucket, as the leader wrote it
    written_at BIGINT NOT NULL
);
CREATE INDEX view_version_by_time ON view_version (written_at);
