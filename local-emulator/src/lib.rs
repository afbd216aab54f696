#![doc = include_str!("../README.md")]

mod chaos;
pub mod console;
pub mod up;
