//! The buildlet as a process, spoken to in bytes.

#![expect(clippy::unwrap_used, reason = "a test fails where it unwraps an error")]

mod access;
mod archives;
mod ends;
mod exec;
mod harness;
mod hub;
mod peer;
mod plain;
mod reverse;
mod streams;
