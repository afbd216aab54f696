#![doc = include_str!("../README.md")]

mod chaos;
pub mod console;
mod host;
mod inherit;
pub mod pubsub;
mod site;
pub mod up;
