//! Cases for any server of google.pubsub.v1, through Google's Rust client. The same in Python, and more of them, are in
//! `../python`; `../run.sh` holds Google's emulator and ours against both.

mod case;
mod cases;
mod docs;
mod expect;
mod world;

pub use case::{Case, Outcome};
pub use cases::all;
pub use world::Clients;
