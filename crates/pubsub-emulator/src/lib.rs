#![doc = include_str!("../README.md")]

mod clock;
mod filter;
mod lease;
mod names;
mod proto;
mod refusal;
