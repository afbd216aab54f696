//! What is said behind the output (`buildlet.md` 5.4): how the command ended, in prose, and to those who ask for it why
//! it was not started, in a word.

use crate::http::Request;
use crate::process::Cause;

/// How the command ended, as since 2019.
pub(super) const PROCESS_STATE: &str = "Process-State";
/// `not-found`, `permission`, `bad-dir`, `invalid` or `machine`, only of commands that were not started. `machine` stands
/// alone: nothing is known about the command then.
const CAUSE: &str = "X-Farmhand-Cause";
/// Asks for it, being `1`. Without it answers are to the byte what they were in 2019.
const ASKS_FOR_CAUSE: &str = "X-Farmhand-Trailer";

/// Which trailers the client wants.
#[derive(Debug, Clone, Copy)]
pub(super) struct Trailers {
    cause: bool,
}

impl Trailers {
    pub fn of(request: &Request) -> Self {
        Self {
            cause: request.field(ASKS_FOR_CAUSE) == Some("1"),
        }
    }

    /// The value of header `Trailer`.
    pub fn announced(self) -> String {
        match self.cause {
            false => PROCESS_STATE.to_owned(),
            true => format!("{PROCESS_STATE}, {CAUSE}"),
        }
    }

    /// Of a command that ran.
    pub fn ended(self, state: &str) -> Vec<(&'static str, &str)> {
        vec![(PROCESS_STATE, state)]
    }

    /// Of a command that cannot be started.
    pub fn refused(self, text: &str, cause: Cause) -> Vec<(&'static str, &str)> {
        let mut trailers = self.ended(text);
        if self.cause {
            trailers.push((CAUSE, cause.word()));
        }
        trailers
    }

    /// Of a machine that cannot start any; `None` to clients that would not understand it.
    pub fn not_ours(self) -> Option<(&'static str, &'static str)> {
        self.cause.then_some((CAUSE, "machine"))
    }
}
