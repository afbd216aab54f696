//! The tables that batches are written to.

/// A table, and what a row does that meets another of its key.
pub struct Table {
    pub name: &'static str,
    /// The columns of the key first.
    pub columns: &'static [&'static str],
    /// How many columns the key has.
    pub key: usize,
    pub clash: Clash,
}

/// What becomes of a row whose key is there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clash {
    /// It takes the other's place.
    Replaces,
    /// It is dropped.
    Yields,
}

macro_rules! tables {
    ($($constant:ident = $name:literal ($($key:literal),+; $($column:literal),*) $clash:ident;)+) => {
        $(pub const $constant: Table = Table {
            name: $name,
            columns: &[$($key,)+ $($column,)*],
            key: [$($key),+].len(),
            clash: Clash::$clash,
        };)+
    };
}

tables! {
    BRANCH = "branch" ("repo", "name"; "observed_at", "body") Replaces;
    COMMIT = "commit_number" ("repo", "branch", "number"; "commit_id", "body") Replaces;
    BUILD = "build" ("id"; "repo", "commit_id", "builder", "wanted_at", "body") Replaces;
    RUN = "run" ("build", "number"; "opened_at", "outcome", "finished_at", "body") Replaces;
    CONFIG = "config" ("digest"; "seq", "source", "body") Replaces;
    INBOX = "inbox" ("key"; "at") Yields;
    OUTBOX = "outbox" ("id"; "seq", "topic", "body") Yields;
    DIRTY = "dirty" ("key";) Yields;
    HISTORY = "history" ("hour", "seq"; "build", "body") Yields;
    FEED = "feed" ("at"; "body") Replaces;
    OWNED_MACHINE = "owned_machine" ("name"; "body") Replaces;
    KEPT = "kept" ("kind", "key"; "body") Replaces;
    DECISION = "decision" ("seq"; "epoch", "at", "config_digest", "inputs") Yields;
    VIEW_VERSION = "view_version" ("key"; "version", "written_at") Replaces;
}
