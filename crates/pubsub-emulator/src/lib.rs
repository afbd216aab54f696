#![doc = include_str!("../README.md")]

mod broker;
mod clock;
mod disturbance;
mod encoded;
mod filter;
mod grpc;
mod inspect;
mod labels;
mod lease;
mod mask;
mod names;
mod options;
mod page;
mod proto;
mod push;
mod refusal;
mod rest;
mod run;
mod schema;
mod seqs;
mod server;
mod stats;
mod store;
mod text;

pub use clock::{Clock, ManualClock, Moment, SystemClock, Wait};
pub use disturbance::{Disturbance, Fate};
pub use inspect::{InspectError, Inspector, MessageView, Seen, Waiting, Watch};
pub use options::{Durability, Options};
pub use run::{Args, Bound, HostPort, bind, run};
pub use server::{Emulator, ServeError};
pub use stats::{Stats, SubscriptionSettings, SubscriptionStats, TopicStats};
pub use store::OpenError;
