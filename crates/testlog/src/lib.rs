#![doc = include_str!("../README.md")]

mod book;
mod excerpt;
mod go;
mod junit;
mod libtest;
mod lines;
mod reader;
mod result;

pub use reader::{Ended, Reader};
pub use result::{Found, Limits};
