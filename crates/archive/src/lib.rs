#![doc = include_str!("../README.md")]

mod blocks;
mod create;
mod dir;
mod error;
mod extract;
mod gunzip;
mod list;
mod name;
mod remove;
mod write_file;

pub use create::create;
pub use dir::Dir;
pub use error::Error;
pub use extract::{Extracted, Limits, extract};
pub use list::{Found, Listing, list};
pub use name::{is_relative_dir, is_relative_path};
pub use remove::remove;
pub use write_file::write_file;

#[cfg(test)]
mod tests;
