#![doc = include_str!("../README.md")]

pub mod blob_token;
pub mod client;
pub mod head;
pub mod keypair;
pub mod keys;
pub mod link;
pub mod proxy;
mod random;
pub mod revdial;
pub mod reverse;
pub mod stream;
pub mod tls;
