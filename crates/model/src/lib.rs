#![doc = include_str!("../README.md")]

pub mod config;
pub mod event;
pub mod id;
pub mod keep;
pub mod kept;
pub mod machine;
pub mod message;
pub mod order;
pub mod reason;
pub mod record;
pub mod trace;
pub mod view;

/// The one timestamp type of the farm: UTC, nanoseconds, RFC 3339 in JSON.
pub use jiff::Timestamp;
