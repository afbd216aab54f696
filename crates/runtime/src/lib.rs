#![doc = include_str!("../README.md")]

mod clock;
pub mod event;
pub mod failure;
mod ids;
pub mod serve;
pub mod shutdown;
pub mod telemetry;
pub mod trace;
mod vars;

pub use clock::Clock;
pub use failure::Failure;
pub use ids::Ids;
pub use shutdown::Shutdown;
pub use vars::{SettingError, Vars};
