-- Machines that belong to somebody, and since when they are away.

CREATE TABLE owned_machine (
    name TEXT PRIMARY KEY,
    body TEXT NOT NULL
);
