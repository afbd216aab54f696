#![doc = include_str!("../README.md")]

mod clock;
mod digest;
mod http;
mod listing;
mod meta;
mod names;
mod options;
mod precondition;
mod range;
mod refusal;
mod run;
mod server;
mod shelf;
mod store;
mod xml;

pub use clock::{Clock, SystemClock};
pub use options::Options;
pub use run::{Args, Bound, bind, run};
pub use server::{Emulator, ServeError};
pub use shelf::OpenError;
