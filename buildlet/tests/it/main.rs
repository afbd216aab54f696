//! The buildlet as a process, spoken to in bytes. What goes on inside it is read from `/proc`: on Linux alone.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test fails where it unwraps an error")]

mod access;
mod archives;
mod causes;
mod client;
mod debug;
mod direct;
mod disk;
mod emulator;
mod ends;
mod exec;
mod fetch;
mod goldens;
mod harness;
mod hub;
mod install;
mod ls;
mod modules;
mod origin;
mod outbound;
mod peer;
mod plain;
mod register;
mod reverse;
mod ssh;
mod stage0;
mod streams;
mod waiting;

/// Says that a test cannot run here. Not printed: of a test that passes nobody would see it.
fn skipped(why: &str) {
    let _ = std::io::Write::write_fmt(&mut std::io::stderr(), format_args!("skipped: {why}\n"));
}
