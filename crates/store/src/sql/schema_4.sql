-- Commits by their numbers on a branch, also those that the branch's own record has no room for.

CREATE TABLE commit_number (
    repo TEXT NOT NULL,
    branch TEXT NOT NULL,
    number BIGINT NOT NULL, -- from 0, dense
    commit_id TEXT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (repo, branch, number)
);
CREATE INDEX commit_number_by_commit ON commit_number (commit_id, repo);
