//! The client's commands as they are typed, against a small farm that answers as the real pages do.

#![expect(clippy::unwrap_used, reason = "a test fails where it unwraps an error")]

mod builders;
mod builds;
mod check;
mod command;
mod dead_letters;
mod explain;
mod farm;
mod init;
mod logs;
mod machine;
mod open;
mod replay;
mod retry;
mod retrybuilds;
mod status;
mod sweep;
mod token;
mod typed;
