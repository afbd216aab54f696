//! The whole farm: `farm up` as people run it, and the same parts as five processes that may be killed.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::missing_docs_in_private_items,
    reason = "a test ends where it cannot go on"
)]

mod breakages;
mod chaos;
mod clouds;
mod collector;
mod console;
mod delivery;
mod emulator;
mod functions;
mod gcs;
mod kills;
mod limits;
mod machine;
mod pool;
mod pools;
mod sources;
mod standby;
mod status;
mod trace;
mod up;

/// The binary under test.
fn binary() -> &'static std::path::Path {
    std::path::Path::new(env!("CARGO_BIN_EXE_farm"))
}
