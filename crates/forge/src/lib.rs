#![doc = include_str!("../README.md")]

pub mod gerrit;
pub mod git;
pub mod github;
mod mac;
mod payload;
pub mod seal;
pub mod signature;
pub mod stored;
pub mod token;

pub use payload::PayloadError;
