//! The buildlet as a process, spoken to in bytes.

#![expect(clippy::unwrap_used, reason = "a test fails where it unwraps an error")]

mod access;
mod archives;
mod causes;
mod debug;
mod disk;
mod ends;
mod exec;
mod goldens;
mod harness;
mod hub;
mod ls;
mod peer;
mod plain;
mod reverse;
mod ssh;
