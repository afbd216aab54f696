//! The client against a peer that is bytes.

mod commands;
mod fake;
mod forwarding;
mod health;
mod listings;
mod requests;
mod ssh;

use std::time::Duration;

use fake::{Fake, ok};

const MINUTE: Duration = Duration::from_secs(60);
