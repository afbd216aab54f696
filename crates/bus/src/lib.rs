#![doc = include_str!("../README.md")]

#[cfg(feature = "aws")]
mod aws;
mod bus;
mod dead;
mod delivery;
mod error;
mod pause;
mod pubsub;
mod queue;
mod receiver;
mod rules;
mod subscription;
mod url;

pub use bus::Bus;
pub use dead::{DeadLetter, Sentence};
pub use delivery::Delivery;
pub use error::{BusError, PublishError};
pub use receiver::{Limits, Receiver};
pub use subscription::{PushTarget, SubscriptionSpec};
pub use url::{BusUrl, BusUrlError};
