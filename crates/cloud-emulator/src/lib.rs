#![doc = include_str!("../README.md")]

mod answer;
mod clock;
mod download;
pub mod gce;
pub mod kubernetes;
mod machine;
mod page;
mod serve;

pub use machine::Place;
pub use serve::{Bound, ServeError};
