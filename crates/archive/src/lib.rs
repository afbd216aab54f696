#![doc = include_str!("../README.md")]

mod blocks;
mod chain;
mod create;
mod dir;
mod error;
mod extract;
mod folding;
mod gunzip;
mod gzip;
mod list;
mod name;
mod put;
mod remove;
mod write_file;

pub use create::{create, create_members};
pub use dir::Dir;
pub use error::Error;
pub use extract::{Extracted, Limits, extract};
pub use list::{Found, Listing, list};
pub use name::{is_relative_dir, is_relative_path};
pub use remove::remove;
pub use write_file::write_file;

#[cfg(test)]
mod tests;
