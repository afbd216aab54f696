//! `commands`: someone whom a function has authenticated asks for something.

use serde::{Deserialize, Serialize};

use crate::event::{Message, Topic};
use crate::id::{BuildId, BuilderName, CommandId, CommitId, MachineName};

/// A request with its author.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Command {
    /// The same id twice is one command.
    pub id: CommandId,
    /// Who was authenticated: `user:gopher`, `builder:linux-test`.
    pub actor: String,
    /// What is asked.
    pub ask: Ask,
}

/// What can be asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case")]
pub enum Ask {
    /// Forget the result of every finished build of this builder and commit: each opens its next run.
    Clear {
        /// The builder.
        builder: BuilderName,
        /// The commit.
        commit: CommitId,
    },
    /// Open the next run of one build that is over.
    Retry {
        /// The build.
        build: BuildId,
    },
    /// End the open run of a build, on its machines as well.
    Cancel {
        /// The build.
        build: BuildId,
    },
    /// Lease nothing of a builder from now on; what runs goes on.
    Pause {
        /// The builder.
        builder: BuilderName,
        /// Why, for people.
        reason: String,
    },
    /// End the pause of a builder.
    Resume {
        /// The builder.
        builder: BuilderName,
    },
    /// Lease nothing to a machine from now on; what it runs goes on.
    Drain {
        /// The machine, by its name.
        machine: MachineName,
        /// Why, for people.
        reason: String,
    },
    /// Write all documents anew that pages read.
    RebuildViews,
    /// Use a machine again that was drained or set aside.
    Undrain {
        /// The machine, by its name.
        machine: MachineName,
    },
}

impl Message for Command {
    const TYPE: &'static str = "farmhand.command.v1";
    const TOPIC: Topic = Topic::Commands;
}
