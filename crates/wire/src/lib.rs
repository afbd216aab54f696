#![doc = include_str!("../README.md")]

pub mod client;
pub mod head;
pub mod keys;
pub mod link;
mod random;
pub mod revdial;
pub mod reverse;
pub mod stream;
pub mod tls;
