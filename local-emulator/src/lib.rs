#![doc = include_str!("../README.md")]

mod chaos;
#[cfg(unix)]
mod cloud;
pub mod console;
pub mod emulator;
mod gcs;
mod host;
mod inherit;
mod pubsub;
mod site;
pub mod up;
