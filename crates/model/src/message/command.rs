//! `commands`: someone whom a function has authenticated asks for something.

use serde::{Deserialize, Serialize};

use crate::event::{Message, Topic};
use crate::id::{BuilderName, CommandId, CommitId};

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
}

impl Message for Command {
    const TYPE: &'static str = "farmhand.command.v1";
    const TOPIC: Topic = Topic::Commands;
}
