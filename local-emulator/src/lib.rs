#![doc = include_str!("../README.md")]

pub mod console;
pub mod emulator;
pub mod up;
