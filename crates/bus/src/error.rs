//! Errors, sorted by what the caller should do.

use std::time::Duration;

/// The bus cannot be used as it is set up.
#[derive(Debug, thiserror::Error)]
pub enum BusError {
    /// A queue of a kind that this build has no client for.
    #[error(
        "{url}: this build has no client for AWS queues; build with --features aws, or use pubsub://PROJECT"
    )]
    NotBuiltIn {
        /// What was asked for.
        url: String,
    },
    /// No client could be made: credentials are missing, or an address is wrong.
    #[error("cannot use {service}: {error}")]
    Client {
        /// `Pub/Sub` or `AWS`.
        service: &'static str,
        /// Its client's words.
        error: String,
    },
    /// The server was not there for as long as we were ready to wait.
    #[error(
        "no {service} server answered at {endpoint} within {waited:?}: {error}; is it running, and is FARM_BUS right?"
    )]
    Unreachable {
        /// `Pub/Sub` or `AWS`.
        service: &'static str,
        /// Its address.
        endpoint: String,
        /// How long we tried.
        waited: Duration,
        /// The last try's error.
        error: String,
    },
    /// The server answered, and refused.
    #[error("{service} refused {what}: {error}")]
    Refused {
        /// `Pub/Sub` or `AWS`.
        service: &'static str,
        /// What was asked of it.
        what: String,
        /// Its words.
        error: String,
    },
    /// What others make is not there, or is not as it must be.
    #[error("{what}: {error}; terraform makes it")]
    NotMade {
        /// What should be there.
        what: String,
        /// What is wrong.
        error: String,
    },
    /// Dead letters could not be looked at.
    #[error("cannot look at {subscription}: {reason}")]
    Look {
        /// Their subscription.
        subscription: String,
        /// Why not.
        reason: String,
    },
    /// A subscription is there, with a topic or filter that cannot be changed.
    #[error(
        "the subscription {subscription} exists with another {what}: found {found:?}, wanted {wanted:?}; delete it, or choose another project"
    )]
    Differs {
        /// The subscription.
        subscription: String,
        /// `topic` or `filter`.
        what: &'static str,
        /// As it is.
        found: String,
        /// As it should be.
        wanted: String,
    },
}

/// An event was not published, or it is not known whether it was.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PublishError {
    /// The queue's trouble, or that of its set-up: the same event may go through later. It may even have gone through.
    #[error("not published to {topic}, try again: {reason}")]
    Again {
        /// The topic.
        topic: String,
        /// For the log.
        reason: String,
    },
    /// The event's own fault.
    #[error("event {id} can never be published to {topic}: {reason}")]
    Never {
        /// The event.
        id: String,
        /// The topic.
        topic: String,
        /// The rule that it breaks.
        reason: String,
    },
}

impl PublishError {
    /// Whether trying again can help.
    #[must_use]
    pub fn is_again(&self) -> bool {
        matches!(self, Self::Again { .. })
    }
}
