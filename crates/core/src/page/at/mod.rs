//! The pages as of a past moment: a checkpoint, and the transitions from there to that moment.
//!
//! A transition says what became of a build; its details carry what a page shows of it, put there at the one place through
//! which every change of a run passes, `Farm::touch`. What lines cannot tell,
//! such as another configuration or a branch that was rewound, is followed by a new checkpoint.

mod build;
mod checkpoint;
mod diff;
mod past;

pub use build::build;
#[cfg(test)]
pub(crate) use checkpoint::without_failures;
pub use checkpoint::{Checkpoint, OpenThen};
pub use diff::{Change, Changes, Few};
pub use past::Past;

/// What lines say beside what happened: names of their details.
pub(crate) mod detail {
    /// `queued` or `running`: the state of the run after the line.
    pub(crate) const STATUS: &str = "status";
    /// Since when it is in that state.
    pub(crate) const SINCE: &str = "since";
    /// A branch's new commits, newest first: JSON of [`CommitInfo`](farm_model::record::CommitInfo)s.
    pub(crate) const COMMITS: &str = "commits";
    /// How many commits the branch has with them.
    pub(crate) const TOTAL: &str = "total";
    pub(crate) const BUILDER: &str = "builder";
    pub(crate) const REPO: &str = "repo";
    pub(crate) const COMMIT: &str = "commit";
    pub(crate) const BRANCH: &str = "branch";
    /// There where the build is no cell of a grid: a try, or one against another repository's commit.
    pub(crate) const ASIDE: &str = "beside-the-grid";
    /// The machine of the current attempt, while the run runs.
    pub(crate) const ON: &str = "on";
}

/// Lines that are not about a build: names of what happened.
pub(crate) mod note {
    /// A branch has new commits on top of what it had.
    pub(crate) const MOVED: &str = "moved";
    /// A branch was made, rewound, rewritten or removed: a checkpoint follows.
    pub(crate) const REWRITTEN: &str = "rewritten";
    /// Another `farm.toml` is in force: a checkpoint follows.
    pub(crate) const CONFIGURED: &str = "configured";
}
