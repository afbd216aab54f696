//! Pub/Sub emulators as processes, and one client for all of them.

pub mod server;
pub mod wire;

pub use server::{Kind, Program, Server};
pub use wire::Wire;
